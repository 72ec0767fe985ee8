"""The plans page: what a change would mean, which plan would have fitted, asking for one."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from datetime import timedelta

import pytest
from flask import Flask

from catalog.model import Plan
from models.base import utcnow
from service.accounts import holdings, membership, upgrades
from service.accounts.plan_fit import first_that_fits
from service.services import services
from tests.accounts.house import BOSS, PASSWORD, Visitor, csrf_token
from tests.usage import history

EMAIL = "member@example.org"


@pytest.fixture
def member(visitor: Visitor) -> Visitor:
    """A member on the plan Free."""
    visitor.sign_up(EMAIL)
    visitor.get("/docs")
    return visitor


def account_id(app: Flask) -> int:
    """The number of the member's account."""
    with app.app_context():
        return membership.find(EMAIL).id


def use(app: Flask, prompts_by_days_ago: Mapping[int, int]) -> None:
    """Write so many counted prompts into the usage log, and as many continuations, which do not count."""
    owner = account_id(app)
    with app.app_context():
        house = services()
        noon = house.calendar.at(utcnow()).day.start + timedelta(hours=12)
        times = [
            min(noon, utcnow()) - timedelta(days=days)
            for days, prompts in sorted(prompts_by_days_ago.items(), reverse=True)
            for _ in range(prompts * 2)
        ]
        rows = history.rows(owner, house.calendar, times)
        history.write(
            house.storage, ({**row, "token_id": None, "counted": number % 2 == 0} for number, row in enumerate(rows))
        )


