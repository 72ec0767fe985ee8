"""The operator's page on upstream health."""

from __future__ import annotations

import re

import pytest
import requests

from blueprints.admin.route_health import views_of
from tests.admin.conftest import Person, text_of
from tests.harness.gateway import Gateway
from tests.harness.processes import wait_until

PATHS = ["/admin/health", "/admin/health/tables"]


def ask(person: Person, text: str, **more: object) -> int:
    """Send one prompt."""
    body = {"messages": [{"role": "user", "content": text}], "model": "second", **more}
    headers = {"Authorization": f"Bearer {person.token}"}
    url = f"{person.gateway.api}/chat/completions"
    return requests.post(url, json=body, headers=headers, timeout=20).status_code


@pytest.mark.parametrize("path", PATHS)
def test_only_operators_see_it(house: Gateway, member: Person, operator: Person, path: str) -> None:
    assert operator.get(path).status_code == 200
    assert member.get(path).status_code == 403
    guest = requests.get(house.url + path, timeout=10, allow_redirects=False)
    assert guest.status_code == 303
    assert guest.headers["Location"].startswith("/sign-in")


def test_page_shows_each_route_as_all_workers_met_it(operator: Person, member: Person) -> None:
    for _ in range(4):
        assert ask(member, "Good morning", stream=True) == 200

    def shown() -> str:
        text = text_of(operator.get("/admin/health").text)
        return text if "gone/far" in text and "upstream_unavailable" in text else ""

    text = wait_until("the failure of the first route", shown)
    assert "east/spare" in text
    assert "Last failure" in text
    page = operator.get("/admin/health").text
    for pid in operator.gateway.worker_pids():
        assert f'<th scope="row">{pid}</th>' in page
    assert 'data-refresh="/admin/health/tables"' in page
    assert "/static/health" in page


def test_tables_come_without_the_shell_for_the_script(operator: Person) -> None:
    text = operator.get("/admin/health/tables").text
    assert "<html" not in text
    assert text.count("<table") == 2


def told(pid: int, **other: object) -> dict[str, object]:
    """What a worker tells of a route."""
    return {
        "pid": pid, "state": "closed", "wait_s": 0, "pause_s": 0, "open_streams": 1, "open_answers": 2,
        "rate_limits": 0, "last_failure": None, "minutes": [],
    } | other  # fmt: skip


def test_workers_are_added_up_and_only_the_last_minutes_count() -> None:
    first = {"minute": 100, "ends": 8, "failures": 2, "streams": [[100, 6]], "answers": []}
    old = {"minute": 92, "ends": 50, "failures": 50, "streams": [[9000, 50]], "answers": []}
    second = {"minute": 99, "ends": 2, "failures": 0, "streams": [[400, 1], [200, 1]], "answers": [[1000, 1]]}
    workers = [
        told(1, minutes=[old, first], last_failure=["upstream_error", 10.0]),
        told(2, minutes=[second], last_failure=["upstream_timeout", 20.0], state="open", wait_s=3.6),
        told(3, pause_s=20.2),
    ]
    [view] = views_of([{"upstream": "east", "model": "m", "workers": workers}], 4, 100 * 60 + 30.0)
    assert (view.ends, view.failures, view.failed_percent) == (10, 2, 20)
    assert view.streams is not None
    assert view.answers is not None
    assert (view.streams.count, view.streams.p50, view.streams.p95) == (8, 100, 400)
    assert view.answers.p95 == 1000
    assert (view.open_streams, view.open_answers) == (3, 6)
    assert (view.last_failure, view.failed_at.timestamp() if view.failed_at else None) == ("upstream_timeout", 20.0)
    assert view.healthy == 2
    assert [(each.pid, each.state, each.seconds) for each in view.troubles] == [(2, "open", 4), (3, "rate_limited", 20)]
    assert [bar.ends for bar in view.bars] == [0, 50, 0, 0, 0, 0, 0, 0, 2, 8]


def test_route_that_nobody_has_met_is_healthy_and_empty() -> None:
    [view] = views_of([{"upstream": "east", "model": "m", "workers": []}], 2, 6000.0)
    assert (view.healthy, view.troubles, view.streams, view.last_failure) == (2, [], None, None)
    assert not re.search("[1-9]", str([bar.ends for bar in view.bars]))
