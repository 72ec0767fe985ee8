"""The dashboard and the alert rules of deploy/grafana, in a real Prometheus that scrapes a real gateway."""

from __future__ import annotations

import contextlib
import json
import math
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.admin.conftest import Person
from tests.harness.gateway import Gateway
from tests.harness.processes import ROOT, Processes, wait_until
from tests.observability.prometheus import Prometheus, program

GRAFANA = ROOT / "deploy" / "grafana"
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "smart-route.json").read_text())
ALERTS = GRAFANA / "alerts.yml"
VARIABLES = {"$__rate_interval": "30s", "$instance": ".*", "$upstream": ".*"}


def panels() -> list[dict[str, Any]]:
    """Every panel that shows something."""
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def queries() -> list[tuple[str, str]]:
    """Each panel's title and query, as Grafana would send it."""
    found = []
    for panel in panels():
        for target in panel["targets"]:
            query = target["expr"]
            for name, value in VARIABLES.items():
                query = query.replace(name, value)
            found.append((panel["title"], query))
    return found


@pytest.fixture(scope="module")
def prometheus(processes: Processes, house: Gateway, member: Person) -> Iterator[Prometheus]:
    """Has seen traffic of every kind, between scrapes."""
    prometheus = Prometheus(processes, f"127.0.0.1:{house.port}", ALERTS)

    def send(**more: object) -> None:
        body = {"model": "second", "messages": [{"role": "user", "content": "Good morning"}], **more}
        headers = {"Authorization": f"Bearer {member.token}"}
        requests.post(f"{house.api}/chat/completions", json=body, headers=headers, timeout=20)

    def all_is_answered() -> bool:
        send(stream=True)
        send()
        requests.get(f"{house.api}/models", timeout=10)
        return not unanswered(prometheus)

    with contextlib.suppress(AssertionError):  # the test that needs it names the queries
        wait_until("answers to all queries", all_is_answered, timeout_s=40, pause_s=0.3)
    yield prometheus
    prometheus.stop()


def unanswered(prometheus: Prometheus) -> list[str]:
    """The queries without a number for an answer."""
    empty = []
    for title, query in queries():
        numbers = [float(series["value"][1]) for series in prometheus.query(query)]
        if all(map(math.isnan, numbers)):
            empty.append(f"{title}: {query} -> {numbers}")
    return empty


def test_every_query_of_the_dashboard_has_an_answer(prometheus: Prometheus) -> None:
    assert len(queries()) > 25
    empty = unanswered(prometheus)
    assert not empty, "\n".join(empty)


def test_choices_of_the_dashboard_are_filled(prometheus: Prometheus) -> None:
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] != "query":
            continue
        found = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"])
        assert found, variable
        assert prometheus.series(found[1], found[2]), variable["query"]


def test_legends_name_labels_that_the_answers_have(prometheus: Prometheus) -> None:
    for panel in panels():
        for target in panel["targets"]:
            query = target["expr"]
            for name, value in VARIABLES.items():
                query = query.replace(name, value)
            for series in prometheus.query(query):
                assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= set(series["metric"]), panel["title"]


def test_dashboard_is_whole_and_its_panels_do_not_overlap() -> None:
    assert DASHBOARD["uid"] == "smart-route"
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells
    for panel in panels():
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])


def test_rules_are_loaded_and_know_the_metrics(prometheus: Prometheus) -> None:
    rules = prometheus.rules()
    assert {rule["name"] for rule in rules} == set(re.findall(r"alert: (\w+)", ALERTS.read_text()))
    wait_until("an evaluation", lambda: all(rule["health"] == "ok" for rule in prometheus.rules()))
    for metric in set(re.findall(r"smartroute_\w+", ALERTS.read_text())):
        assert prometheus.query(metric), f"{metric} is in no scrape"


def test_each_rule_fires_when_it_should_and_only_then(tmp_path: Path) -> None:
    cases = Path(__file__).with_name("alerts_test.yml").read_text()
    for rule in re.findall(r"alert: (\w+)", ALERTS.read_text()):
        assert f"alertname: {rule}\n" in cases, f"{rule} is not tried"
    here = tmp_path / "alerts_test.yml"
    here.write_text(cases.replace("rule_files: [alerts.yml]", f"rule_files: [{ALERTS}]"))
    done = subprocess.run([program("promtool"), "test", "rules", here], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
