"""Addresses that the application builds are those of the library's own rules, though they are compiled later."""

from __future__ import annotations

import pytest
from werkzeug.routing import BuildError, Map, Rule

from middleware.application import LateRule

ASKED: list[tuple[str, dict[str, object]]] = [
    ("page", {}),
    ("page", {"of": "März & Co", "number": 2}),
    ("member", {"rule": 7}),
    ("member", {"rule": 7, "self": "x/y"}),
    ("listed", {}),
    ("listed", {"number": 3}),
]


def addresses(of: type[Rule]) -> list[str]:
    rules = [
        of("/page", endpoint="page"),
        of("/member/<int:rule>/change", endpoint="member"),
        of("/listed/", endpoint="listed", defaults={"number": 1}),
        of("/listed/<int:number>", endpoint="listed"),
    ]
    there = Map(rules).bind("example.org")
    return [there.build(endpoint, values) for endpoint, values in ASKED * 2]


def test_addresses_are_those_of_the_librarys_rules() -> None:
    assert addresses(LateRule) == addresses(Rule)


def test_an_address_without_its_value_is_refused_and_later_ones_are_built() -> None:
    there = Map([LateRule("/member/<int:number>", endpoint="member")]).bind("example.org")
    with pytest.raises(BuildError):
        there.build("member", {})
    assert there.build("member", {"number": 5}) == "/member/5"
