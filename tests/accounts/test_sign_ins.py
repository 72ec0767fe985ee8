"""Sign-ins on the server: what ends them, who sees which, how long they last; on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from models import sign_in
from models.base import utcnow
from service import refusals
from service.accounts import deletion, membership
from service.process import worker
from service.services import services
from service.signing_in import reset_links, sign_ins
from tests.accounts.house import BOSS

EMAIL, PASSWORD, OTHER_PASSWORD = "member@example.org", "correct horse battery", "another password"


@pytest.fixture(autouse=True)
def context(either_app: Flask) -> Iterator[None]:
    """Every test here runs inside an application, on each database."""
    with either_app.app_context():
        yield


@pytest.fixture
def member() -> membership.Member:
    """The account that these tests sign in to."""
    return membership.sign_up(EMAIL, PASSWORD)


def age(**columns: Any) -> None:
    """Write times into every sign-in."""
    services().storage.write(lambda connection: connection.execute(sa.update(sign_in.SignIn).values(**columns)))


def rows() -> list[Any]:
    """Every sign-in as it is stored."""
    found = sa.select(sign_in.SignIn.__table__)
    return list(services().storage.read(lambda connection: connection.execute(found).all()))


def test_secret_names_its_member_until_the_sign_in_ends(member: membership.Member) -> None:
    secret = sign_ins.begin(member, "Mozilla/5.0")
    visit = sign_ins.visit(secret)
    assert visit is not None
    assert (visit.member, visit.browser.user_agent) == (member, "Mozilla/5.0")
    assert sign_ins.end(member.id, visit.browser.id)
    assert sign_ins.visit(secret) is None
    assert not sign_ins.end(member.id, visit.browser.id)


def test_database_holds_no_secret(member: membership.Member) -> None:
    secret = sign_ins.begin(member, "")
    assert secret.encode() not in rows()[0].digest
    assert secret not in str(rows())


@pytest.mark.parametrize("secret", ["", "x", "1:1", "\udcff", "é" * 5000])
def test_odd_secret_is_nobody(member: membership.Member, secret: str) -> None:
    sign_ins.begin(member, "")
    assert sign_ins.visit(secret) is None


ENDINGS: dict[str, Callable[[membership.Member], object]] = {
    "suspend": lambda member: membership.suspend(member.id, by=BOSS),
    "delete": lambda member: deletion.delete(member.id, by=BOSS),
    "set_password": lambda member: membership.set_password(member.id, OTHER_PASSWORD, by=BOSS),
    "change_password": lambda member: membership.change_password(member.id, PASSWORD, OTHER_PASSWORD),
    "reset": lambda member: reset_links.reset(
        reset_links.hand_out(member.id).address.rpartition("/")[2], OTHER_PASSWORD
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_sign_in_ends_and_one_under_way_does_not_come_about(member: membership.Member, ending: str) -> None:
    secrets = [sign_ins.begin(member, "") for _ in range(3)]
    ENDINGS[ending](member)
    assert [sign_ins.visit(secret) for secret in secrets] == [None] * 3
    assert rows() == []
    # Its password was found right before; the sign-in was still to be written down.
    with pytest.raises(refusals.AccountChanged):
        sign_ins.begin(member, "")


def test_resuming_brings_no_sign_in_back(member: membership.Member) -> None:
    secret = sign_ins.begin(member, "")
    membership.suspend(member.id, by=BOSS)
    membership.resume(member.id, by=BOSS)
    assert sign_ins.visit(secret) is None


def test_one_browser_sees_and_ends_the_others_of_its_own_account_alone(member: membership.Member) -> None:
    stranger = membership.sign_up("stranger@example.org", PASSWORD)
    mine, other = (sign_ins.visit(sign_ins.begin(member, name)) for name in ("mine", "other"))
    theirs = sign_ins.visit(sign_ins.begin(stranger, "theirs"))
    assert mine is not None
    assert other is not None
    assert theirs is not None
    assert {each.user_agent for each in sign_ins.browsers(member.id)} == {"mine", "other"}
    assert not sign_ins.end(member.id, theirs.browser.id)
    assert sign_ins.end_others(member.id, mine.browser.id) == 1
    assert [each.user_agent for each in sign_ins.browsers(member.id)] == ["mine"]
    assert [each.user_agent for each in sign_ins.browsers(stranger.id)] == ["theirs"]


@pytest.mark.parametrize("number", [0, -1, 2**63, 10**40])
def test_number_that_no_sign_in_can_have_ends_none(member: membership.Member, number: int) -> None:
    assert not sign_ins.end(member.id, number)


def test_sign_in_idle_for_thirty_days_is_over_and_swept(member: membership.Member) -> None:
    secret = sign_ins.begin(member, "")
    age(seen_at=utcnow() - sign_in.IDLE_FOR + timedelta(minutes=1))
    assert sign_ins.visit(secret) is not None
    assert sign_in.forget_expired(services().storage) == 0
    age(seen_at=utcnow() - sign_in.IDLE_FOR)
    assert sign_ins.visit(secret) is None
    assert sign_ins.browsers(member.id) == []
    assert sign_in.forget_expired(services().storage) == 1
    assert rows() == []


def test_sign_in_is_over_after_ninety_days_however_often_it_was_seen(member: membership.Member) -> None:
    secret = sign_ins.begin(member, "")
    age(created_at=utcnow() - sign_in.LASTS_FOR + timedelta(minutes=1))
    assert sign_ins.visit(secret) is not None
    age(created_at=utcnow() - sign_in.LASTS_FOR)
    assert sign_ins.visit(secret) is None
    assert sign_ins.browsers(member.id) == []


def test_sweeping_takes_a_bounded_portion(member: membership.Member) -> None:
    for _ in range(5):
        sign_ins.begin(member, "")
    age(seen_at=utcnow() - sign_in.IDLE_FOR)
    assert [sign_in.forget_expired(services().storage, at_most=2) for _ in range(4)] == [2, 2, 1, 0]


def test_housekeeping_sweeps_what_is_idle_and_nothing_else(
    member: membership.Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        sign_ins.begin(member, "")
    age(seen_at=utcnow() - sign_in.IDLE_FOR)
    secret = sign_ins.begin(member, "")
    monkeypatch.setattr(worker, "BETWEEN_PORTIONS_S", 0)
    worker.Housekeeping(services().worker, services().storage).forget_expired()
    assert len(rows()) == 1
    assert sign_ins.visit(secret) is not None


def test_visit_is_to_be_noted_every_few_minutes(member: membership.Member) -> None:
    secret = sign_ins.begin(member, "")
    fresh = sign_ins.visit(secret)
    age(seen_at=utcnow() - sign_in.NOTED_EVERY - timedelta(seconds=1))
    stale = sign_ins.visit(secret)
    assert fresh is not None
    assert stale is not None
    assert (fresh.is_to_be_noted, stale.is_to_be_noted) == (False, True)
    sign_ins.note_seen(stale.browser.id)
    again = sign_ins.visit(secret)
    assert again is not None
    assert not again.is_to_be_noted


def test_user_agent_is_cut_and_kept_in_any_script(member: membership.Member) -> None:
    sign_ins.begin(member, "ü" * 5000)
    assert rows()[0].user_agent == "ü" * sign_in.USER_AGENT_CHARACTERS


def test_script_that_never_signs_out_keeps_the_newest_sign_ins(
    member: membership.Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "MOST_OF_AN_ACCOUNT", 3)
    secrets = [sign_ins.begin(member, "") for _ in range(5)]
    assert [sign_ins.visit(secret) is not None for secret in secrets] == [False, False, True, True, True]


def test_change_of_password_at_the_same_moment_leaves_no_sign_in_by_the_old_one(
    either_app: Flask, member: membership.Member
) -> None:
    def begin(_: int) -> str | None:
        with either_app.app_context():
            try:
                return sign_ins.begin(member, "")
            except refusals.AccountChanged:
                return None

    with ThreadPoolExecutor(6) as threads:
        begun = [threads.submit(begin, number) for number in range(5)]
        membership.set_password(member.id, OTHER_PASSWORD, by=BOSS)
        begun += [threads.submit(begin, number) for number in range(5)]
        secrets = [each.result() for each in begun]
    assert secrets[5:] == [None] * 5
    assert all(secret is None or sign_ins.visit(secret) is None for secret in secrets)
    assert rows() == []
