"""Tables of the documentation on a phone: a row below the other, read without scrolling, and tables all the same."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from playwright.sync_api import Locator, Page

from tests_browser.pages_to_look_at import DESK, PHONE
from tests_browser.people import Member
from tests_browser.visits import Visits

MOST_LINES_OF_A_HEAD = 3
LINES_OF_HEADS = """table => [...table.querySelectorAll("tbody th code")].map(each => {
  const lines = new Set([...each.getClientRects()].map(box => Math.round(box.top)));
  return [each.textContent, lines.size];
})"""


def stacked(page: Page) -> list[Locator]:
    """The tables that are taken apart on a phone."""
    found = page.locator("table.stacked").all()
    assert len(found) >= 6
    return found


def roles(page: Page) -> Counter[str]:
    """How often each role comes on the page, as assistive technology is told."""
    session = page.context.new_cdp_session(page)
    nodes: list[dict[str, Any]] = session.send("Accessibility.getFullAXTree")["nodes"]
    wanted = ("table", "row", "columnheader", "rowheader", "cell")
    return Counter(node["role"]["value"] for node in nodes if node["role"]["value"] in wanted and not node["ignored"])


@pytest.fixture
def on_a_phone(visit: Visits, veteran: Member) -> Page:
    """The documentation as a member sees it on a phone."""
    return visit("/docs", width=PHONE, member=veteran)


def test_row_is_read_without_scrolling_and_no_name_falls_to_pieces(on_a_phone: Page) -> None:
    for table in stacked(on_a_phone):
        assert table.evaluate("table => table.parentElement.scrollWidth <= table.parentElement.clientWidth")
        broken = [head for head in table.evaluate(LINES_OF_HEADS) if head[1] > MOST_LINES_OF_A_HEAD]
        assert broken == []


def test_screen_reader_finds_the_same_tables_as_on_a_desk(on_a_phone: Page) -> None:
    small = roles(on_a_phone)
    on_a_phone.set_viewport_size({"width": DESK, "height": 900})
    assert small == roles(on_a_phone)
    assert small["columnheader"] >= 12


def test_label_in_front_of_a_cell_is_the_head_of_its_column(on_a_phone: Page) -> None:
    for table in stacked(on_a_phone):
        labels = table.evaluate("""table => [...table.querySelectorAll("td[data-label]")].map(cell =>
            [cell.dataset.label, table.tHead.rows[0].cells[cell.cellIndex].textContent])""")
        assert all(label == head for label, head in labels), labels
