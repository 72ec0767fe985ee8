"""Figures and times as pages write them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from flask import Flask

from models.base import utcnow
from pages import figure, letter, price, quota, until
from service.services import EXTENSION


def test_figures_are_written_the_english_way() -> None:
    assert (figure(1599), figure(7), quota(70_000), quota(None)) == ("1,599", "7", "70,000", "unlimited")


def test_prices_are_written_with_their_currency(app: Flask) -> None:
    plans = {plan.slug: price(plan) for plan in app.extensions[EXTENSION].catalog.plans}
    assert plans["free"] == "free"
    assert plans["business"] == "on request"
    assert plans["unlimited"] == "EUR 1,599.99"
    assert app.extensions[EXTENSION].catalog.plan("pro").price == Decimal("59.99")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (10, "in 1 min"),
        (59 * 60, "in 59 min"),
        (5 * 3600 + 12 * 60, "in 5 h 12 min"),
        (3600, "in 1 h"),
        (8 * 86_400 + 22 * 3600 + 300, "in 8 d 22 h"),
        (-5, "in 1 min"),
    ],
)
def test_time_from_now_is_told_in_its_two_largest_units(seconds: int, words: str) -> None:
    assert until(utcnow() + timedelta(seconds=seconds)) == words


def test_each_shipped_alias_has_a_letter_of_its_own(app: Flask) -> None:
    profiles = app.extensions[EXTENSION].catalog.profiles
    with app.app_context():
        assert [letter(profile) for profile in profiles] == ["m", "s", "f", "d", "u", "t", "∞"]
