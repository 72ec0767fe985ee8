"""Upgrade requests on both databases: who may do what, once, and in parallel."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from msgspec.structs import replace

from service import refusals
from service.accounts import deletion, holdings, membership, upgrades
from service.accounts.upgrades import Upgrade
from service.services import EXTENSION, services
from tests.accounts.house import BOSS

EMAIL, PASSWORD = "member@example.org", "correct horse battery"


@pytest.fixture(autouse=True)
def context(either_app: Flask) -> Iterator[None]:
    """Every test here runs inside an application, on each database."""
    with either_app.app_context():
        yield


@pytest.fixture
def member() -> membership.Member:
    """Somebody on the plan Free."""
    return membership.create(EMAIL, PASSWORD, None, is_operator=False, by=BOSS)[0]


def at_once(app: Flask, works: list[Callable[[], Any]]) -> list[Any]:
    """Do all of it in threads; gives what each returned or raised."""

    def run(work: Callable[[], Any]) -> Any:
        with app.app_context():
            try:
                return work()
            except refusals.MembershipError as error:
                return error

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(run, works))


def plan_of(member: membership.Member) -> str | None:
    """The slug of the plan that somebody holds."""
    return holdings.holding(member.id).plan_slug


def lose_plan(app: Flask, slug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a plan out of the catalog, as a reload does."""
    house = services()
    left = tuple(plan for plan in house.catalog.plans if plan.slug != slug)
    smaller = replace(house, catalog=dataclasses.replace(house.catalog, plans=left))
    monkeypatch.setitem(app.extensions, EXTENSION, smaller)


def test_approved_request_moves_the_account_to_the_plan(member: membership.Member) -> None:
    asked = upgrades.request(member.id, "pro", "  For the\r\nreports.  ")
    assert (asked.from_plan, asked.to_plan, asked.note, asked.state) == ("free", "pro", "For the\nreports.", "pending")
    assert upgrades.pending_of(member.id) == asked
    assert plan_of(member) == "free"
    done = upgrades.approve(asked.id, message="Welcome", by=BOSS)
    assert (done.state, done.decided_by, done.message) == ("approved", "operator@example.org", "Welcome")
    assert done.decided_at is not None
    assert plan_of(member) == "pro"
    assert upgrades.pending_of(member.id) is None
    assert upgrades.latest_of(member.id) == done


def test_declined_and_withdrawn_requests_leave_the_plan(member: membership.Member) -> None:
    declined = upgrades.decline(upgrades.request(member.id, "pro").id, message="Not now", by=BOSS)
    withdrawn = upgrades.withdraw(member.id, upgrades.request(member.id, "max").id)
    assert (declined.state, declined.message, withdrawn.state) == ("declined", "Not now", "withdrawn")
    assert plan_of(member) == "free"
    assert [each.state for each in upgrades.listing(decided_too=True)] == ["withdrawn", "declined"]
    assert upgrades.listing() == []


@pytest.mark.parametrize("slug", ["business", "plus"])
def test_plan_without_a_price_and_a_lighter_plan_can_be_asked_for(member: membership.Member, slug: str) -> None:
    holdings.set_plan(member.id, "max", by=BOSS)
    upgrades.approve(upgrades.request(member.id, slug).id, by=BOSS)
    assert plan_of(member) == slug


def test_what_cannot_be_asked_for_is_refused(member: membership.Member) -> None:
    fresh = membership.sign_up("fresh@example.org", PASSWORD)
    with pytest.raises(refusals.UnknownPlan):
        upgrades.request(member.id, "gold")
    with pytest.raises(refusals.NothingToChange):
        upgrades.request(member.id, "free")
    with pytest.raises(refusals.NothingToChange):
        upgrades.request(fresh.id, "pro")
    for note in ("x" * 501, "\udcff"):
        with pytest.raises(refusals.UnfitNote):
            upgrades.request(member.id, "pro", note)
    membership.suspend(member.id, by=BOSS)
    with pytest.raises(refusals.Suspended):
        upgrades.request(member.id, "pro")
    deletion.delete(member.id, by=BOSS)
    with pytest.raises(refusals.NoSuchAccount):
        upgrades.request(member.id, "pro")
    assert upgrades.listing(decided_too=True) == []


def test_note_of_500_characters_of_any_script_is_kept(member: membership.Member) -> None:
    assert upgrades.request(member.id, "pro", "🚆" * 500).note == "🚆" * 500
    assert upgrades.listing()[0].note == "🚆" * 500


def test_only_one_request_is_pending_however_many_are_made_at_once(
    either_app: Flask, member: membership.Member
) -> None:
    slugs = ["plus", "pro", "max", "business", "ultimate", "unlimited"]
    outcomes = at_once(either_app, [lambda slug=slug: upgrades.request(member.id, slug) for slug in slugs])  # type: ignore[misc]
    assert sum(isinstance(each, Upgrade) for each in outcomes) == 1
    assert sum(isinstance(each, refusals.AlreadyPending) for each in outcomes) == 5
    assert len(upgrades.listing(decided_too=True)) == 1


