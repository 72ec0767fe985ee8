"""The page on security names files and tests that exist, and every number of the standard once."""

from __future__ import annotations

import re
import subprocess
from collections import Counter

import pytest

from tests.harness.processes import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMES = re.findall(r"`([^`\n]+)`", PAGE)
PATHS = [name for name in NAMES if re.fullmatch(r"[\w./-]+\.(?:py|js|md|txt|toml|conf)|tests[\w/]*", name)]
TESTS = [name for name in NAMES if re.fullmatch(r"test_\w+", name)]
# How many numbers of levels 1 and 2 each chapter of ASVS 5.0.0 has.
CHAPTERS = {1: 27, 2: 11, 3: 19, 4: 10, 5: 9, 6: 35, 7: 18, 8: 7, 9: 7, 10: 29, 11: 14, 12: 9, 13: 13, 14: 9, 15: 13}
CHAPTERS |= {16: 16, 17: 7}
# Rows for several numbers at once, none of which applies.
SECTIONS = {"4.4.1 to 4.4.4": 4, "6.8.1 to 6.8.4": 4, "10.1.1 to 10.7.3": 29, "17.1.1 to 17.3.2": 7}
OTHERS = {"options-ssl-nginx.conf"}  # of certbot


def rows() -> list[list[str]]:
    """The rows of the standard's tables, as cells."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.splitlines()
        if re.match(r"\| \d+\.\d+\.\d+", line)
    ]


def test_named_files_are_there() -> None:
    assert len(PATHS) > 80
    assert not [path for path in PATHS if path not in OTHERS and not (ROOT / path).exists()]


def test_named_tests_are_there() -> None:
    assert len(TESTS) > 80
    found = subprocess.run(
        ["grep", "-rhoE", "def test_[a-z0-9_]+", "tests", "--include=*.py"], cwd=ROOT, capture_output=True, text=True
    )
    there = {line.removeprefix("def ") for line in found.stdout.splitlines()}
    assert not set(TESTS) - there


@pytest.mark.parametrize(("chapter", "numbers"), CHAPTERS.items())
def test_every_number_of_a_chapter_stands_in_the_table_once(chapter: int, numbers: int) -> None:
    told = [cells[0] for cells in rows() if cells[0].startswith(f"{chapter}.")]
    assert Counter(told).most_common(1)[0][1] == 1
    assert sum(SECTIONS.get(number, 1) for number in told) == numbers


def test_row_without_a_test_says_why_or_leads_on() -> None:
    for number, asks, here, shown in rows():
        assert asks, number
        if shown == "—":
            assert re.search(r"n/a|\*\*(?:No|Partly)\*\*|above|operator|\]\(|`|\b[Nn]o(?:ne|thing)?\b", here), number


def test_links_of_the_page_lead_to_pages() -> None:
    links = re.findall(r"\]\(([\w.]+\.md)\)", PAGE)
    assert links
    assert not [link for link in links if not (ROOT / "docs" / link).is_file()]
