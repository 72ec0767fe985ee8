"""The operator's pages of accounts: the list and its filters, every change by form, nobody locked out."""

from __future__ import annotations

import html
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from flask import Flask

from models.quota import Bonus
from service import refusals
from service.accounts import bonuses, deletion, holdings, membership, operators
from tests.accounts.conftest import either_app as either_app
from tests.accounts.house import BOSS, PASSWORD, Visitor
from tests.admin.conftest import text_of

# An application in this process: what is asked of it here needs no gateway.
from tests.pages.conftest import app as app

EMAIL, OPERATOR = "member@example.org", "operator@example.org"
FAR = date(2100, 12, 31)


def signed_in_boss(app: Flask) -> Visitor:
    """An operator who signed in."""
    with app.app_context():
        membership.create(OPERATOR, PASSWORD, None, is_operator=True, by=BOSS)
    visitor = Visitor(app)
    visitor.sign_in(OPERATOR)
    return visitor


@pytest.fixture
def boss(app: Flask) -> Visitor:
    """The only operator."""
    return signed_in_boss(app)


@pytest.fixture
def page(app: Flask, boss: Visitor) -> str:
    """The page of a member on the plan Free."""
    with app.app_context():
        member = membership.create(EMAIL, PASSWORD, None, is_operator=False, by=BOSS)[0]
    return f"/admin/accounts/{member.id}"


def member_of(app: Flask, email: str = EMAIL) -> membership.Member:
    """An account as it is now."""
    with app.app_context():
        return membership.find(email)


def addresses(page: str) -> list[str]:
    """The addresses that a page of the list shows."""
    return re.findall(r'<th scope="row"><a href="/admin/accounts/\d+">([^<]+)</a>', page)


def test_list_turns_through_all_accounts_once_each_and_back(either_app: Flask) -> None:
    boss = signed_in_boss(either_app)
    with either_app.app_context():
        for number in range(60):
            membership.create(f"m{number:02}@example.org", None, None, is_operator=False, by=BOSS)
    everybody = sorted([OPERATOR, *(f"m{number:02}@example.org" for number in range(60))])
    seen, path = [], "/admin/accounts"
    while path:
        shown = boss.get(path).text
        seen.append(addresses(shown))
        found = re.search(r'rel="next" href="([^"]+)"', shown)
        path = html.unescape(found[1]) if found else ""
    assert [email for each in seen for email in each] == everybody
    assert [len(each) for each in seen] == [25, 25, 11]
    back = re.search(r'rel="prev" href="([^"]+)"', shown)
    assert back
    assert addresses(boss.get(html.unescape(back[1])).text) == seen[1]


def test_list_is_filtered_by_beginning_plan_and_state(app: Flask, boss: Visitor, page: str) -> None:
    with app.app_context():
        ann = membership.create("ann@example.org", None, "pro", is_operator=False, by=BOSS)[0]
        any_ = membership.create("an_y%@example.org", None, None, is_operator=False, by=BOSS)[0]
        membership.suspend(ann.id, by=BOSS)
        bonuses.give(any_.id, Bonus(5, 0, FAR), by=BOSS)

    def shown(query: str) -> list[str]:
        return addresses(boss.get(f"/admin/accounts?{query}").text)

    assert shown("prefix=AN") == ["an_y%@example.org", "ann@example.org"]
    assert shown("prefix=an_") == ["an_y%@example.org"]
    assert shown("prefix=%25") == []
    assert shown("plan=pro") == ["ann@example.org"]
    assert shown("state=suspended") == ["ann@example.org"]
    assert shown("state=operator") == [OPERATOR]
    assert shown("state=bonus") == ["an_y%@example.org"]
    assert shown("state=active&prefix=m") == [EMAIL]
    assert boss.get("/admin/accounts?state=odd").status_code == 422


def test_list_shows_limits_in_force(app: Flask, boss: Visitor, page: str) -> None:
    with app.app_context():
        bonuses.give(member_of(app).id, Bonus(50, 500, FAR), by=BOSS)
    assert "0 of 250 0 of 1,500 never" in text_of(boss.get("/admin/accounts?prefix=member").text)


