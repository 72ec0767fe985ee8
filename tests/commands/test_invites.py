"""``flask accounts invite`` and ``invites``, ``flask config mail-test``, and what ``config check`` says of mail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.cli import ScriptInfo

from commands.config import config
from service.accounts import membership
from tests.accounts.house import PASSWORD, Visitor, open_house
from tests.accounts.mail_server import Post
from tests.accounts.mailing import house_and_post
from tests.commands.conftest import Accounts

EMAIL = "member@example.org"


@pytest.fixture
def mailing(tmp_path: Path) -> Iterator[tuple[Flask, Post]]:
    with house_and_post(tmp_path) as both:
        yield both


def run_config(app: Flask, *arguments: str) -> Result:
    return CliRunner().invoke(config, list(arguments), obj=ScriptInfo(create_app=lambda: app))


def lifetime(document: dict[str, Any]) -> timedelta:
    return datetime.fromisoformat(document["expires_at"]) - datetime.now(UTC)


def test_invite_prints_a_link_that_makes_one_account(app: Flask, accounts_command: Accounts) -> None:
    printed = accounts_command.run("invite", "--plan", "plus")
    link = printed.stdout.splitlines()[0]
    assert (
        Visitor(app).send(link.removeprefix("http://127.0.0.1:8000"), email=EMAIL, password=PASSWORD).status_code == 303
    )
    assert [(each["email"], each["plan"]) for each in accounts_command.json("list")] == [(EMAIL, "plus")]


def test_invite_as_json(accounts_command: Accounts) -> None:
    document = accounts_command.json("invite", EMAIL.upper())
    assert document["link"].startswith("http://127.0.0.1:8000/invite/")
    assert (document["email"], document["plan"], document["sent"]) == (EMAIL, "free", False)
    assert timedelta(days=6, hours=23) < lifetime(document) <= timedelta(days=7)


@pytest.mark.parametrize(
    ("written", "days"), [("30d", 30), ("2w", 14), ("12h", 0.5), ("3", 3), ("1h", 1 / 24), ("365d", 365)]
)
def test_invite_lasts_as_long_as_asked(accounts_command: Accounts, written: str, days: float) -> None:
    left = lifetime(accounts_command.json("invite", "--expires", written))
    assert timedelta(days=days) - timedelta(minutes=2) < left <= timedelta(days=days)


@pytest.mark.parametrize("written", ["soon", "1.5d", "-1d", "", "30 d", "9" * 30, "1m"])
def test_time_that_is_none_is_wrong_use(accounts_command: Accounts, written: str) -> None:
    assert accounts_command.run("invite", "--expires", written).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--expires", "0h"], "at least an hour and at most 365 days"),
        (["--expires", "366d"], "at least an hour and at most 365 days"),
        (["--expires", "99999w"], "at least an hour and at most 365 days"),
        (["--plan", "gold"], "No plan is called 'gold'"),
        (["nonsense"], "Enter an e-mail address"),
        (["taken@example.org"], "has an account already"),
    ],
)
def test_invite_that_cannot_be_made_is_a_sentence(
    app: Flask, accounts_command: Accounts, arguments: list[str], said: str
) -> None:
    with app.app_context():
        membership.sign_up("taken@example.org", PASSWORD)
    done = accounts_command.run("invite", *arguments, "--json")
    assert done.exit_code == 1
    assert said in json.loads(done.stdout)["error"]["message"]
    assert accounts_command.json("invites", "--all") == []


def test_closed_registration_is_said_with_what_to_do(tmp_path: Path) -> None:
    toml = tmp_path / "smartroute.toml"
    toml.write_text('[service]\nregistration = "closed"\n')
    with open_house(f"sqlite:///{tmp_path / 'closed.db'}", toml) as app:
        done = Accounts(app).run("invite")
    assert done.exit_code == 1
    assert "nobody signs up, invited or not" in done.stderr
    assert "flask accounts create" in done.stderr


def test_invites_lists_open_ones_and_with_all_the_others(app: Flask, accounts_command: Accounts) -> None:
    assert accounts_command.run("invites").stdout == "No open invites.\n"
    first, second = accounts_command.json("invite", EMAIL), accounts_command.json("invite")
    Visitor(app).send(first["link"].removeprefix("http://127.0.0.1:8000"), password=PASSWORD)
    [listed] = accounts_command.json("invites")
    assert (listed["id"], listed["state"], listed["email"]) == (second["id"], "open", None)
    assert listed["created_by"].startswith("command line (")
    states = {each["id"]: (each["state"], each["email"]) for each in accounts_command.json("invites", "--all")}
    assert states == {first["id"]: ("used", EMAIL), second["id"]: ("open", None)}
    table = accounts_command.run("invites").stdout
    assert "(anybody)" in table
    assert second["link"].rpartition("/")[2] not in table


def test_revoked_invite_works_no_more_and_is_revoked_once(app: Flask, accounts_command: Accounts) -> None:
    document = accounts_command.json("invite")
    number = str(document["id"])
    assert accounts_command.json("invites", "--revoke", number) == {"id": document["id"], "revoked": True}
    assert Visitor(app).get(document["link"].removeprefix("http://127.0.0.1:8000")).status_code == 410
    for wrong in (number, "99", "0", "-1", "9" * 30):
        again = accounts_command.run("invites", "--revoke", wrong)
        assert (again.exit_code, "No open invite" in again.stderr) == (1, True)
    assert accounts_command.run("invites", "--revoke", number, "--all").exit_code == 2


def test_invite_for_an_address_is_mailed_and_says_so(mailing: tuple[Flask, Post]) -> None:
    app, post = mailing
    document = Accounts(app).json("invite", EMAIL, "--plan", "plus")
    assert (document["sent"], document["trouble"]) == (True, None)
    mail = post.next_mail()
    assert mail.recipients == [EMAIL]
    assert document["link"] in mail.text
    assert "on the plan Plus" in " ".join(mail.text.split())
    assert not Accounts(app).json("invite")["sent"]
    assert post.mails == []


def test_invite_that_cannot_be_mailed_is_made_and_handed_over(mailing: tuple[Flask, Post]) -> None:
    app, post = mailing
    post.refuse_recipient = "550 nobody here"
    done = Accounts(app).run("invite", EMAIL)
    assert done.exit_code == 0
    assert "could not be mailed, so hand it over" in done.stdout
    assert "nobody here" in done.stdout
    assert Visitor(app).get(done.stdout.splitlines()[0].removeprefix("https://ai.example.org")).status_code == 200


def test_mail_test_sends_one_mail(mailing: tuple[Flask, Post]) -> None:
    app, post = mailing
    done = run_config(app, "mail-test", EMAIL, "--json")
    assert json.loads(done.stdout) == {"email": EMAIL, "sent": True}
    assert post.next_mail().recipients == [EMAIL]


def test_mail_test_tells_what_the_server_said(mailing: tuple[Flask, Post]) -> None:
    app, post = mailing
    post.refuse_mail = "554 5.7.1 not from there"
    done = run_config(app, "mail-test", EMAIL)
    assert done.exit_code == 1
    assert "5.7.1 not from there" in done.stderr


def test_mail_test_without_a_server_or_an_address_is_a_sentence(app: Flask) -> None:
    assert "No mail server is configured" in run_config(app, "mail-test", EMAIL).stderr
    assert "Enter an e-mail address" in run_config(app, "mail-test", "nonsense").stderr


@pytest.mark.parametrize("is_set", [True, False])
def test_config_check_says_what_it_sees_of_mail_and_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_set: bool
) -> None:
    toml = tmp_path / "smartroute.toml"
    toml.write_text(
        '[smtp]\nhost = "mail.example.org"\nfrom = "ai@example.org"\nusername = "ai"\npassword_env = "MAIL_PASSWORD"\n'
    )
    monkeypatch.setenv("SMARTROUTE_CONFIG", str(toml))
    monkeypatch.setenv("PORT", "8000")
    monkeypatch.setenv("MAIL_PASSWORD", "verysecret" if is_set else "")
    text = CliRunner().invoke(config, ["check"]).stdout
    document = CliRunner().invoke(config, ["check", "--json"]).stdout
    assert "Mail by mail.example.org:587, security starttls, as ai" in text
    assert ("MAIL_PASSWORD is set" in text) == is_set
    assert ("notice" in text and "no mail can be sent" in text) != is_set
    assert json.loads(document)["mail"]["has_password"] == is_set
    assert "verysecret" not in text + document
