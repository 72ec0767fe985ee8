"""Account operations on both databases, many of them at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask

from models import account, one_time_link, reservation, service_token, token_format
from models.quota import Limits
from service import refusals
from service.accounts import deletion, holdings, membership, operator_link
from service.accounts.operator_link import hand_out_operator_link
from service.link_secrets import link_digest
from service.services import services
from service.signing_in import passwords
from tests.accounts.house import BOSS

EMAIL, PASSWORD = "member@example.org", "correct horse battery"


def at_once(app: Flask, times: int, work: Callable[[], Any]) -> list[Any]:
    """Do ``work`` in as many threads; gives what each returned or raised."""

    def run(_: int) -> Any:
        with app.app_context():
            try:
                return work()
            except refusals.MembershipError as error:
                return error

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(run, range(times)))


@pytest.fixture(autouse=True)
def context(either_app: Flask) -> Any:
    """Every test here runs inside an application, on each database."""
    with either_app.app_context():
        yield


def use_one_prompt(member: membership.Member) -> int:
    """Reserve a prompt; gives how many count today."""
    house = services()

    def token_id(session: Any) -> int:
        token = service_token.latest(session, member.id)
        assert token is not None
        return token.id

    request = reservation.Request(
        account_id=member.id,
        token_id=house.storage.read_session(token_id),
        request_id=f"req_{token_format.generate()}",
        endpoint="chat/completions",
        alias_asked=None,
        alias_served="smart-route-mini",
        client_name=None,
    )
    reserved = reservation.reserve(house.storage, request, Limits(200, 1000), house.calendar, house.worker.owner_id())
    assert isinstance(reserved, reservation.Reserved)
    return reserved.standing.day_used


def test_first_visits_at_once_make_one_plan_and_one_token(either_app: Flask) -> None:
    member = membership.sign_up(EMAIL, PASSWORD)
    held = at_once(either_app, 8, lambda: holdings.equip(member.id))
    assert len({each.token for each in held}) == 1
    assert {each.plan_slug for each in held} == {"free"}
    assert token_format.is_well_formed(held[0].token)


def test_sign_ups_at_once_with_one_address_make_one_account(either_app: Flask) -> None:
    outcomes = at_once(either_app, 6, lambda: membership.sign_up(EMAIL, PASSWORD))
    assert sum(isinstance(each, membership.Member) for each in outcomes) == 1
    assert sum(isinstance(each, refusals.EmailTaken) for each in outcomes) == 5


def test_regenerations_at_once_leave_one_live_token(either_app: Flask) -> None:
    member = membership.sign_up(EMAIL, PASSWORD)
    tokens = at_once(either_app, 5, lambda: holdings.regenerate_token(member.id))
    assert len(set(tokens)) == 5
    assert holdings.holding(member.id).token in tokens


def test_address_is_the_same_account_in_capitals() -> None:
    membership.sign_up("Member@Example.ORG", PASSWORD)
    assert membership.find("MEMBER@example.org").email == EMAIL
    with pytest.raises(refusals.EmailTaken):
        membership.sign_up(EMAIL, PASSWORD)


@pytest.mark.parametrize("email", ["", "x", "a@", "@b.example", "a b@c.example", "a@b@c", "x" * 250 + "@b.example"])
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(refusals.UnfitEmail):
        membership.sign_up(email, PASSWORD)


@pytest.mark.parametrize("email", ["admin@localhost", "a@intranet.local", "a+b@example.test", "ü@example.org"])
def test_address_of_a_private_network_is_as_good(email: str) -> None:
    assert membership.sign_up(email, PASSWORD).email == email


def test_revoked_token_stays_revoked_on_later_visits() -> None:
    member = membership.sign_up(EMAIL, PASSWORD)
    holdings.equip(member.id)
    assert holdings.revoke_token(member.id)
    assert holdings.equip(member.id).token is None
    assert not holdings.revoke_token(member.id)
    made = holdings.regenerate_token(member.id)
    assert holdings.equip(member.id).token == made


def test_new_token_replaces_the_old_one_at_once() -> None:
    member = membership.sign_up(EMAIL, PASSWORD)
    old = holdings.equip(member.id).token
    new = holdings.regenerate_token(member.id)
    assert old is not None

    def owner(token: str) -> Any:
        return services().storage.read(
            lambda connection: service_token.owner_of(connection, token_format.digest(token))
        )

    assert (owner(old).is_revoked, owner(new).is_revoked) == (True, False)


def test_token_is_stored_neither_plainly_nor_for_another_account() -> None:
    member = membership.sign_up(EMAIL, PASSWORD)
    token = holdings.equip(member.id).token
    stored = services().storage.read_session(lambda session: service_token.live(session, member.id))
    assert token is not None
    assert stored is not None
    assert token.encode() not in stored.sealed
    assert services().keyring.open_token(stored.sealed, member.id) == token


def test_signing_up_again_keeps_the_used_quota_and_brings_a_new_token() -> None:
    first = membership.sign_up(EMAIL, PASSWORD)
    old_token = holdings.equip(first.id).token
    assert use_one_prompt(first) == 1
    deletion.delete(first.id, by=BOSS)
    with pytest.raises(refusals.NoSuchAccount):
        membership.find(EMAIL)

    again = membership.sign_up(EMAIL, "another password")
    new_token = holdings.equip(again.id).token
    assert new_token not in (None, old_token)
    assert use_one_prompt(again) == 2
    assert membership.authenticate(EMAIL, PASSWORD) is None


def test_deleted_account_keeps_nothing_personal() -> None:
    member = membership.sign_up(EMAIL, PASSWORD)
    holdings.equip(member.id)
    deletion.delete(member.id, by=BOSS)
    row = services().storage.read_session(lambda session: session.get(account.Account, member.id))
    assert row is not None
    assert (row.email, row.password_hash, row.is_operator) == (None, None, False)
    assert holdings.holding(member.id) == holdings.Holding(None, None, False)
    with pytest.raises(refusals.NoSuchAccount):
        holdings.regenerate_token(member.id)


def test_suspension_outlives_deletion() -> None:
    member = membership.sign_up(EMAIL, PASSWORD)
    membership.suspend(member.id, by=BOSS)
    deletion.delete(member.id, by=BOSS)
    with pytest.raises(refusals.Suspended):
        membership.sign_up(EMAIL, PASSWORD)
    with pytest.raises(refusals.NoSuchAccount):
        membership.find(EMAIL)


def test_suspended_member_is_told_so_and_resuming_lets_them_in() -> None:
    member = membership.sign_up(EMAIL, PASSWORD)
    membership.suspend(member.id, by=BOSS)
    with pytest.raises(refusals.Suspended):
        membership.authenticate(EMAIL, PASSWORD)
    membership.resume(member.id, by=BOSS)
    assert membership.authenticate(EMAIL, PASSWORD) is not None


def test_new_password_replaces_the_old_one() -> None:
    member = membership.sign_up(EMAIL, PASSWORD)
    membership.set_password(member.id, "another password", by=BOSS)
    assert membership.authenticate(EMAIL, PASSWORD) is None
    assert membership.authenticate(EMAIL, "another password") is not None


def test_password_hashed_with_old_parameters_is_hashed_anew_at_sign_in() -> None:
    member = membership.sign_up(EMAIL, PASSWORD)
    old = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)

    def stored_hash(session: Any) -> str:
        return session.get(account.Account, member.id).password_hash

    def put_old(session: Any) -> None:
        session.get(account.Account, member.id).password_hash = old

    services().storage.write_session(put_old)
    assert membership.authenticate(EMAIL, PASSWORD) is not None
    assert not passwords.needs_rehash(services().storage.read_session(stored_hash))
    assert membership.authenticate(EMAIL, PASSWORD) is not None


def test_unknown_address_and_wrong_password_are_the_same_answer() -> None:
    membership.sign_up(EMAIL, PASSWORD)
    assert membership.authenticate("nobody@example.org", PASSWORD) is None
    assert membership.authenticate(EMAIL, "wrong password") is None


def test_address_is_the_same_account_in_either_spelling_of_its_domain() -> None:
    member = membership.sign_up("member@xn--bcher-kva.example", PASSWORD)
    assert member.email == "member@bücher.example"
    for spelling in ("member@bücher.example", " Member@XN--BCHER-KVA.example "):
        assert membership.find(spelling) == member
        assert membership.authenticate(spelling, PASSWORD) == member


def test_account_without_a_password_cannot_be_signed_in_to() -> None:
    membership.create(EMAIL, None, None, is_operator=False, by=BOSS)
    assert membership.authenticate(EMAIL, "") is None
    assert membership.authenticate(EMAIL, PASSWORD) is None


def test_plan_is_changed_by_many_at_once_to_one(either_app: Flask) -> None:
    member, _ = membership.create(EMAIL, None, None, is_operator=False, by=BOSS)
    at_once(either_app, 4, lambda: holdings.set_plan(member.id, "pro", by=BOSS))
    assert holdings.holding(member.id).plan_slug == "pro"
    with pytest.raises(refusals.UnknownPlan, match="free, plus"):
        holdings.set_plan(member.id, "gold", by=BOSS)


def first_operator(secret: str, email: str) -> membership.Member:
    """Use an operator link."""
    return operator_link.create_first_operator(secret, email, PASSWORD, place="192.0.2.1")


def test_operator_link_used_at_once_makes_one_operator(either_app: Flask) -> None:
    secrets = [hand_out_operator_link().partition("link=")[2] for _ in range(4)]
    emails = iter([f"operator{number}@example.org" for number in range(8)])
    uses = iter(secrets * 2)
    outcomes = at_once(either_app, 8, lambda: first_operator(next(uses), next(emails)))
    made = [each for each in outcomes if isinstance(each, membership.Member)]
    assert len(made) == 1
    assert made[0].is_operator
    assert all(isinstance(each, refusals.LinkNotUsable) for each in outcomes if each not in made)
    assert holdings.holding(made[0].id).token is not None


def test_operator_link_stays_usable_when_the_address_is_taken() -> None:
    membership.sign_up(EMAIL, PASSWORD)
    secret = hand_out_operator_link().partition("link=")[2]
    with pytest.raises(refusals.EmailTaken):
        first_operator(secret, EMAIL)
    assert first_operator(secret, "operator@example.org").is_operator
    assert not operator_link.operator_link_is_usable(secret)


def test_expired_operator_link_is_refused() -> None:
    services().storage.write_session(
        lambda session: one_time_link.hand_out(
            session, one_time_link.OPERATOR, link_digest("old"), timedelta(seconds=-1)
        )
    )
    with pytest.raises(refusals.LinkNotUsable):
        first_operator("old", EMAIL)


def test_members_are_listed_oldest_first_with_plan_and_token() -> None:
    membership.create("b@example.org", None, "plus", is_operator=True, by=BOSS)
    second = membership.sign_up("a@example.org", PASSWORD)
    listed = [(member.email, plan, has_token) for member, plan, has_token in membership.members()]
    assert listed == [("b@example.org", "plus", True), ("a@example.org", None, False)]
    deletion.delete(second.id, by=BOSS)
    assert len(membership.members()) == 1
