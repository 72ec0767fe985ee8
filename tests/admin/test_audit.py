"""The audit log: who changed what, in the transaction of the change, never changed itself, read page by page."""

from __future__ import annotations

import getpass
import re
import socket
from datetime import UTC, datetime, timedelta

import pymysql
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from flask import Flask
from flask.cli import ScriptInfo
from sqlalchemy.orm import Session

from commands.accounts import accounts as accounts_group
from models import audit_entry
from models.audit_entry import AuditEntry
from service.accounts import audit, deletion, holdings, membership, operator_link, operators, upgrades
from service.accounts.audit import Actor
from service.accounts.operator_link import hand_out_operator_link
from service.services import services
from service.signing_in import reset_links
from tests.accounts.conftest import either_app as either_app
from tests.accounts.house import BOSS, PASSWORD, Visitor, open_house
from tests.admin.conftest import text_of
from tests.harness.mariadb import MariaDB

# An application in this process: what is asked of it here needs no gateway.
from tests.pages.conftest import app as app

EMAIL = "member@example.org"


def entries() -> list[tuple[str, str, str, str, str]]:
    """Actor, place, action, subject and details of every entry, oldest first."""
    rows = sa.select(
        AuditEntry.actor, AuditEntry.place, AuditEntry.action, AuditEntry.subject, AuditEntry.details
    ).order_by(AuditEntry.id)
    return services().storage.read_session(lambda session: [(*row,) for row in session.execute(rows)])


def actions_after(count: int) -> list[str]:
    """Names of the entries that came after so many."""
    return [entry[2] for entry in entries()[count:]]


def boss(app: Flask) -> Visitor:
    """An operator who signed in, from 192.0.2.1."""
    with app.app_context():
        membership.create(BOSS.name, PASSWORD, None, is_operator=True, by=BOSS)
    visitor = Visitor(app)
    visitor.sign_in(BOSS.name)
    return visitor


def test_every_change_of_an_operator_is_recorded_and_no_secret_is(app: Flask) -> None:
    with app.app_context():
        link = hand_out_operator_link(by=BOSS).partition("link=")[2]
        first = operator_link.create_first_operator(link, BOSS.name, PASSWORD, place="192.0.2.7")
        member, held = membership.create(EMAIL, PASSWORD, None, is_operator=False, by=BOSS)
        secrets = [link, PASSWORD, held.token or ""]
        holdings.set_plan(member.id, "plus", by=BOSS)
        upgrades.approve(upgrades.request(member.id, "pro").id, by=BOSS)
        upgrades.decline(upgrades.request(member.id, "max").id, by=BOSS, message="not yet")
        secrets.append(holdings.regenerate_token(member.id, by=BOSS))
        secrets.append(holdings.show_token(member.id, by=BOSS) or "")
        holdings.revoke_token(member.id, by=BOSS)
        reset = reset_links.hand_out(member.id, by=BOSS).address.rpartition("/")[2]
        reset_links.reset(reset, "another password")
        membership.set_password(member.id, "a third password", by=BOSS)
        secrets += [reset, "another password", "a third password"]
        membership.sign_out(member.id, by=BOSS)
        membership.suspend(member.id, by=BOSS)
        membership.resume(member.id, by=BOSS)
        operators.make(member.id, by=BOSS)
        operators.unmake(member.id, by=BOSS)
        deletion.delete(member.id, by=BOSS)
        written = entries()
    whom = f"account {member.id}"
    assert [(entry[2], entry[3]) for entry in written] == [
        ("operator_link.created", ""),
        ("account.first_operator_made", f"account {first.id}"),
        ("account.created", whom),
        ("account.plan_changed", whom),
        ("upgrade.approved", whom),
        ("upgrade.declined", whom),
        ("token.regenerated", whom),
        ("token.shown", whom),
        ("token.revoked", whom),
        ("reset_link.created", whom),
        ("reset_link.used", whom),
        ("account.password_set", whom),
        ("account.signed_out", whom),
        ("account.suspended", whom),
        ("account.resumed", whom),
        ("account.operator_made", whom),
        ("account.operator_unmade", whom),
        ("account.deleted", whom),
    ]
    assert written[1][:2] == (BOSS.name, "192.0.2.7")
    assert written[3] == (BOSS.name, BOSS.place, "account.plan_changed", whom, '{"from": "free", "to": "plus"}')
    assert written[10][:2] == (whom, "own account")
    everything = repr(written)
    assert EMAIL not in everything  # deleting the account leaves no address behind
    assert [secret for secret in secrets if not secret or secret in everything] == []


def test_what_changes_nothing_is_not_recorded(app: Flask) -> None:
    with app.app_context():
        member, _ = membership.create(EMAIL, PASSWORD, "plus", is_operator=False, by=BOSS)
        before = len(entries())
        holdings.set_plan(member.id, "plus", by=BOSS)
        membership.resume(member.id, by=BOSS)
        operators.unmake(member.id, by=BOSS)
        holdings.regenerate_token(member.id)  # the member's own act
        assert actions_after(before) == []
        membership.suspend(member.id, by=BOSS)
        membership.suspend(member.id, by=BOSS)
        deletion.delete(member.id, by=BOSS)
        deletion.delete(member.id, by=BOSS)
        assert actions_after(before) == ["account.suspended", "account.deleted"]


