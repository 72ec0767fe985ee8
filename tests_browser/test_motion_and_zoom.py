"""People who enlarge text, or ask for less movement, lose nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests_browser.checks import cut_off, too_wide
from tests_browser.pages_to_look_at import ALL_PATHS, member_for
from tests_browser.people import Member
from tests_browser.visits import HEIGHTS, Visits

LONGEST_MOTION_S = 0.15
MOTIONS = """() => [...document.querySelectorAll("*")].flatMap(each => {
  const style = getComputedStyle(each);
  const seconds = style.transitionDuration.split(",").concat(style.animationDuration.split(",")).map(parseFloat);
  return [{ element: each.outerHTML.slice(0, 80), seconds: Math.max(...seconds), scroll: style.scrollBehavior }];
}).filter(each => each.seconds > 0 || each.scroll === "smooth")"""


def motions(visit: Visits, path: str, member: Member | None, wish: str) -> list[dict[str, Any]]:
    """Every element of a page that moves, with how long it does, in seconds."""
    page = visit(path, member=member, reduced_motion=wish)
    found: list[dict[str, Any]] = page.evaluate(MOTIONS)
    return found


@pytest.mark.parametrize("path", ["/", "/docs", "/usage", "/plans"])
def test_motion_is_short_and_there_is_none_for_people_who_ask_for_less(
    visit: Visits, veteran: Member, path: str
) -> None:
    lively = motions(visit, path, veteran, "no-preference")
    assert all(each["seconds"] <= LONGEST_MOTION_S for each in lively), lively
    still = motions(visit, path, veteran, "reduce")
    assert all(each["seconds"] < 0.001 and each["scroll"] != "smooth" for each in still), still


@pytest.mark.parametrize("path", ALL_PATHS)
def test_enlarged_page_cuts_nothing_off_and_scrolls_one_way(visit: Visits, veteran: Member, path: str) -> None:
    """A window of 1280 px at 200 % has 640 px (WCAG 1.4.4), at 400 % 320 px (1.4.10)."""
    page = visit(path, width=640, device_scale_factor=2, member=member_for(path, veteran))
    for width in (640, 320):
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        assert (too_wide(page), cut_off(page)) == ([], []), f"{width} px"
