"""Pages are light, stand still, come from one place, and obey a strict Content-Security-Policy."""

from __future__ import annotations

from collections import Counter

import pytest

from tests_browser.measures import Fetched, Journal, layout_shift
from tests_browser.pages_to_look_at import ALL_PATHS, DESK, GUEST_PAGES, MEMBER_PAGES, PHONE
from tests_browser.people import Member
from tests_browser.visits import Visits
from tests_browser.watch import inline_code

MOST_BYTES = 100_000
MOST_SHIFT = 0.01
YEAR_S = 365 * 24 * 3600
WEIGHED = ("document", "stylesheet", "script")


def fetched_by(visit: Visits, path: str, member: Member | None) -> list[Fetched]:
    """All that one view of a page with an empty cache fetches."""
    page = visit.blank(member=member)
    journal = Journal(page)
    page.goto(path)
    page.wait_for_load_state("networkidle")
    return journal.read()


def visitors() -> list[tuple[str, bool]]:
    """Each page as each kind of visitor sees it: path, whether a member looks."""
    return [(path, False) for path in GUEST_PAGES.values()] + [(path, True) for path in MEMBER_PAGES.values()]


@pytest.mark.parametrize(("path", "signed_in"), visitors())
def test_page_with_its_style_and_script_weighs_less_than_100_kb(
    visit: Visits, reader: Member, path: str, signed_in: bool
) -> None:
    fetched = fetched_by(visit, path, reader if signed_in else None)
    weights = {each.url.removeprefix(visit.url): each.size for each in fetched if each.kind in WEIGHED}
    assert sum(weights.values()) < MOST_BYTES, weights


@pytest.mark.parametrize(("path", "signed_in"), visitors())
def test_asset_is_asked_for_once_and_kept_for_a_year_under_a_name_that_changes_with_it(
    visit: Visits, reader: Member, path: str, signed_in: bool
) -> None:
    fetched = fetched_by(visit, path, reader if signed_in else None)
    again = {url: times for url, times in Counter(each.url for each in fetched).items() if times > 1}
    assert not again
    kinds = Counter(each.kind for each in fetched)
    assert kinds["document"] == 1
    assert kinds["stylesheet"] == 1
    assert kinds["script"] <= 1
    for asset in fetched:
        if asset.kind in ("stylesheet", "script", "image", "font"):
            assert f"max-age={YEAR_S}" in asset.headers["cache-control"], asset.url
            assert "immutable" in asset.headers["cache-control"], asset.url


@pytest.mark.parametrize("path", ALL_PATHS)
def test_policy_of_a_page_allows_no_inline_code_and_no_other_site(visit: Visits, reader: Member, path: str) -> None:
    page = visit.blank(member=reader if path in MEMBER_PAGES.values() else None)
    journal = Journal(page)
    page.goto(path)
    [document] = [each for each in journal.read() if each.kind == "document"]
    policy = document.headers["content-security-policy"]
    assert "default-src 'self'" in policy or "default-src 'none'" in policy
    for looseness in ("unsafe-inline", "unsafe-eval", "http:", "https:", "*"):
        assert looseness not in policy
    assert inline_code(page) == []


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize(("path", "signed_in"), visitors())
def test_nothing_moves_after_it_was_drawn(
    visit: Visits, reader: Member, path: str, signed_in: bool, width: int
) -> None:
    page = visit(path, member=reader if signed_in else None, width=width)
    page.wait_for_load_state("networkidle")
    assert layout_shift(page) < MOST_SHIFT
