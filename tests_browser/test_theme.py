"""Light and dark by the system's setting and by hand, with and without script, remembered."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests_browser.checks import Check
from tests_browser.people import Member
from tests_browser.visits import Visits


def paper(page: Page) -> str:
    """The colour that the page is drawn on."""
    colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    if colour == "rgba(0, 0, 0, 0)":
        colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    return colour


def choose(page: Page, theme: str) -> None:
    """Press one of the three buttons in the page's foot."""
    page.get_by_role("contentinfo").get_by_role("button", name=theme, exact=True).click()


def test_page_follows_the_system_until_somebody_chooses(visit: Visits) -> None:
    assert paper(visit("/", scheme="light")) != paper(visit("/", scheme="dark"))


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without"])
@pytest.mark.parametrize("system", ["light", "dark"])
def test_chosen_theme_holds_against_the_system_and_is_remembered(visit: Visits, script: bool, system: str) -> None:
    other = "Dark" if system == "light" else "Light"
    page = visit("/plans", scheme=system, script=script)
    by_system, by_hand = paper(page), paper(visit("/plans", scheme=other.lower()))
    choose(page, other)
    expect(page.get_by_role("button", name=other, exact=True)).to_have_attribute("aria-pressed", "true")
    assert page.url == f"{visit.url}/plans"
    assert paper(page) == by_hand
    page.goto("/sign-in")
    assert paper(page) == by_hand
    choose(page, "System")
    expect(page.get_by_role("button", name="System", exact=True)).to_have_attribute("aria-pressed", "true")
    assert paper(page) == by_system
    page.reload()
    assert paper(page) == by_system


def test_chosen_theme_is_there_with_the_first_paint(visit: Visits) -> None:
    page = visit("/", scheme="light")
    choose(page, "Dark")
    answer = page.reload()
    assert answer is not None
    assert 'data-theme="dark"' in answer.text()


@pytest.mark.parametrize("path", ["/", "/docs", "/usage"])
def test_theme_by_hand_passes_the_same_checks(visit: Visits, check: Check, veteran: Member, path: str) -> None:
    page = visit(path, scheme="light", member=veteran)
    choose(page, "Dark")
    page.reload()
    check(page, f"chosen-dark{path.replace('/', '-').rstrip('-')}")
