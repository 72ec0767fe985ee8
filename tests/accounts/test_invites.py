"""Invites: one link makes one account, with its plan, for whom it is meant."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from models import invite as invite_rows
from models.audit_entry import AuditEntry
from models.base import utcnow
from models.invite import Invite
from service import refusals
from service.accounts import deletion, holdings, invites, membership
from service.services import services
from tests.accounts.house import BOSS, PASSWORD, Visitor, open_house

EMAIL, OPERATOR = "member@example.org", "another-operator@example.org"
ADDRESS = "http://127.0.0.1:8000"


def made(app: Flask, email: str | None = None, plan: str | None = None, **lifetime: timedelta) -> str:
    """Make an invite; gives the path of its link."""
    with app.app_context():
        done = invites.make(BOSS, email, plan, **lifetime)
    assert re.fullmatch(rf"{ADDRESS}/invite/[\w-]{{43}}", done.address)
    assert not done.is_mailed
    return done.address.removeprefix(ADDRESS)


def plan_of(app: Flask, email: str) -> str | None:
    with app.app_context():
        return holdings.holding(membership.find(email).id).plan_slug


def operator_of(app: Flask) -> Visitor:
    with app.app_context():
        membership.create(OPERATOR, PASSWORD, None, is_operator=True, by=BOSS)
    operator = Visitor(app)
    operator.sign_in(OPERATOR)
    return operator


# -- using one ----------------------------------------------------------------------------------------------------


def test_invite_makes_an_account_on_its_plan_and_signs_in(either_app: Flask) -> None:
    link = made(either_app, plan="plus")
    visitor = Visitor(either_app)
    assert "Plus" in visitor.get(link).text
    answer = visitor.send(link, email=EMAIL, password=PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/docs")
    assert visitor.is_signed_in()
    assert plan_of(either_app, EMAIL) == "plus"
    with either_app.app_context():
        assert not membership.find(EMAIL).is_operator
    assert Visitor(either_app).get(link).status_code == 410
    assert Visitor(either_app).sign_in(EMAIL).status_code == 303


def test_of_many_uses_at_once_one_makes_an_account(either_app: Flask) -> None:
    secret = made(either_app).removeprefix("/invite/")

    def accept(number: int) -> str:
        with either_app.app_context():
            try:
                return invites.accept(secret, f"member{number}@example.org", PASSWORD).email
            except refusals.LinkNotUsable:
                return "too late"

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(accept, range(6)))
    assert outcomes.count("too late") == 5
    with either_app.app_context():
        assert [member.email for member, *_ in membership.members()] == [
            outcome for outcome in outcomes if outcome != "too late"
        ]


def test_two_invites_for_one_address_at_once_make_one_account(either_app: Flask) -> None:
    secrets = [made(either_app).removeprefix("/invite/") for _ in range(4)]

    def accept(secret: str) -> bool:
        with either_app.app_context():
            try:
                return bool(invites.accept(secret, EMAIL, PASSWORD))
            except refusals.EmailTaken:
                return False

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(accept, secrets)) == 1
    with either_app.app_context():
        assert len(invites.open_invites()) == 3  # those that made nothing are not used up


def test_invite_for_an_address_makes_its_account_whatever_the_form_says(app: Flask) -> None:
    link = made(app, EMAIL.upper())
    visitor = Visitor(app)
    page = visitor.get(link).text
    assert EMAIL in page
    assert 'name="email"' not in page
    assert visitor.send(link, email="other@example.org", password=PASSWORD).status_code == 303
    with app.app_context():
        assert [member.email for member, *_ in membership.members()] == [EMAIL]


def test_looking_and_failing_do_not_use_an_invite_up(app: Flask) -> None:
    with app.app_context():
        membership.sign_up("taken@example.org", PASSWORD)
    link, visitor = made(app), Visitor(app)
    for _ in range(3):
        assert visitor.get(link).status_code == 200
    assert visitor.client.head(link).status_code == 200
    for fields in ({"email": EMAIL, "password": "short"}, {"email": "nonsense", "password": PASSWORD}, {}):
        assert visitor.send(link, **fields).status_code == 422
    taken = visitor.send(link, email="taken@example.org", password=PASSWORD)
    assert (taken.status_code, "exists already" in taken.text) == (422, True)
    assert visitor.send(link, email=EMAIL, password=PASSWORD).status_code == 303


def test_somebody_who_is_signed_in_uses_nothing_up(app: Flask) -> None:
    link, visitor = made(app), Visitor(app)
    visitor.sign_up(EMAIL)
    page = visitor.get(link)
    assert (page.status_code, "You have an account" in page.text) == (200, True)
    assert visitor.send(link, email="other@example.org", password=PASSWORD).status_code == 200
    assert Visitor(app).get(link).status_code == 200


def test_expired_revoked_and_invented_links_get_a_clear_page(app: Flask) -> None:
    expired, revoked = made(app), made(app)
    with app.app_context():
        over = sa.update(Invite).where(Invite.id == 1).values(expires_at=utcnow())
        services().storage.write(lambda connection: connection.execute(over))
        invites.revoke(BOSS, 2)
        with pytest.raises(refusals.NoSuchInvite):
            invites.revoke(BOSS, 2)
    for link in (expired, revoked, "/invite/x", "/invite/%00", "/invite/%FF", f"/invite/{'a' * 5000}"):
        answer = Visitor(app).get(link)
        assert (answer.status_code, answer.mimetype) == (410, "text/html"), link
        assert "does not work any more" in answer.text
        assert Visitor(app).send("/sign-up", link, email=EMAIL, password=PASSWORD).status_code == 410
    with app.app_context():
        assert membership.members() == []


def test_link_is_a_link_of_its_own_kind(app: Flask) -> None:
    secret = made(app).removeprefix("/invite/")
    for path in (f"/reset/{secret}", f"/confirm/{secret}", f"/operator?link={secret}"):
        assert Visitor(app).get(path).status_code == 410


def test_suspended_address_is_not_brought_back_by_an_invite(app: Flask) -> None:
    link = made(app)
    with app.app_context():
        member = membership.sign_up(EMAIL, PASSWORD)
        membership.suspend(member.id, by=BOSS)
        deletion.delete(member.id, by=BOSS)
        with pytest.raises(refusals.Suspended):
            invites.make(BOSS, EMAIL)
    answer = Visitor(app).send(link, email=EMAIL, password=PASSWORD)
    assert (answer.status_code, "suspended" in answer.text) == (422, True)
    assert Visitor(app).get(link).status_code == 200


def test_team_behind_one_address_joins_in_one_hour(app: Flask) -> None:
    for number in range(22):
        link = made(app)
        visitor = Visitor(app, "192.0.2.77")
        assert visitor.send(link, email=f"member{number}@example.org", password=PASSWORD).status_code == 303


def test_tries_that_fail_are_throttled(app: Flask) -> None:
    Visitor(app).sign_up(EMAIL)
    link, visitor = made(app), Visitor(app, "192.0.2.78")
    for _ in range(20):
        assert visitor.send(link, email=EMAIL, password=PASSWORD).status_code == 422
    assert visitor.send(link, email="new@example.org", password=PASSWORD).status_code == 429


def test_secret_stands_neither_in_the_log_nor_in_the_database(app: Flask, capfd: pytest.CaptureFixture[str]) -> None:
    link = made(app, EMAIL)
    visitor = Visitor(app)
    for path in (link, f"{link}/", f"{link}/more", f"/x{link}"):
        visitor.get(path)
    with app.app_context():
        stored = services().storage.read(
            lambda connection: [connection.execute(sa.select(table.__table__)).all() for table in (Invite, AuditEntry)]
        )
    written = capfd.readouterr()
    assert "/invite/[link]" in written.out
    assert link.removeprefix("/invite/") not in written.out + written.err + str(stored)
    assert EMAIL not in str(stored[1])  # the audit log outlives the account


# -- registration and catalog -------------------------------------------------------------------------------------


@pytest.mark.parametrize("registration", ["open", "invite"])
def test_invites_work_where_registration_is_open_or_by_invite(tmp_path: Path, registration: str) -> None:
    toml = tmp_path / "smartroute.toml"
    toml.write_text(f'[service]\nregistration = "{registration}"\n')
    with open_house(f"sqlite:///{tmp_path / 'smartroute.db'}", toml) as app:
        link = made(app)
        assert Visitor(app).send(link, email=EMAIL, password=PASSWORD).status_code == 303


def test_closed_registration_makes_no_invites_and_takes_none(tmp_path: Path) -> None:
    toml, database = tmp_path / "smartroute.toml", f"sqlite:///{tmp_path / 'smartroute.db'}"
    with open_house(database) as app:
        link = made(app)
    toml.write_text('[service]\nregistration = "closed"\n')
    with open_house(database, toml) as app:
        visitor = Visitor(app)
        answer = visitor.get(link)
        assert (answer.status_code, "No new accounts" in answer.text) == (403, True)
        assert visitor.send("/sign-in", link, email=EMAIL, password=PASSWORD).status_code == 403
        operator = operator_of(app)
        page = operator.get("/admin/invites").text
        assert "Registration is closed" in page
        assert "Make invite" not in page
        with app.app_context(), pytest.raises(refusals.RegistrationClosed, match="Set registration"):
            invites.make(BOSS)
    with open_house(database) as app:  # opened again
        assert Visitor(app).get(link).status_code == 200


def test_plan_that_the_catalog_has_lost_is_said_and_the_invite_kept(tmp_path: Path) -> None:
    toml, database = tmp_path / "smartroute.toml", f"sqlite:///{tmp_path / 'smartroute.db'}"
    with open_house(database) as app:
        link = made(app, plan="plus")
    toml.write_text('[[plans]]\nslug = "free"\n')
    with open_house(database, toml) as app:
        answer = Visitor(app).get(link)
        assert (answer.status_code, "not offered any more" in answer.text) == (410, True)
    with open_house(database) as app:
        assert Visitor(app).send(link, email=EMAIL, password=PASSWORD).status_code == 303


# -- what stays ---------------------------------------------------------------------------------------------------


def test_deleting_an_account_takes_its_invites_along(either_app: Flask) -> None:
    used, for_address = made(either_app), made(either_app, EMAIL)
    Visitor(either_app).send(used, email=EMAIL, password=PASSWORD)
    made(either_app, "other@example.org")
    with either_app.app_context():
        deletion.delete(membership.find(EMAIL).id, by=BOSS)
        assert [each.email for each in invites.open_invites()] == ["other@example.org"]
        assert invites.ended_invites() == []
    assert Visitor(either_app).get(for_address).status_code == 410


def test_invites_of_an_operator_whose_account_is_deleted_stay_without_the_address(app: Flask) -> None:
    with app.app_context():
        boss, _ = membership.create(BOSS.name, None, None, is_operator=True, by=BOSS)
    operator_of(app)
    link = made(app)
    with app.app_context():
        assert [each.created_by for each in invites.open_invites()] == [BOSS.name]
        deletion.delete(boss.id, by=BOSS)
        assert [each.created_by for each in invites.open_invites()] == ["a deleted operator"]
    assert Visitor(app).get(link).status_code == 200


def test_invites_are_forgotten_ninety_days_after_their_time(either_app: Flask) -> None:
    made(either_app)
    made(either_app)
    with either_app.app_context():
        storage = services().storage
        for days, left in ((89, 0), (91, 1)):
            old = sa.update(Invite).where(Invite.id == 1).values(expires_at=utcnow() - timedelta(days=days))
            storage.write(lambda connection, old=old: connection.execute(old))  # type: ignore[misc]
            assert invite_rows.forget_expired(storage) == left


# -- the operator's page ------------------------------------------------------------------------------------------


def test_page_makes_an_invite_and_shows_its_link_once(app: Flask) -> None:
    operator = operator_of(app)
    answer = operator.send("/admin/invites", email=EMAIL, plan="plus", days="30")
    assert (answer.status_code, answer.location) == (303, "/admin/invites")
    page = operator.get("/admin/invites").text
    [link] = set(re.findall(rf"{ADDRESS}(/invite/[\w-]+)", page))
    assert link not in operator.get("/admin/invites").text
    assert Visitor(app).send(link, password=PASSWORD).status_code == 303
    assert plan_of(app, EMAIL) == "plus"
    ended = operator.get("/admin/invites").text.partition('id="ended"')[2]
    assert EMAIL in ended
    assert "Used" in ended


def test_page_revokes(app: Flask) -> None:
    operator, link = operator_of(app), made(app)
    answer = operator.send("/admin/invites", "/admin/invites/revoke", invite="1")
    assert answer.status_code == 303
    assert "is revoked" in operator.get("/admin/invites").text
    assert Visitor(app).get(link).status_code == 410
    for number in ("1", "2", "x", "-1", "9" * 30, ""):
        operator.send("/admin/invites", "/admin/invites/revoke", invite=number)
        assert "No open invite has the number" in operator.get("/admin/invites").text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"email": "nonsense"}, "Enter an e-mail address"),
        ({"email": "x" * 300 + "@example.org"}, "at most 254 characters"),
        ({"email": OPERATOR}, "has an account already"),
        ({"plan": "gold"}, "Not a valid choice"),
        ({"days": "0"}, "from 1 to 365"),
        ({"days": "366"}, "from 1 to 365"),
        ({"days": "soon"}, "Not a valid integer"),
        ({"days": ""}, "from 1 to 365"),
    ],
)
def test_page_tells_a_fault_and_makes_nothing(app: Flask, fields: dict[str, str], said: str) -> None:
    operator = operator_of(app)
    answer = operator.send("/admin/invites", **{"email": "", "plan": "free", "days": "7", **fields})
    assert answer.status_code == 422
    assert said in answer.text
    with app.app_context():
        assert invites.open_invites() == []


def test_page_is_for_operators(app: Flask) -> None:
    member = Visitor(app)
    assert member.get("/admin/invites").status_code == 303
    member.sign_up(EMAIL)
    assert member.get("/admin/invites").status_code == 403
    assert member.send("/docs", "/admin/invites", email="", plan="free", days="7").status_code == 403
    assert member.send("/docs", "/admin/invites/revoke", invite="1").status_code == 403


def test_making_and_revoking_stand_in_the_audit_log(app: Flask) -> None:
    operator = operator_of(app)
    operator.send("/admin/invites", email=EMAIL, plan="plus", days="7")
    operator.send("/admin/invites", "/admin/invites/revoke", invite="1")
    with app.app_context():
        entries = services().storage.read_session(
            lambda session: [
                (entry.actor, entry.place, entry.action, entry.subject)
                for entry in session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id))
                if entry.action.startswith("invite.")
            ]
        )
    assert entries == [
        (OPERATOR, "192.0.2.1", "invite.created", "invite 1"),
        (OPERATOR, "192.0.2.1", "invite.revoked", "invite 1"),
    ]
