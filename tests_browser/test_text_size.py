"""Readers who set a larger text size in their browser get it, on every page, and lose nothing by it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Playwright

from tests.harness.gateway import Gateway
from tests_browser.checks import cut_off, too_wide
from tests_browser.conftest import launch
from tests_browser.pages_to_look_at import ALL_PATHS, DESK, PHONE, member_for
from tests_browser.people import Member
from tests_browser.visits import Visits

SIZES = {"--small": 13, "--text": 15, "--large": 18, "--title": 24, "--display": 38}  # px, as design has them
SMALLEST = 11  # px: the letter in a ring
USUAL, TWICE = 16, 32  # px: what browsers start with, and what a reader may choose
SIZE_OF_TOKENS = """names => names.map(name => {
  const probe = document.createElement("p");
  probe.style.setProperty("font-size", `var(${name})`);
  document.body.append(probe);
  const size = parseFloat(getComputedStyle(probe).fontSize);
  probe.remove();
  return size;
})"""
SMALLER_THAN = """least => {
  const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) {
    const at = texts.currentNode.parentElement;
    const size = parseFloat(getComputedStyle(at).fontSize);
    if (!texts.currentNode.data.trim() || at.closest("svg, .unseen") || size >= least) continue;
    found.push(`${size} px: ${at.outerHTML.slice(0, 80)}`);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def large_print(playwright: Playwright) -> Iterator[Browser]:
    """A browser whose reader chose text of twice the size."""
    browser = launch(playwright, f"--blink-settings=defaultFontSize={TWICE},defaultFixedFontSize=26")
    yield browser
    browser.close()


@pytest.fixture
def visit_large(large_print: Browser, gateway: Gateway) -> Iterator[Visits]:
    """Opens pages in large print."""
    visits = Visits(large_print, gateway.url)
    yield visits
    assert visits.close() == []


def token_sizes(page: Page) -> dict[str, float]:
    """The sizes that the tokens come to, in px."""
    return dict(zip(SIZES, page.evaluate(SIZE_OF_TOKENS, list(SIZES)), strict=True))


def test_five_sizes_follow_the_text_size_of_the_browser(visit: Visits, visit_large: Visits) -> None:
    assert token_sizes(visit("/")) == SIZES
    assert token_sizes(visit_large("/")) == {name: size * TWICE / USUAL for name, size in SIZES.items()}


@pytest.mark.parametrize("path", ALL_PATHS)
def test_page_in_large_print_is_large_throughout_and_stays_inside_its_window(
    visit_large: Visits, veteran: Member, path: str
) -> None:
    page = visit_large(path, member=member_for(path, veteran))
    for width in (DESK, PHONE):
        page.set_viewport_size({"width": width, "height": 800})
        assert (too_wide(page), cut_off(page)) == ([], []), f"{width} px"
    assert page.evaluate(SMALLER_THAN, SMALLEST * TWICE / USUAL) == []
