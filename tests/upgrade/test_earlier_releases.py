"""A start on the database of an earlier release: upgraded with all that is in it, and used on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import DATABASES
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.processes import Processes
from tests.upgrade.fixture import Tables, earlier_database, told
from tests.upgrade.record import CONFIG

RELEASES = ("0004", "0009")


@dataclass
class Upgraded:
    """A gateway that was started on an earlier release's database."""

    gateway: Gateway
    told: dict[str, Any]
    release: str
    backups: Path

    def get(self, member: dict[str, Any], path: str) -> requests.Response:
        """GET as a member."""
        return requests.get(f"{self.gateway.api}/{path}", headers=_bearer(member["token"]), timeout=10)

    def ask(self, token: str, endpoint: str, **body: Any) -> requests.Response:
        """POST with a token."""
        return requests.post(f"{self.gateway.api}/{endpoint}", json=body, headers=_bearer(token), timeout=20)


@pytest.fixture(scope="module", params=[(release, kind) for release in RELEASES for kind in DATABASES], ids="-".join)
def upgraded(
    request: pytest.FixtureRequest,
    module_gateway_factory: Callable[..., Gateway],
    processes: Processes,
    demo: Demo,
) -> Iterator[Upgraded]:
    release, kind = request.param
    folder = processes.new_folder("earlier")
    url = earlier_database(request, release, kind, folder)
    config = CONFIG.format(demo=demo.base_url) + f'\n[retention]\nbackup_folder = "{folder / "backups"}"\n'
    gateway = module_gateway_factory(kind, config=config, database_url=url)
    yield Upgraded(gateway, told(release, kind), release, folder / "backups")
    gateway.stop()


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_start_says_what_it_did_and_leaves_one_backup_named_by_schema(upgraded: Upgraded) -> None:
    said = upgraded.gateway.stderr_text()
    assert f"the database has schema {upgraded.release} and is upgraded to" in said
    assert "it was checked" in said
    [backup] = upgraded.backups.iterdir()
    assert f"-before-upgrade-{upgraded.release}-" in backup.name
    assert backup.stat().st_mode & 0o777 == 0o600
    assert str(backup) in said


def test_quota_of_before_still_counts_and_the_old_token_goes_on(upgraded: Upgraded) -> None:
    for member in upgraded.told["members"]:
        used = member["usage"]["month"]["used"]
        is_same_month = member["usage"]["month"]["resets_at"] > time.time()
        counted = used if is_same_month else 0  # a later month begins anew
        before = upgraded.get(member, "usage").json()["month"]["used"]
        answer = upgraded.ask(member["token"], "chat/completions", messages=[{"role": "user", "content": "hello"}])
        assert answer.status_code == 200
        assert upgraded.get(member, "usage").json()["month"]["used"] == before + 1
        assert before >= counted


def test_revoked_token_of_before_stays_revoked(upgraded: Upgraded) -> None:
    for member in upgraded.told["members"]:
        answer = upgraded.ask(member["revoked"], "chat/completions", messages=[])
        assert answer.status_code == 401


def test_stored_response_of_before_is_read_and_continued(upgraded: Upgraded) -> None:
    for member in upgraded.told["members"]:
        stored = member["response"]
        assert upgraded.get(member, f"responses/{stored['id']}").json()["output"] == stored["output"]
        answer = upgraded.ask(member["token"], "responses", input="and?", previous_response_id=stored["id"])
        assert answer.status_code == 200


def test_no_row_was_lost(upgraded: Upgraded) -> None:
    tables = Tables(upgraded.gateway.database_url)
    first = "SELECT COUNT(*) FROM usage_log WHERE id <= 18"
    assert tables.scalar(first) == 18
    assert tables.scalar("SELECT COUNT(*) FROM accounts") == 3


def test_operator_of_before_is_known(upgraded: Upgraded) -> None:
    assert "no operator yet" not in upgraded.gateway.stderr_text()
