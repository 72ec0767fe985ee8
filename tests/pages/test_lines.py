"""Colour and letter of each alias: one line has one colour on every page."""

from __future__ import annotations

from lines import COLOURS, line_colours, line_letters
from tests.harness.processes import ROOT

SHIPPED = (
    "smart-route-mini", "smart-route", "smart-route-focus", "smart-route-deep", "smart-route-ultra",
    "smart-route-turbo", "smart-route-infinite",
)  # fmt: skip


def test_shipped_aliases_have_the_colours_of_their_lines() -> None:
    assert line_colours(SHIPPED) == {alias: place for place, alias in enumerate(SHIPPED)}


def test_shipped_alias_keeps_its_colour_whatever_stands_before_it() -> None:
    assert line_colours(("smart-route-nano", *SHIPPED))["smart-route-deep"] == 3
    assert line_colours(("smart-route-deep",)) == {"smart-route-deep": 3}


def test_added_aliases_take_the_next_free_colours() -> None:
    colours = line_colours((*SHIPPED, "night", "day"))
    assert (colours["night"], colours["day"]) == (7, 8)
    assert line_colours(("light", "heavy")) == {"light": 0, "heavy": 1}


def test_colours_start_again_when_there_are_more_aliases_than_colours() -> None:
    many = tuple(f"alias-{number}" for number in range(COLOURS + 2))
    assert list(line_colours(many).values()) == [*range(COLOURS), 0, 1]


def test_each_colour_has_its_class_and_its_pair() -> None:
    tokens = (ROOT / "static" / "styles" / "00-tokens.css").read_text()
    for number in range(COLOURS):
        assert f"--line-{number}: light-dark(" in tokens
        assert f".line-{number} {{ --line: var(--line-{number}); }}" in tokens


def test_added_aliases_take_letters_that_are_free() -> None:
    letters = line_letters((*SHIPPED, "smart-route-micro", "fast", "42", "---"))
    assert letters["smart-route-micro"] == "i"
    assert letters["fast"] == "a"
    assert letters["42"] == "4"
    assert letters["---"] == "·"
    assert len(set(letters.values())) == len(letters)


def test_alias_without_a_free_letter_has_the_first_of_its_word() -> None:
    assert line_letters(("a", "b-a"))["b-a"] == "a"