def test_of_all_who_decide_at_once_one_does(either_app: Flask, member: membership.Member) -> None:
    asked = upgrades.request(member.id, "pro")
    approve, decline = (
        lambda: upgrades.approve(asked.id, by=BOSS),
        lambda: upgrades.decline(asked.id, by=BOSS),
    )
    outcomes = at_once(either_app, [approve, decline, lambda: upgrades.withdraw(member.id, asked.id)] * 2)
    [done] = [each for each in outcomes if isinstance(each, Upgrade)]
    assert all(isinstance(each, refusals.AlreadyDecided) for each in outcomes if each is not done)
    assert upgrades.latest_of(member.id) == done
    assert plan_of(member) == ("pro" if done.state == "approved" else "free")


def test_request_of_another_member_is_out_of_reach_and_looks_like_none(member: membership.Member) -> None:
    stranger = membership.create("stranger@example.org", PASSWORD, None, is_operator=False, by=BOSS)[0]
    pending = upgrades.request(member.id, "pro")
    with pytest.raises(refusals.NoSuchRequest) as foreign:
        upgrades.withdraw(stranger.id, pending.id)
    upgrades.approve(pending.id, by=BOSS)
    with pytest.raises(refusals.NoSuchRequest) as decided:
        upgrades.withdraw(stranger.id, pending.id)
    with pytest.raises(refusals.NoSuchRequest) as unknown:
        upgrades.withdraw(stranger.id, 9999)
    assert str(foreign.value) == str(decided.value) == str(unknown.value).replace("9999", str(pending.id))


@pytest.mark.parametrize("number", [0, -1, 2**63, 10**40])
def test_number_that_no_request_can_have_is_none(member: membership.Member, number: int) -> None:
    for act in (
        lambda: upgrades.approve(number, by=BOSS),
        lambda: upgrades.decline(number, by=BOSS),
        lambda: upgrades.withdraw(member.id, number),
    ):
        with pytest.raises(refusals.NoSuchRequest):
            act()


def test_plan_that_left_the_catalog_is_not_given_and_can_be_declined(
    either_app: Flask, member: membership.Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = upgrades.request(member.id, "pro")
    lose_plan(either_app, "pro", monkeypatch)
    with pytest.raises(refusals.UnknownPlan):
        upgrades.approve(asked.id, by=BOSS)
    assert plan_of(member) == "free"
    assert upgrades.pending_of(member.id) == asked
    assert upgrades.decline(asked.id, by=BOSS).state == "declined"


def test_suspended_account_is_not_moved_until_it_is_resumed(member: membership.Member) -> None:
    asked = upgrades.request(member.id, "pro")
    membership.suspend(member.id, by=BOSS)
    with pytest.raises(refusals.Suspended):
        upgrades.approve(asked.id, by=BOSS)
    assert plan_of(member) == "free"
    membership.resume(member.id, by=BOSS)
    upgrades.approve(asked.id, by=BOSS)
    assert plan_of(member) == "pro"


def test_plan_that_is_held_by_now_is_approved_without_a_change(member: membership.Member) -> None:
    asked = upgrades.request(member.id, "pro")
    holdings.set_plan(member.id, "pro", by=BOSS)
    assert upgrades.approve(asked.id, by=BOSS).state == "approved"
    assert plan_of(member) == "pro"


def test_deleted_account_takes_its_requests_along(member: membership.Member) -> None:
    asked = upgrades.request(member.id, "pro", "personal words")
    deletion.delete(member.id, by=BOSS)
    assert upgrades.listing(decided_too=True) == []
    with pytest.raises(refusals.NoSuchRequest):
        upgrades.approve(asked.id, by=BOSS)
    again = membership.create(EMAIL, PASSWORD, None, is_operator=False, by=BOSS)[0]
    assert upgrades.latest_of(again.id) is None
    assert upgrades.request(again.id, "plus").id != asked.id


def test_pending_requests_are_listed_oldest_first(member: membership.Member) -> None:
    other = membership.create("other@example.org", PASSWORD, None, is_operator=False, by=BOSS)[0]
    upgrades.request(member.id, "pro")
    upgrades.request(other.id, "max")
    assert [each.email for each in upgrades.listing()] == [EMAIL, "other@example.org"]
    assert [each.email for each in upgrades.listing(decided_too=True)] == ["other@example.org", EMAIL]


def test_newest_20_withdrawn_requests_are_kept_and_all_that_an_operator_decided(member: membership.Member) -> None:
    other = membership.create("other@example.org", PASSWORD, None, is_operator=False, by=BOSS)[0]
    upgrades.withdraw(other.id, upgrades.request(other.id, "pro").id)
    declined = upgrades.decline(upgrades.request(member.id, "pro").id, by=BOSS)
    withdrawn = [upgrades.withdraw(member.id, upgrades.request(member.id, "pro").id) for _ in range(23)]
    kept = upgrades.listing(decided_too=True)
    assert [each.id for each in kept if each.account_id == member.id] == [
        *(each.id for each in reversed(withdrawn[3:])),
        declined.id,
    ]
    assert len(kept) == 22
    assert upgrades.latest_of(member.id) == withdrawn[-1]
    assert upgrades.request(member.id, "pro").id > withdrawn[-1].id