def test_members_and_guests_see_none_of_it(app: Flask, page: str) -> None:
    guest, member = Visitor(app), Visitor(app)
    member.sign_in(EMAIL)
    for path in ("/admin/accounts", page, "/admin/audit"):
        assert guest.get(path).location.startswith("/sign-in")
        assert member.get(path).status_code == 403
    assert member.send("/account", f"{page}/operator", operator="yes").status_code == 403
    assert not member_of(app).is_operator


def test_number_of_no_account_is_no_page(boss: Visitor) -> None:
    for number in ("0", "999", "9" * 30):
        assert boss.get(f"/admin/accounts/{number}").status_code == 404
    answer = boss.send("/admin/accounts/1", "/admin/accounts/999/plan", plan="pro")
    assert answer.location == "/admin/accounts"  # and the operator is still signed in
    assert "does not exist any more" in boss.get("/admin/accounts").text


def test_forms_of_a_page_lead_to_that_account(boss: Visitor, page: str) -> None:
    forms = re.findall(r'<form method="post" action="(/admin/[^"]+)"', boss.get(page).text)
    assert {form.rpartition(page)[0] for form in forms} == {""}
    assert len(forms) >= 8


def test_page_never_holds_the_token(app: Flask, boss: Visitor, page: str) -> None:
    with app.app_context():
        old = holdings.holding(member_of(app).id).token or ""
    boss.send(page, f"{page}/token/regenerate")
    with app.app_context():
        new = holdings.holding(member_of(app).id).token or ""
    shown = boss.get(page).text
    assert new != old
    assert "There is a new token" in shown
    assert not re.search(r"sr_\w", shown)
    boss.send(page, f"{page}/token/revoke")
    with app.app_context():
        assert holdings.holding(member_of(app).id).token is None


def test_plan_is_changed(app: Flask, boss: Visitor, page: str) -> None:
    assert boss.send(page, f"{page}/plan", plan="gold").status_code == 422
    answer = boss.send(page, f"{page}/plan", plan="pro")
    assert (answer.status_code, answer.location) == (303, page)
    assert "Plan Pro, since" in text_of(boss.get(page).text)


def test_reset_link_is_shown_once_and_works(app: Flask, boss: Visitor, page: str) -> None:
    answer = boss.send(page, f"{page}/reset-link")
    found = re.search(r">(http[^<]+/reset/[^<]+)<", answer.text)
    assert found
    assert answer.headers["Cache-Control"] == "no-store"
    assert "/reset/" not in boss.get(page).text
    path = "/reset/" + found[1].rpartition("/")[2]
    assert Visitor(app).send(path, password="a new password").status_code == 303


def test_suspension_ends_sign_ins_at_once_and_resuming_lets_go_on(app: Flask, boss: Visitor, page: str) -> None:
    member = Visitor(app)
    member.sign_in(EMAIL)
    boss.send(page, f"{page}/suspend")
    assert not member.is_signed_in()
    assert "suspended" in member.sign_in(EMAIL).text
    assert "Resume it first" in follow(boss, boss.send(page, f"{page}/reset-link").location)
    boss.send(page, f"{page}/resume")
    assert member.sign_in(EMAIL).status_code == 303


def test_sign_out_everywhere_leaves_the_account_as_it_is(app: Flask, boss: Visitor, page: str) -> None:
    member = Visitor(app)
    member.sign_in(EMAIL)
    assert "Signed-in browsers" in boss.get(page).text
    boss.send(page, f"{page}/sign-out")
    assert not member.is_signed_in()
    assert member.sign_in(EMAIL).status_code == 303


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"daily": "x", "until": "2100-01-01"}, "whole numbers"),
        ({"daily": "-5", "until": "2100-01-01"}, "whole numbers"),
        ({"daily": "9" * 12, "until": "2100-01-01"}, "from 0 to 1,000,000,000"),
        ({"daily": "5", "until": ""}, "last day"),
        ({"daily": "5", "until": "2020-01-01"}, "is past"),
        ({"until": "2100-01-01"}, "how many prompts"),
    ],
)
def test_bonus_that_makes_no_sense_is_refused_and_kept(
    app: Flask, boss: Visitor, page: str, fields: dict[str, str], says: str
) -> None:
    answer = boss.send(page, f"{page}/bonus", **fields)
    assert answer.status_code == 422
    assert says in html.unescape(answer.text)
    assert all(f'value="{value}"' in answer.text for value in fields.values())
    assert member_of(app).bonus is None


