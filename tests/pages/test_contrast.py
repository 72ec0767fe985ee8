"""Colours of static/styles/00-tokens.css: each pair that meets on a page can be read, in light and in dark."""

from __future__ import annotations

import re
from itertools import product

import pytest

from lines import COLOURS
from tests.harness.processes import ROOT

TOKENS = (ROOT / "static" / "styles" / "00-tokens.css").read_text()
PAIRS = {
    name: (light, dark)
    for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", TOKENS)
}
GROUNDS = ("paper", "inset")
TEXTS = ("ink", "quiet", "fault", *(f"line-{number}" for number in range(COLOURS)))


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb``. Source: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio, 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_computed_as_the_standard_has_it() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(("text", "ground"), list(product(TEXTS, GROUNDS)))
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_can_be_read_on_its_ground(text: str, ground: str, theme: int) -> None:
    assert contrast(PAIRS[text][theme], PAIRS[ground][theme]) >= 5


@pytest.mark.parametrize(("text", "shade"), [("ink", "shade-pale"), ("paper", "shade-middle"), ("paper", "quiet")])
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_number_of_an_upstream_can_be_read_on_its_shade(text: str, shade: str, theme: int) -> None:
    assert contrast(PAIRS[text][theme], PAIRS[shade][theme]) >= 4.5


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_border_of_a_field_can_be_seen(ground: str, theme: int) -> None:
    assert contrast(PAIRS["edge"][theme], PAIRS[ground][theme]) >= 3


def test_no_two_lines_have_the_same_colour() -> None:
    lines = [PAIRS[f"line-{number}"] for number in range(COLOURS)]
    assert len({light for light, _ in lines}) == len({dark for _, dark in lines}) == COLOURS


def test_every_other_stylesheet_takes_its_colours_from_the_tokens() -> None:
    for path in sorted((ROOT / "static" / "styles").glob("*.css"))[1:]:
        own = set(re.findall(r"#[0-9a-f]{3,8}\b(?=[;, )])|\b(?:rgb|hsl)a?\([^)]*\)", path.read_text(), re.IGNORECASE))
        assert own <= {"#fff"}, path.name  # white: paper for print, and masks