def words(page: str) -> str:
    """What a page says, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def link_to(start: str, page: str) -> str:
    """The link for the plan Pro that begins so."""
    found = re.search(rf'href="({re.escape(start)}[^"]*pro)"', page)
    assert found is not None
    return html.unescape(found[1])


def test_guest_sees_the_cards_and_what_to_do(visitor: Visitor) -> None:
    page = visitor.get("/plans").text
    assert page.count("<article") == 6
    assert "Everybody starts on Free" in words(page)
    assert 'href="/sign-up?next=/plans?to%3Dpro">Create an account for Pro</a>' in page
    assert "Ask for" not in page
    assert "Compare" not in page


@pytest.mark.parametrize("first_page", ["/", "/plans"])
def test_plan_that_a_guest_chose_is_kept_through_signing_up(visitor: Visitor, first_page: str) -> None:
    sign_up = link_to("/sign-up?next=", visitor.get(first_page).text)
    assert "The plans open next, with Pro chosen." in visitor.get(sign_up).text
    answer = visitor.send(sign_up, email=EMAIL, password=PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/plans?to=pro")
    page = visitor.get("/plans?to=pro").text
    assert "Activate Free and go on to Pro" in page
    answer = visitor.send("/plans?to=pro", "/plans/start", to="pro")
    assert (answer.status_code, answer.location) == (303, "/plans?to=pro#change")
    assert "From Free to Pro" in words(visitor.get("/plans?to=pro").text)
    assert visitor.token().startswith("sr_")


def test_plan_that_a_guest_chose_is_kept_through_signing_in(app: Flask, visitor: Visitor) -> None:
    Visitor(app).sign_up(EMAIL)
    sign_up = link_to("/sign-up?next=", visitor.get("/plans").text)
    sign_in = link_to("/sign-in?next=", visitor.get(sign_up).text)
    assert link_to("/sign-up?next=", visitor.get(sign_in).text) == sign_up
    assert visitor.sign_in(EMAIL, page=sign_in).location == "/plans?to=pro"


def test_activating_the_first_plan_twice_changes_nothing(member: Visitor) -> None:
    token = member.token()
    assert member.send("/plans?to=pro", "/plans/start").location == "/plans#change"
    assert member.token() == token
    assert member.client.post("/plans/start").status_code == 400


def test_member_before_the_first_visit_is_led_to_the_documentation(visitor: Visitor) -> None:
    visitor.sign_up(EMAIL)
    page = words(visitor.get("/plans?to=pro").text)
    assert "You have no plan yet" in page
    assert "Ask for" not in page


def test_own_plan_is_marked_and_every_other_can_be_compared(member: Visitor) -> None:
    page = member.get("/plans").text
    assert "You are on Free" in words(page)
    assert page.count("your plan") == 2  # on its card and in the table
    others = {"plus", "business", "pro", "ultimate", "max", "unlimited"}
    assert set(re.findall(r"/plans\?to=(\w+)#change", page)) == others


def test_comparison_says_what_changes_and_what_does_not(member: Visitor) -> None:
    page = member.get("/plans?to=pro").text
    shown = words(page[page.index('id="change"') :])
    for part in (
        "From Free to Pro",
        "Model smart-route-mini smart-route-deep",
        "Reasoning low xhigh",
        "Speed Standard the same: Standard",
        "Prompts a day 200 3,000",
        "Prompts a month 1,000 30,000",
        "Price a month free EUR 59.99",
    ):
        assert part in shown


@pytest.mark.parametrize("slug", ["free", "gold", "", "x" * 3000, "<script>"])
def test_comparison_with_nothing_to_compare_is_the_plain_page(member: Visitor, slug: str) -> None:
    answer = member.get("/plans", query_string={"to": slug})
    assert answer.status_code == 200
    assert 'id="change"' not in answer.text


def test_request_is_shown_with_its_note_and_can_be_withdrawn(app: Flask, member: Visitor) -> None:
    answer = member.send("/plans?to=pro", "/plans/request", plan="pro", note="For <b>reports</b>")
    assert (answer.status_code, answer.location) == (303, "/plans")
    for path in ("/plans", "/account"):
        page = member.get(path).text
        assert "You asked for Pro" in words(page)
        assert "For &lt;b&gt;reports&lt;/b&gt;" in page
    assert "Withdraw that request" in member.get("/plans?to=max").text
    with app.app_context():
        asked = upgrades.pending_of(account_id(app))
    assert asked is not None
    for back, location in (("account", "/account"), ("https://evil.example/", "/plans")):
        fields = {"request": str(asked.id), "back": back}
        assert member.send("/account", "/plans/withdraw", **fields).location == location
    assert "You asked for" not in member.get("/plans").text
    assert "Withdraw" not in member.get("/account").text


@pytest.mark.parametrize("decision", ["approve", "decline"])
def test_decision_and_message_of_the_operator_are_shown(app: Flask, member: Visitor, decision: str) -> None:
    member.send("/plans?to=pro", "/plans/request", plan="pro", note="")
    with app.app_context():
        asked = upgrades.pending_of(account_id(app))
        assert asked is not None
        getattr(upgrades, decision)(asked.id, by=BOSS, message="As we <agreed>")
    for path in ("/plans", "/account"):
        page = member.get(path).text
        assert f"Your request for Pro was {decision}d" in words(page)
        assert "As we &lt;agreed&gt;" in page
        assert "operator@example.org" not in page
    assert ("You are on Pro" in words(member.get("/plans").text)) == (decision == "approve")


@pytest.mark.parametrize(
    ("plan", "note", "status", "said"),
    [
        ("gold", "", 303, "No plan is called"),
        ("free", "", 303, "is the plan that you have"),
        ("", "", 303, "No plan is called"),
        ("pro", "x" * 501, 422, "at most 500 characters"),
    ],
)
def test_request_that_cannot_be_made_says_why_and_loses_no_note(
    member: Visitor, plan: str, note: str, status: int, said: str
) -> None:
    answer = member.send("/plans?to=pro", "/plans/request", plan=plan, note=note)
    assert answer.status_code == status
    page = answer.text if status == 422 else member.get("/plans").text
    assert said in html.unescape(page)
    assert note in page
    assert "You asked for" not in page


def test_request_of_another_member_cannot_be_withdrawn(app: Flask, member: Visitor) -> None:
    member.send("/plans?to=pro", "/plans/request", plan="pro")
    stranger = Visitor(app)
    stranger.sign_up("stranger@example.org")
    with app.app_context():
        asked = upgrades.pending_of(account_id(app))
    assert asked is not None
    for number in (str(asked.id), "", "x", "9" * 40):
        stranger.send("/plans", "/plans/withdraw", request=number)
    with app.app_context():
        assert upgrades.pending_of(account_id(app)) == asked


def test_guest_and_form_without_csrf_token_ask_for_nothing(app: Flask, member: Visitor) -> None:
    assert member.client.post("/plans/request", data={"plan": "pro"}).status_code == 400
    assert member.client.post("/plans/withdraw", data={"request": "1"}).status_code == 400
    guest = Visitor(app)
    token = csrf_token(guest.get("/sign-in").text)
    answer = guest.client.post("/plans/request", data={"csrf_token": token, "plan": "pro"})
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    with app.app_context():
        assert upgrades.listing() == []


def test_without_usage_nothing_is_recommended(member: Visitor) -> None:
    page = words(member.get("/plans").text)
    assert "No prompt was counted" in page
    assert "fitted" not in page


def test_busiest_day_and_sum_decide_which_plan_would_have_fitted(app: Flask, member: Visitor) -> None:
    use(app, {0: 3, 2: 250, 29: 4, 31: 900})
    page = words(member.get("/plans").text)
    assert "Your busiest day 250 prompts" in page
    assert "All 30 days 257 prompts" in page
    assert "Plus would have fitted" in page
    assert "the quota was used up" in page


def test_plan_that_fits_is_said_to_fit(app: Flask, member: Visitor) -> None:
    use(app, {1: 1})
    page = words(member.get("/plans").text)
    assert "Your busiest day 1 prompt All 30 days 1 prompt Free fitted" in page
    assert "used up" not in page


def test_least_plan_is_not_compared_with_less(app: Flask, member: Visitor) -> None:
    use(app, {1: 1})
    assert "no plan with less" not in words(member.get("/plans").text)


def test_plan_that_alone_is_enough_is_compared_with_less(app: Flask, member: Visitor) -> None:
    with app.app_context():
        holdings.set_plan(account_id(app), "plus", by=BOSS)
    use(app, {2: 201})
    assert "Plus fitted, and no plan with less would have" in words(member.get("/plans").text)


@pytest.mark.parametrize(
    ("used", "said"),
    [
        ({1: 200}, "On your busiest day the quota was used up"),
        (dict.fromkeys(range(1, 11), 100), "You used as much as a month of Free has"),
    ],
)
def test_plan_that_was_used_up_is_not_said_to_fit(app: Flask, member: Visitor, used: dict[int, int], said: str) -> None:
    use(app, used)
    page = words(member.get("/plans").text)
    assert said in page
    assert "Nothing is counted beyond a quota" in page
    assert "fitted" not in page


def test_lighter_plan_is_said_to_have_a_lighter_model(app: Flask, member: Visitor) -> None:
    use(app, {1: 2})
    with app.app_context():
        holdings.set_plan(account_id(app), "pro", by=BOSS)
    assert "Free would have fitted as well, by its quotas; its model, smart-route-mini , is a lighter one" in words(
        member.get("/plans").text
    )


@pytest.mark.parametrize(
    ("busiest_day", "whole", "slug"),
    [
        (200, 1000, "free"),
        (201, 201, "plus"),
        (10, 1001, "plus"),
        (1000, 10_000, "business"),
        (1001, 1001, "pro"),
        (10_001, 10_001, "unlimited"),
    ],
)
def test_first_plan_with_enough_a_day_and_a_month_fits(app: Flask, busiest_day: int, whole: int, slug: str) -> None:
    with app.app_context():
        fitting = first_that_fits(services().catalog.plans, busiest_day, whole)
    assert isinstance(fitting, Plan)
    assert fitting.slug == slug


def test_more_than_every_plan_has_fits_none(app: Flask) -> None:
    with app.app_context():
        assert first_that_fits(services().catalog.plans[:-1], 10_001, 10_001) is None


def test_long_name_of_no_plan_is_told_in_short(member: Visitor) -> None:
    answer = member.send("/plans", "/plans/request", plan="gold " * 2000)
    assert answer.status_code == 303
    assert all(len(cookie) < 1000 for cookie in answer.headers.getlist("Set-Cookie"))
    page = words(member.get("/plans").text)
    assert "No plan is called 'gold gold" in page
    assert "There are: free" in page
    assert "gold " * 20 not in page