def test_entry_and_change_stand_or_fall_together(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("disk full")

    with app.app_context():
        member, _ = membership.create(EMAIL, PASSWORD, None, is_operator=False, by=BOSS)
        before = len(entries())
        monkeypatch.setattr(audit_entry, "add", full)
        with pytest.raises(RuntimeError):
            membership.suspend(member.id, by=BOSS)
        assert not membership.find(EMAIL).is_suspended
        assert len(entries()) == before


def test_command_names_its_user_and_machine(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    info = ScriptInfo(create_app=lambda: app)
    assert CliRunner().invoke(accounts_group, ["create", EMAIL], obj=info).exit_code == 0
    monkeypatch.setenv("SUDO_USER", "anna")
    assert CliRunner().invoke(accounts_group, ["suspend", EMAIL], obj=info).exit_code == 0
    with app.app_context():
        [made, suspended] = entries()
    assert made[:3] == (f"command line ({getpass.getuser()})", socket.gethostname(), "account.created")
    assert suspended[0] == f"command line ({getpass.getuser()}, sudo by anna)"


def test_neither_mapper_nor_database_lets_an_entry_be_changed(either_app: Flask) -> None:
    with either_app.app_context():
        house = services()
        house.storage.write_session(lambda session: audit.record(session, BOSS, "account.suspended", "account 1"))
        before = entries()

        def edit(session: Session) -> None:
            session.scalars(sa.select(AuditEntry)).one().actor = "somebody else"
            session.flush()

        def remove(session: Session) -> None:
            session.delete(session.scalars(sa.select(AuditEntry)).one())
            session.flush()

        for change in (edit, remove):
            with pytest.raises(audit_entry.AppendOnly):
                house.storage.write_session(change)
        for statement in ("UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log"):
            with (
                pytest.raises(sa.exc.DBAPIError, match="the audit log is append-only"),
                house.storage.engine.execution_options(writes=True).begin() as connection,
            ):
                connection.exec_driver_sql(statement)
        assert entries() == before


def test_tables_are_made_where_no_trigger_may_be(mariadb_server: MariaDB) -> None:
    url = mariadb_server.create_database()
    name = url.rpartition("/")[2]
    root = pymysql.connect(unix_socket=mariadb_server._socket, user="root", autocommit=True)
    with root, root.cursor() as cursor:
        cursor.execute(f"REVOKE TRIGGER ON {name}.* FROM smartroute@'127.0.0.1'")
    with open_house(url) as app, app.app_context():
        membership.create(EMAIL, PASSWORD, None, is_operator=False, by=BOSS)
        assert actions_after(0) == ["account.created"]


def test_odd_texts_are_stored_and_long_ones_cut(either_app: Flask) -> None:
    with either_app.app_context():
        odd = Actor("half \ud83d of a pair", "p" * 300)
        services().storage.write_session(lambda session: audit.record(session, odd, "x.y", "s" * 300, note="n" * 600))
        [(actor, place, _, subject, details)] = entries()
    assert actor == "half ? of a pair"
    assert (len(place), len(subject), len(details)) == (255, 254, len('{"note": ""}') + 500)


def test_pages_turn_through_all_entries_once_each(either_app: Flask) -> None:
    visitor = boss(either_app)
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    with either_app.app_context():

        def fill(session: Session) -> None:
            for number in range(120):  # several of the same moment: the number tells them apart
                at = moment + timedelta(seconds=number // 7)
                session.add(
                    AuditEntry(at=at, actor="filler", place="here", action="x.y", subject=f"n{number:03}", details="{}")
                )

        services().storage.write_session(fill)
    seen: list[str] = []
    path, pages = "/admin/audit?actor=filler", []
    while path:
        page = visitor.get(path).text
        pages.append(path)
        seen += re.findall(r">(n\d{3})<", page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        path = older[1].replace("&amp;", "&") if older else ""
    assert seen == [f"n{number:03}" for number in reversed(range(120))]
    assert len(pages) == 3
    newer = re.search(r'rel="prev" href="([^"]+)"', page)
    assert newer
    back = re.findall(r">(n\d{3})<", visitor.get(newer[1].replace("&amp;", "&")).text)
    assert back == seen[50:100]


def test_filters_find_by_address_also_after_the_account_is_deleted(app: Flask) -> None:
    visitor = boss(app)
    with app.app_context():
        member, _ = membership.create(EMAIL, PASSWORD, None, is_operator=False, by=BOSS)
        membership.suspend(member.id, by=Actor("other@example.org", "198.51.100.4"))
    assert "member@example.org" in visitor.get("/admin/audit?action=account.suspended").text
    with app.app_context():
        deletion.delete(member.id, by=BOSS)
    page = visitor.get(f"/admin/audit?subject={EMAIL}").text
    assert re.findall(r"<code>([a-z_.]+)</code>", page) == ["account.deleted", "account.suspended", "account.created"]
    assert f"account {member.id}, deleted" in text_of(page)
    page = visitor.get("/admin/audit?actor=Other@example.org&from=2020-01-01&to=2100-01-01").text
    assert re.findall(r"<code>([a-z_.]+)</code>", page) == ["account.suspended"]
    assert "198.51.100.4" in page
    assert "No entry is like that." in visitor.get("/admin/audit?to=2020-01-01").text


@pytest.mark.parametrize(
    "query", ["from=x", "to=99999-1-1", "from=2026-02-02&to=2026-02-01", "before=x", "after=1-" + "9" * 30]
)
def test_filter_that_cannot_be_understood_says_so(app: Flask, query: str) -> None:
    answer = boss(app).get(f"/admin/audit?{query}")
    assert answer.status_code == 422
    assert 'id="filter-fault"' in answer.text


def test_page_writes_what_was_recorded_as_text(app: Flask) -> None:
    visitor = boss(app)
    with app.app_context():
        odd = Actor("<b>x</b>", "here")
        services().storage.write_session(lambda session: audit.record(session, odd, "x.y", "<i>s</i>", n="<u>d</u>"))
    page = visitor.get("/admin/audit").text
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "&lt;i&gt;s" in page
    assert "&lt;u&gt;d" in page
