"""Keyboard alone: every page is walked through, every stop is seen, and a token is copied from the first page on."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests_browser.pages_to_look_at import ALL_PATHS, DESK, GUEST_PAGES, MEMBER_PAGES, PHONE
from tests_browser.people import Member
from tests_browser.visits import Visits

MOST_STOPS = 600
# Where the focus is: what it is called, whether an outline shows it (its own, or its label's where the control itself
# is not drawn), and whether at least a part of it lies in the window with nothing over it (WCAG 2.4.11).
FOCUS = """() => {
  const focused = document.activeElement;
  if (!focused || focused === document.body) return null;
  const labels = [...(focused.labels ?? [])];
  const isDrawn = each => getComputedStyle(each).opacity !== "0" && each.getBoundingClientRect().width > 2;
  const drawn = [focused, ...labels, ...labels.flatMap(each => [...each.children])].filter(isDrawn);
  const outlined = each => {
    const style = getComputedStyle(each);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  };
  const isFree = each => [...each.getClientRects()].some(box => {
    const [left, right] = [Math.max(box.left, 0), Math.min(box.right, innerWidth)];
    const [upper, lower] = [Math.max(box.top, 0), Math.min(box.bottom, innerHeight)];
    if (left >= right || upper >= lower) return false;
    return [0.1, 0.5, 0.9].some(along => [0.1, 0.5, 0.9].some(down => {
      const top = document.elementFromPoint(left + (right - left) * along, upper + (lower - upper) * down);
      return top && (each === top || each.contains(top));
    }));
  });
  return {
    what: focused.outerHTML.slice(0, 100),
    place: [...document.querySelectorAll("*")].indexOf(focused),
    seen: drawn.some(outlined),
    free: drawn.some(isFree),
  };
}"""


def focus(page: Page) -> dict[str, Any] | None:
    """What has the focus; None where the page itself has it."""
    found: dict[str, Any] | None = page.evaluate(FOCUS)
    return found


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the link, button or field of that name has the focus."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        text: str = page.evaluate("(document.activeElement.textContent || '').trim()")
        if text == name:
            return
    raise AssertionError(f"no stop is called {name}")


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("path", ALL_PATHS)
def test_every_stop_is_seen_and_none_is_a_trap(visit: Visits, veteran: Member, path: str, width: int) -> None:
    guest_only = path in GUEST_PAGES.values() and path not in MEMBER_PAGES.values()
    page = visit(path, width=width, member=None if guest_only else veteran)
    page.evaluate("document.activeElement.blur()")
    places, faults, stop = [], [], None
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = focus(page)
        if stop is None or stop["place"] in places:
            break
        places.append(stop["place"])
        if not stop["seen"]:
            faults.append(f"no outline: {stop['what']}")
        if not stop["free"]:
            faults.append(f"something lies over it: {stop['what']}")
    assert not faults, "\n".join(faults)
    assert stop is None or stop["place"] == places[0], f"the focus never leaves: {stop}"
    last_of_page = page.get_by_role("contentinfo").get_by_role("button").last
    assert last_of_page.evaluate("each => [...document.querySelectorAll('*')].indexOf(each)") in places


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_skip_link_is_the_first_stop_and_leads_into_the_content(visit: Visits, path: str) -> None:
    page = visit(path)
    page.keyboard.press("Tab")
    skip = page.locator(":focus")
    expect(skip).to_have_text("Skip to the content")
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_first_page_to_a_copied_token_without_a_mouse(visit: Visits, member: Member) -> None:
    page = visit("/")
    tab_to(page, "Sign in")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in")
    expect(page.get_by_label("E-mail address")).to_be_focused()
    page.keyboard.type(member.email)
    page.keyboard.press("Tab")
    page.keyboard.type(member.password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/docs")
    tab_to(page, "Copy token")
    page.keyboard.press("Enter")
    expect(page.locator(":focus")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == member.token


def test_menu_of_a_phone_opens_and_closes_by_keyboard(visit: Visits) -> None:
    page = visit("/", width=PHONE)
    link = page.get_by_role("banner").get_by_role("link", name="Documentation")
    expect(link).to_be_hidden()
    tab_to(page, "Menu")
    page.keyboard.press("Enter")
    expect(link).to_be_visible()
    page.keyboard.press("Enter")
    expect(link).to_be_hidden()