def test_bonus_is_given_and_removed(app: Flask, boss: Visitor, page: str) -> None:
    boss.send(page, f"{page}/bonus", daily="1,000", monthly="", until="2100-12-31")
    assert member_of(app).bonus == Bonus(1000, 0, FAR)
    assert "of 1,200 prompts left" in text_of(boss.get(page).text)
    boss.send(page, f"{page}/bonus/remove")
    assert member_of(app).bonus is None


def test_deletion_wants_the_address_typed(app: Flask, boss: Visitor, page: str) -> None:
    assert boss.send(page, f"{page}/delete", email="other@example.org").status_code == 422
    assert member_of(app).email == EMAIL
    assert boss.send(page, f"{page}/delete", email=f" {EMAIL.upper()} ").location == "/admin/accounts"
    with app.app_context(), pytest.raises(refusals.NoSuchAccount):
        membership.find(EMAIL)


@pytest.mark.parametrize("change", ["suspend", "resume", "sign-out"])
def test_change_that_comes_after_the_deletion_says_so(app: Flask, boss: Visitor, page: str, change: str) -> None:
    with app.app_context():
        deletion.delete(int(page.rpartition("/")[2]), by=BOSS)
    answer = boss.send("/admin/accounts", f"{page}/{change}")
    assert (answer.status_code, answer.location) == (303, "/admin/accounts")
    assert "This account does not exist any more." in boss.get("/admin/accounts").text


def test_operator_is_made_and_unmade(app: Flask, boss: Visitor, page: str) -> None:
    other = Visitor(app)
    other.sign_in(EMAIL)
    boss.send(page, f"{page}/operator", operator="yes")
    assert other.get("/admin").status_code == 200
    boss.send(page, f"{page}/operator", operator="no")
    assert other.get("/admin").status_code == 403


def test_last_operator_stays(app: Flask, boss: Visitor) -> None:
    own = f"/admin/accounts/{member_of(app, OPERATOR).id}"
    for change in ("suspend", "operator"):
        answer = boss.send(own, f"{own}/{change}", operator="no")
        assert "only operator. Make another one first." in follow(boss, answer.location)
    assert "only operator" in boss.send(own, f"{own}/delete", email=OPERATOR).text
    assert "only operator" in boss.send("/account/delete", present=PASSWORD).text
    left = member_of(app, OPERATOR)
    assert (left.is_operator, left.is_suspended) == (True, False)


def test_suspended_operator_does_not_count_as_another(app: Flask, boss: Visitor) -> None:
    with app.app_context():
        second = membership.create("second@example.org", PASSWORD, None, is_operator=True, by=BOSS)[0]
        membership.suspend(second.id, by=BOSS)
        with pytest.raises(refusals.LastOperator):
            operators.unmake(member_of(app, OPERATOR).id, by=BOSS)
        operators.unmake(second.id, by=BOSS)


def test_operators_who_remove_each_other_at_once_leave_one(either_app: Flask) -> None:
    with either_app.app_context():
        ids = [
            membership.create(f"o{number}@example.org", None, None, is_operator=True, by=BOSS)[0].id
            for number in range(6)
        ]
    ways = [membership.suspend, deletion.delete, operators.unmake]

    def remove(number: int) -> bool:
        with either_app.app_context():
            try:
                ways[number % 3](ids[number], by=BOSS)
            except refusals.LastOperator:
                return False
            return True

    with ThreadPoolExecutor(6) as threads:
        went = list(threads.map(remove, range(6)))
    assert went.count(False) == 1
    with either_app.app_context():
        left = [each for each, _, _ in membership.members() if each.is_operator and not each.is_suspended]
    assert len(left) == 1


def follow(visitor: Visitor, location: str) -> str:
    """What the page says that a form leads to."""
    return visitor.get(location).text
