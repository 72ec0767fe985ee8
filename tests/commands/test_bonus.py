"""``flask accounts bonus``: what it prints and does."""

from __future__ import annotations

from datetime import date

import pytest

from tests.commands.conftest import Accounts

EMAIL = "member@example.org"


@pytest.fixture
def command(accounts_command: Accounts) -> Accounts:
    """The ``accounts`` group, with one account."""
    accounts_command.json("create", EMAIL)
    return accounts_command


def test_bonus_is_given_shown_listed_and_removed(command: Accounts) -> None:
    given = {"daily": 100, "monthly": 0, "until": "2100-12-31"}
    assert command.json("bonus", EMAIL) == {"email": EMAIL, "bonus": None}
    assert command.json("bonus", EMAIL, "--daily", "100", "--until", "2100-12-31") == {"email": EMAIL, "bonus": given}
    assert command.json("bonus", EMAIL) == {"email": EMAIL, "bonus": given}
    assert command.json("list")[0]["bonus"] == given
    assert "100 prompts more a day" in command.run("bonus", EMAIL).stdout
    assert command.json("bonus", EMAIL, "--remove") == {"email": EMAIL, "bonus": None}
    assert command.json("list")[0]["bonus"] is None


def test_later_bonus_replaces_the_one_before(command: Accounts) -> None:
    command.json("bonus", EMAIL, "--daily", "100", "--until", "2100-12-31")
    given = command.json("bonus", EMAIL, "--monthly", "7", "--until", "2101-01-01")
    assert given["bonus"] == {"daily": 0, "monthly": 7, "until": "2101-01-01"}


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--daily", "5"], 2, "--until"),
        (["--daily", "5", "--until", "soon"], 2, "does not match"),
        (["--daily", "-5", "--until", "2100-01-01"], 2, "range"),
        (["--remove", "--daily", "5", "--until", "2100-01-01"], 2, "Choose one"),
        (["--until", "2100-01-01"], 1, "how many prompts"),
        (["--daily", "5", "--until", str(date(2020, 1, 1))], 1, "is past"),
        (["--daily", "9000000000", "--until", "2100-01-01"], 1, "from 0 to"),
    ],
)
def test_wrong_use_is_refused_and_changes_nothing(
    command: Accounts, arguments: list[str], code: int, says: str
) -> None:
    done = command.run("bonus", EMAIL, *arguments)
    assert done.exit_code == code
    assert says in done.stderr
    assert command.json("bonus", EMAIL)["bonus"] is None


def test_account_that_is_deleted_takes_its_bonus_along(command: Accounts) -> None:
    command.json("bonus", EMAIL, "--daily", "100", "--until", "2100-12-31")
    command.json("delete", EMAIL)
    command.json("create", EMAIL)
    assert command.json("bonus", EMAIL)["bonus"] is None
