"""Each page, at each width, light and dark, for guests and members: accessible, inside its window, pictured."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests_browser.checks import Check
from tests_browser.pages_to_look_at import DESK, GUEST_PAGES, MEMBER_PAGES, PHONE, looks
from tests_browser.people import Member
from tests_browser.visits import Visits


@pytest.mark.parametrize(("name", "signed_in", "width", "scheme"), looks())
def test_page_passes_axe_and_stays_inside_its_window(
    visit: Visits, check: Check, veteran: Member, name: str, signed_in: bool, width: int, scheme: str
) -> None:
    path = MEMBER_PAGES[name] if signed_in else GUEST_PAGES[name]
    page = visit(path, width=width, scheme=scheme, member=veteran if signed_in else None)
    assert page.url == visit.url + path
    check(page, f"{name}-member" if signed_in else name)


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_usage_page_before_the_first_request_says_what_to_do(
    visit: Visits, check: Check, member: Member, width: int
) -> None:
    page = visit("/usage", width=width, member=member)
    expect(page.get_by_role("main")).to_contain_text("curl")
    check(page, "usage-empty")


def test_list_of_reference_pages_is_the_whole_one(visit: Visits) -> None:
    page = visit("/docs/reference")
    links = page.locator("main a[href^='/docs/reference/']").evaluate_all("all => all.map(each => each.pathname)")
    assert set(links) == {path for path in GUEST_PAGES.values() if path.startswith("/docs/reference/")}


@pytest.mark.parametrize("path", ["/usage", "/account"])
def test_page_of_a_member_leads_a_guest_to_the_sign_in_form_and_back(visit: Visits, member: Member, path: str) -> None:
    page = visit(path)
    assert page.url.startswith(f"{visit.url}/sign-in")
    page.get_by_label("E-mail address").fill(member.email)
    page.get_by_label("Password", exact=True).fill(member.password)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.wait_for_url(visit.url + path)


def test_every_page_has_one_heading_a_title_of_its_own_and_its_landmarks(visit: Visits, reader: Member) -> None:
    titles = set()
    paths = {path for path in MEMBER_PAGES.values() if "?" not in path}
    for path in paths:
        page = visit(path, member=reader)
        assert page.get_by_role("heading", level=1).count() == 1, path
        for landmark in ("banner", "main", "contentinfo"):
            assert page.get_by_role(landmark).count() == 1, f"{path}: {landmark}"
        titles.add(page.title())
    assert len(titles) == len(paths)
