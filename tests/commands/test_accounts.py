"""``flask accounts ...``: what each prints and does."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from commands.public_address import PORT_NOTE
from models.base import utcnow
from models.token_format import is_well_formed
from service.accounts import membership, operator_link
from service.signing_in import reset_links
from tests.commands.conftest import Accounts

EMAIL, PASSWORD = "member@example.org", "correct horse battery"


def test_create_prints_address_plan_and_token(accounts_command: Accounts) -> None:
    made = accounts_command.json("create", EMAIL)
    assert (made["email"], made["plan"], made["operator"]) == (EMAIL, "free", False)
    assert is_well_formed(made["token"])


def test_create_takes_password_plan_and_role(app: Flask, accounts_command: Accounts) -> None:
    made = accounts_command.json("create", EMAIL, "--password", PASSWORD, "--plan", "pro", "--admin")
    assert made["plan"] == "pro"
    with app.app_context():
        member = membership.authenticate(EMAIL, PASSWORD)
    assert member is not None
    assert member.is_operator


def test_create_without_a_password_says_how_to_set_one(accounts_command: Accounts) -> None:
    assert f".venv/bin/flask accounts set-password {EMAIL}" in accounts_command.run("create", EMAIL).stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["create", EMAIL], "exists already"),
        (["create", "nonsense"], "e-mail address"),
        (["create", "other@example.org", "--plan", "gold"], "free, plus, business, pro, ultimate, max, unlimited"),
        (["create", "other@example.org", "--password", "short"], "at least 10 characters"),
        (["set-plan", EMAIL, "gold"], "There are: free"),
        (["set-plan", "nobody@example.org", "pro"], "No account has the address"),
        (["token", "nobody@example.org"], "No account has the address"),
        (["suspend", "nobody@example.org"], "No account has the address"),
        (["delete", "nobody@example.org"], "No account has the address"),
        (["set-password", EMAIL, "--password", "short"], "at least 10 characters"),
        (["reset-link", "nobody@example.org"], "No account has the address"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_exit_code_1(
    accounts_command: Accounts, arguments: list[str], words: str
) -> None:
    accounts_command.run("create", EMAIL)
    done = accounts_command.run(*arguments)
    assert (done.exit_code, done.stdout) == (1, "")
    assert words in done.stderr
    done = accounts_command.run(*arguments, "--json")
    assert done.exit_code == 1
    assert words in done.stderr
    assert words in json.loads(done.stdout)["error"]["message"]


@pytest.mark.parametrize(
    "arguments", [["create"], ["token", EMAIL, "--regenerate", "--revoke"], ["set-plan", EMAIL], ["dance"]]
)
def test_wrong_use_is_exit_code_2_with_nothing_on_standard_output(
    accounts_command: Accounts, arguments: list[str]
) -> None:
    done = accounts_command.run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")


def test_refused_create_makes_nothing(accounts_command: Accounts) -> None:
    accounts_command.run("create", EMAIL, "--plan", "gold")
    assert accounts_command.json("list") == []
    assert accounts_command.run("list").stdout == "No accounts yet.\n"


def test_list_shows_accounts_without_tokens(accounts_command: Accounts) -> None:
    made = accounts_command.json("create", EMAIL, "--plan", "max")
    accounts_command.run("create", "operator@example.org", "--admin")
    accounts_command.run("suspend", EMAIL)
    first, second = accounts_command.json("list")
    assert (first["email"], first["plan"], first["suspended"], first["has_token"]) == (EMAIL, "max", True, True)
    assert (second["operator"], second["suspended"]) == (True, False)
    assert made["token"] not in json.dumps([first, second])
    assert accounts_command.run("list").stdout.splitlines()[1].split()[:4] == [EMAIL, "max", "member", "suspended"]


def test_token_prints_the_token_alone(accounts_command: Accounts) -> None:
    made = accounts_command.json("create", EMAIL)
    assert accounts_command.run("token", EMAIL).stdout == made["token"] + "\n"


def test_token_document_is_the_same_for_showing_regenerating_and_revoking(accounts_command: Accounts) -> None:
    made = accounts_command.json("create", EMAIL)
    live = {"email": EMAIL, "token": made["token"], "revoked": False}
    revoked = {"email": EMAIL, "token": None, "revoked": True}
    assert accounts_command.json("token", EMAIL) == live
    new = accounts_command.json("token", EMAIL, "--regenerate")
    assert new["token"] != made["token"]
    assert new == {**live, "token": new["token"]}
    assert accounts_command.json("token", EMAIL) == new
    for options in (["--revoke"], ["--revoke"], []):
        assert accounts_command.json("token", EMAIL, *options) == revoked
    assert is_well_formed(accounts_command.json("token", EMAIL, "--regenerate")["token"])


def test_revoked_token_is_no_plain_line(accounts_command: Accounts) -> None:
    accounts_command.run("create", EMAIL)
    assert accounts_command.run("token", EMAIL, "--revoke").stdout == "The token is revoked.\n"
    assert accounts_command.run("token", EMAIL, "--revoke").stdout == "There was no live token.\n"
    done = accounts_command.run("token", EMAIL)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "--regenerate makes a new one" in done.stderr


def test_revoking_before_the_first_token_leaves_nothing_revoked(app: Flask, accounts_command: Accounts) -> None:
    with app.app_context():
        membership.sign_up(EMAIL, PASSWORD)
    assert accounts_command.json("token", EMAIL, "--revoke") == {"email": EMAIL, "token": None, "revoked": False}
    assert accounts_command.json("token", EMAIL)["revoked"] is False


def test_token_of_a_member_who_never_had_one_is_made(app: Flask, accounts_command: Accounts) -> None:
    with app.app_context():
        membership.sign_up(EMAIL, PASSWORD)
    assert is_well_formed(accounts_command.json("token", EMAIL)["token"])


def test_plan_suspension_and_deletion(accounts_command: Accounts) -> None:
    accounts_command.run("create", EMAIL)
    assert accounts_command.json("set-plan", EMAIL, "plus") == {"email": EMAIL, "plan": "plus"}
    assert accounts_command.json("suspend", EMAIL) == {"email": EMAIL, "suspended": True}
    assert accounts_command.json("resume", EMAIL.upper()) == {"email": EMAIL, "suspended": False}
    assert accounts_command.json("delete", EMAIL) == {"email": EMAIL, "deleted": True}
    assert accounts_command.json("list") == []


def test_account_made_again_after_a_suspension_is_told_to_be_suspended(accounts_command: Accounts) -> None:
    accounts_command.run("create", EMAIL)
    accounts_command.run("suspend", EMAIL)
    accounts_command.run("delete", EMAIL)
    assert accounts_command.json("create", EMAIL)["suspended"] is True


def test_set_password_takes_the_option(app: Flask, accounts_command: Accounts) -> None:
    accounts_command.run("create", EMAIL)
    assert accounts_command.json("set-password", EMAIL, "--password", PASSWORD) == {"email": EMAIL}
    with app.app_context():
        assert membership.authenticate(EMAIL, PASSWORD)


def test_set_password_takes_a_line_of_standard_input(app: Flask, accounts_command: Accounts) -> None:
    accounts_command.run("create", EMAIL)
    assert accounts_command.json("set-password", EMAIL, stdin=f"{PASSWORD}\nmore\n") == {"email": EMAIL}
    with app.app_context():
        assert membership.authenticate(EMAIL, PASSWORD)


def test_set_password_makes_one_without_option_and_input(app: Flask, accounts_command: Accounts) -> None:
    accounts_command.run("create", EMAIL)
    made = accounts_command.json("set-password", EMAIL, stdin="")
    with app.app_context():
        assert membership.authenticate(EMAIL, made["password"])


def test_reset_link_sets_the_password_of_its_account(app: Flask, accounts_command: Accounts) -> None:
    accounts_command.run("create", EMAIL)
    made = accounts_command.json("reset-link", EMAIL.upper())
    assert made.keys() == {"email", "link", "expires_at"}
    assert made["email"] == EMAIL
    assert timedelta(minutes=58) < datetime.fromisoformat(made["expires_at"]) - utcnow() <= timedelta(hours=1)
    secret = made["link"].removeprefix("http://127.0.0.1:8000/reset/")
    assert re.fullmatch(r"[\w-]{43}", secret)
    with app.app_context():
        reset_links.reset(secret, PASSWORD)
        assert membership.authenticate(EMAIL, PASSWORD)


def test_plain_reset_link_comes_first_and_says_for_whom_and_until_when(accounts_command: Accounts) -> None:
    accounts_command.run("create", EMAIL)
    first, *rest = accounts_command.run("reset-link", EMAIL).stdout.splitlines()
    assert first.startswith("http://127.0.0.1:8000/reset/")
    assert f"For {EMAIL}, until " in rest[-1]


def test_suspended_account_gets_no_reset_link(accounts_command: Accounts) -> None:
    accounts_command.run("create", EMAIL)
    accounts_command.run("suspend", EMAIL)
    done = accounts_command.run("reset-link", EMAIL)
    assert (done.exit_code, done.stdout) == (1, "")
    assert f".venv/bin/flask accounts resume {EMAIL}" in done.stderr


def test_operator_link_is_handed_out_until_there_is_an_operator(app: Flask, accounts_command: Accounts) -> None:
    link = accounts_command.json("operator-link")["link"]
    assert link.startswith("http://127.0.0.1:8000/operator?link=")
    with app.app_context():
        assert operator_link.operator_link_is_usable(link.partition("=")[2])
    accounts_command.run("create", EMAIL, "--admin")
    done = accounts_command.run("operator-link")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "--admin" in done.stderr


def test_plain_operator_link_says_when_its_port_is_a_guess(
    accounts_command: Accounts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PORT", raising=False)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'smartroute.db'}")
    link, _, note = accounts_command.run("operator-link").stdout.rstrip("\n").partition("\n")
    assert re.fullmatch(r"http://127\.0\.0\.1:8000/operator\?link=[\w-]{43}", link)
    assert note == PORT_NOTE
    monkeypatch.setenv("PORT", "8000")
    assert len(accounts_command.run("operator-link").stdout.splitlines()) == 1
