"""What the chaos run says of scenarios, and two of its scenarios in a short form."""

from __future__ import annotations

import statistics
import sys
import threading
import time
from collections import Counter

import psutil
import pytest
import requests

from endurance import seen
from endurance.chaos import report
from endurance.chaos.__main__ import main, play
from endurance.chaos.crowd import Crowd, share
from endurance.chaos.flooding import ask_without_pause, request_of
from endurance.chaos.place import place
from endurance.chaos.scenario import SCENARIOS, NotPossible, Scenario, Stage, outcome_of
from tests.harness.processes import ROOT, Processes, wait_until

EXPECTS = {"first": "It holds", "second": "It holds, too"}


def played(act) -> tuple[bool, str]:
    outcome = play(Scenario("trial", "A trial", "Nothing.", EXPECTS, act))
    return outcome.is_met, report.told(outcome)


def test_scenario_is_as_expected_when_everything_was_checked_and_found() -> None:
    def act(stage: Stage) -> None:
        stage.check("first", True, "1 of 1")
        stage.check("second", True, "2 of 2")

    is_met, told = played(act)
    assert is_met
    assert told.splitlines()[0].startswith("PASS  trial: A trial")
    assert "PASS  It holds, too: 2 of 2" in told


@pytest.mark.parametrize("fault", ["found otherwise", "not reached", "raised", "not possible"])
def test_scenario_fails_that_finds_otherwise_or_does_not_come_to_its_end(fault: str) -> None:
    def act(stage: Stage) -> None:
        stage.check("first", fault != "found otherwise", "1 of 2", ["the other one"])
        if fault == "raised":
            raise AssertionError("something broke")
        if fault == "not possible":
            raise NotPossible("no such thing here")
        if fault != "not reached":
            stage.check("second", True, "2 of 2")

    is_met, told = played(act)
    assert not is_met
    assert "FAIL  trial" in told
    marks = {
        "found otherwise": "the other one",
        "not reached": "It holds, too: not reached",
        "raised": "something broke",
        "not possible": "not possible here: no such thing here",
    }
    assert marks[fault] in told


def test_processes_of_a_scenario_end_with_it_however_it_ends() -> None:
    started = []

    def act(stage: Stage) -> None:
        command = [sys.executable, "-c", "import time; time.sleep(600)"]
        started.append(stage.processes.start(command, cwd=ROOT).pid)
        raise AssertionError

    played(act)
    assert not psutil.pid_exists(started[0])


def test_every_scenario_has_a_name_of_its_own_and_says_what_it_expects(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    told = capsys.readouterr().out
    names = [each.name for each in SCENARIOS]
    assert len(set(names)) == len(names) >= 13
    for each in SCENARIOS:
        assert each.expects
        assert all(says in told for says in each.expects.values())
        assert each.name in told


def test_page_keeps_what_a_run_did_not_play() -> None:
    page = f"above\n{report.BEGIN}\n{report.END}\nbelow\n"
    first, second = SCENARIOS[0], SCENARIOS[1]
    page = report.published(page, [outcome_of(Stage(None, second), 7)], "Monday")  # type: ignore[arg-type]
    page = report.published(page, [outcome_of(Stage(None, first), 8)], "Tuesday")  # type: ignore[arg-type]
    page = report.published(page, [outcome_of(Stage(None, first), 9)], "Friday")  # type: ignore[arg-type]
    assert page.count("### ") == 2
    assert page.index(f"(`{first.name}`)") < page.index(f"(`{second.name}`)")
    assert ("Monday, 7 s" in page, "Tuesday" in page, "Friday, 9 s" in page) == (True, False, True)
    assert page.startswith("above\n")
    assert page.endswith("\nbelow\n")


def test_unknown_name_is_told() -> None:
    with pytest.raises(SystemExit, match="no scenario begins with 'earthquake'"):
        main(["--list", "--only", "earthquake"])


def test_killed_worker_leaves_balanced_books(processes: Processes) -> None:
    with place(processes, workers=2, members=2) as here:
        with Crowd(here.gateway.port, here.members, gap_s=0.1, stream_events=20) as crowd:
            wait_until("they are at it", lambda: len(crowd.notes.short) > 20, timeout_s=30)
            here.gateway.kill9_worker()
            goal = len(crowd.notes.short) + 20
            wait_until("the other worker goes on", lambda: len(crowd.notes.short) > goal, timeout_s=30)
        assert not [each for each in crowd.notes.seen if each.how in (seen.REFUSED, seen.BROKEN)]
        books = here.books(crowd.notes.seen, had_kills=True)
        assert len(books) > 5
        assert not [str(each) for each in books if not each.is_met]


def test_account_that_floods_is_answered_a_few_times_while_another_one_is_answered_once(processes: Processes) -> None:
    with place(processes, members=2) as here:
        request = request_of(here.members.pop(), "[[tokens 2]] hello")
        answered: Counter[str] = Counter()
        arguments = (here.gateway.port, request, 64, 5.0, answered)
        flood = threading.Thread(target=ask_without_pause, args=arguments)
        flood.start()
        wait_until("it floods", lambda: answered.total() > 200, timeout_s=30)
        crowd = Crowd(here.gateway.port, here.members, streams=0, meter=answered.total)
        with crowd:
            time.sleep(3)
        flood.join()
    meanwhile = [count for _, each, count in crowd.notes.short if each.how == seen.COMPLETE]
    assert len(meanwhile) >= 10
    assert set(answered) == {"200"}
    assert statistics.median(meanwhile) <= 20, "it does not wait behind sixty-four others"
    assert share(meanwhile, 0.9) <= 64


def test_pages_without_number_are_answered_a_few_times_while_an_account_is_answered_once(processes: Processes) -> None:
    page = b"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with place(processes, members=1) as here:
        answered: Counter[str] = Counter()
        flood = threading.Thread(target=ask_without_pause, args=(here.gateway.port, page, 64, 3.0, answered))
        flood.start()
        wait_until("it floods", lambda: answered.total() > 200, timeout_s=30)
        with Crowd(here.gateway.port, here.members, streams=0, meter=answered.total) as crowd:
            time.sleep(2)
            paths = ("/healthz", "/readyz")
            watched = [requests.get(here.gateway.url + path, timeout=30).status_code for path in paths]
        flood.join()
    meanwhile = [count for _, each, count in crowd.notes.short if each.how == seen.COMPLETE]
    assert watched == [200, 200]
    assert len(meanwhile) >= 5
    assert set(answered) == {"200"}
    assert statistics.median(meanwhile) <= 20, "it does not wait behind sixty-four others"
