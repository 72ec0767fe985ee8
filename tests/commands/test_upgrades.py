"""``flask upgrades ...``: what each prints and does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.cli import ScriptInfo

from commands.upgrades import upgrades
from service.accounts import holdings, membership
from service.accounts import upgrades as requests
from tests.accounts.house import BOSS

EMAIL, PASSWORD = "member@example.org", "correct horse battery"


class Upgrades:
    """Runs ``flask upgrades ...``."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def run(self, *arguments: str) -> Result:
        """Run a command and give what it did."""
        return CliRunner().invoke(upgrades, list(arguments), obj=ScriptInfo(create_app=lambda: self._app))

    def json(self, *arguments: str) -> Any:
        """Run a command with ``--json``, which must go well, and give its one document."""
        done = self.run(*arguments, "--json")
        assert done.exit_code == 0, done.output
        assert done.stderr == ""
        return json.loads(done.stdout)


@pytest.fixture
def command(app: Flask) -> Upgrades:
    """The ``upgrades`` group."""
    return Upgrades(app)


@pytest.fixture
def pending(app: Flask) -> requests.Upgrade:
    """A member's request for Pro."""
    with app.app_context():
        member, _ = membership.create(EMAIL, PASSWORD, None, is_operator=False, by=BOSS)
        return requests.request(member.id, "pro", "First line\nsecond \x1b[31mline")


def plan(app: Flask) -> str | None:
    """The plan of the member."""
    with app.app_context():
        return holdings.holding(membership.find(EMAIL).id).plan_slug


def test_list_shows_pending_requests(command: Upgrades, pending: requests.Upgrade) -> None:
    [shown] = command.json("list")
    assert shown == {
        "id": pending.id,
        "email": EMAIL,
        "from": "free",
        "to": "pro",
        "note": pending.note,
        "state": "pending",
        "created_at": pending.created_at.isoformat(timespec="seconds"),
        "decided_at": None,
        "decided_by": None,
        "message": None,
    }
    text = command.run("list").stdout
    assert "free -> pro" in text
    assert "First line second ?[31mline" in text
    assert "\x1b" not in text


def test_list_without_requests_says_so(command: Upgrades) -> None:
    assert command.run("list").stdout == "No upgrade requests.\n"
    assert command.json("list") == []


def test_decided_requests_are_listed_with_all(command: Upgrades, pending: requests.Upgrade) -> None:
    command.json("decline", EMAIL)
    assert command.json("list") == []
    assert [each["state"] for each in command.json("list", "--all")] == ["declined"]


@pytest.mark.parametrize("by_address", [True, False])
def test_approve_takes_a_number_or_an_address(
    app: Flask, command: Upgrades, pending: requests.Upgrade, by_address: bool
) -> None:
    done = command.json("approve", EMAIL.upper() if by_address else str(pending.id), "--message", "Welcome")
    assert (done["state"], done["message"], done["decided_by"]) == ("approved", "Welcome", "command line")
    assert plan(app) == "pro"


def test_decline_keeps_the_plan(app: Flask, command: Upgrades, pending: requests.Upgrade) -> None:
    assert "declined" in command.run("decline", str(pending.id), "--message", "Not now").stdout
    assert plan(app) == "free"


@pytest.mark.parametrize("act", ["approve", "decline"])
@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ("9999", "no upgrade request 9999"),
        ("99999999999999999999", "No account has the address"),
        ("nobody@example.org", "No account has the address"),
        ("", "No account has the address"),
    ],
)
def test_request_that_is_not_there_is_a_sentence_and_exit_code_1(
    command: Upgrades, pending: requests.Upgrade, act: str, request_: str, words: str
) -> None:
    done = command.run(act, request_, "--json")
    assert done.exit_code == 1
    assert words in json.loads(done.stdout)["error"]["message"]


def test_deciding_twice_is_refused(app: Flask, command: Upgrades, pending: requests.Upgrade) -> None:
    command.json("approve", str(pending.id))
    done = command.run("decline", str(pending.id))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "approved already" in done.stderr
    done = command.run("approve", EMAIL)
    assert done.exit_code == 1
    assert "no pending upgrade request" in done.stderr
    assert plan(app) == "pro"


def test_message_that_is_too_long_decides_nothing(app: Flask, command: Upgrades, pending: requests.Upgrade) -> None:
    assert command.run("approve", EMAIL, "--message", "x" * 501).exit_code == 1
    assert plan(app) == "free"


def test_wrong_use_is_exit_code_2(command: Upgrades) -> None:
    for arguments in (["approve"], ["list", "extra"], ["dance"]):
        assert command.run(*arguments).exit_code == 2


def test_json_shows_letters_of_any_script_and_nothing_that_steers_a_terminal(app: Flask, command: Upgrades) -> None:
    note = "Zoë 日本 🚆 \x85\x9b31m\u202e\u2066\u200b\u2028\U000e0041"
    with app.app_context():
        member, _ = membership.create(EMAIL, PASSWORD, None, is_operator=False, by=BOSS)
        requests.request(member.id, "pro", note)
    done = command.run("list", "--json")
    assert "Zoë 日本 🚆" in done.stdout
    assert done.stdout.removesuffix("\n").isprintable()
    assert json.loads(done.stdout)[0]["note"] == note
