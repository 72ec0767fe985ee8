"""Pages are light, stand still, come from one place, and obey a strict Content-Security-Policy."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser

from tests.harness.gateway import Gateway
from tests_browser.measures import Fetched, Journal, layout_shift
from tests_browser.pages_to_look_at import GUEST_PAGES, MEMBER_PAGES, PHONE
from tests_browser.people import Member
from tests_browser.visits import Visits
from tests_browser.watch import inline_code

MOST_BYTES = 100_000  # as they travel
MOST_BYTES_UNPACKED = 300_000  # as a phone has to read them
MOST_BYTES_OF_SCRIPT_UNPACKED = 110_000
HASHED = re.compile(r"-[0-9a-f]{12}\.\w+$")
MOST_SHIFT = 0.01
YEAR_S = 365 * 24 * 3600
WEIGHED = ("document", "stylesheet", "script")


@dataclass(frozen=True)
class View:
    """One view of a page with an empty cache: what it fetched, how much of it moved, its inline code."""

    fetched: list[Fetched]
    shift: float
    inline: list[str]

    @property
    def document(self) -> Fetched:
        """The page itself."""
        [document] = [each for each in self.fetched if each.kind == "document"]
        return document


def visitors() -> list[tuple[str, bool]]:
    """Each page as each kind of visitor sees it: path, whether a member looks."""
    return [(path, False) for path in GUEST_PAGES.values()] + [(path, True) for path in MEMBER_PAGES.values()]


@pytest.fixture(scope="module", params=visitors(), ids=lambda it: f"{it[0]} {'member' if it[1] else 'guest'}")
def view(request: pytest.FixtureRequest, browser: Browser, gateway: Gateway, veteran: Member) -> View:
    """One view of a page on a wide screen; all tests of the page share it."""
    path, signed_in = request.param
    visits = Visits(browser, gateway.url)
    page = visits.blank(member=veteran if signed_in else None)
    journal = Journal(page)
    page.goto(path)
    page.wait_for_load_state("networkidle")
    seen = View(journal.read(), layout_shift(page), inline_code(page))
    faults = visits.close()
    assert not faults, "\n".join(faults)
    return seen


def test_page_with_its_style_and_script_weighs_less_than_100_kb(view: View) -> None:
    weights = {each.url: (each.on_the_wire, each.unpacked) for each in view.fetched if each.kind in WEIGHED}
    assert sum(on_the_wire for on_the_wire, _ in weights.values()) < MOST_BYTES, weights
    assert sum(unpacked for _, unpacked in weights.values()) < MOST_BYTES_UNPACKED, weights
    script = sum(each.unpacked for each in view.fetched if each.kind == "script")
    assert script < MOST_BYTES_OF_SCRIPT_UNPACKED


def test_document_with_its_style_and_script_leaves_compressed(view: View) -> None:
    for each in view.fetched:
        if each.kind in WEIGHED:
            assert each.headers.get("content-encoding") == "gzip", each.url
            assert each.on_the_wire < each.unpacked, each.url


def test_asset_is_asked_for_once_and_kept_for_a_year_under_a_name_that_changes_with_it(view: View) -> None:
    again = {url: times for url, times in Counter(each.url for each in view.fetched).items() if times > 1}
    assert not again
    kinds = Counter(each.kind for each in view.fetched)
    assert (kinds["document"], kinds["stylesheet"]) == (1, 1)
    assert kinds["script"] <= 1
    for asset in view.fetched:
        if asset.kind != "document":
            assert HASHED.search(asset.url), asset.url
            assert f"max-age={YEAR_S}" in asset.headers["cache-control"], asset.url
            assert "immutable" in asset.headers["cache-control"], asset.url


def test_policy_of_a_page_allows_no_inline_code_and_no_other_site(view: View) -> None:
    policy = view.document.headers["content-security-policy"]
    assert "default-src 'self'" in policy or "default-src 'none'" in policy
    for looseness in ("unsafe-inline", "unsafe-eval", "http:", "https:", "*"):
        assert looseness not in policy
    assert view.inline == []


def test_nothing_moves_after_it_was_drawn(view: View) -> None:
    assert view.shift < MOST_SHIFT


@pytest.mark.parametrize("path", ["/", "/docs", "/usage", "/plans"])
def test_nothing_moves_on_a_phone_after_it_was_drawn(visit: Visits, veteran: Member, path: str) -> None:
    page = visit(path, member=veteran, width=PHONE)
    page.wait_for_load_state("networkidle")
    assert layout_shift(page) < MOST_SHIFT
