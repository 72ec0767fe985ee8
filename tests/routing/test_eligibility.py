"""Which routes can take a request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from routing.eligibility import eligible
from tests.api.test_attempts import features, route

TEXT = route("text", context_length=1000)
NO_TOOLS = replace(route("no-tools"), tools=False)
NO_JSON = replace(route("no-json"), structured_output=False)
SEES = replace(route("sees", context_length=8000), input=("text", "image"))


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"modalities": frozenset({"image"})}, "modality"),
        ({"modalities": frozenset({"image", "audio"})}, "modality"),
        ({"prompt_tokens": 1001}, "context_length"),
        ({"prompt_tokens": 1000}, None),
        ({"tools": True, "structured_output": True}, None),
    ],
)
def test_route_is_passed_over_for_what_it_lacks(asked: dict[str, Any], why: str | None) -> None:
    unfit = eligible([TEXT, route("other", context_length=100_000)], features(**asked))
    assert unfit.get(0) == why


def test_tools_and_structured_output_are_asked_of_routes_that_have_them() -> None:
    assert eligible([NO_TOOLS, NO_JSON], features(tools=True)) == {0: "tools"}
    assert eligible([NO_TOOLS, NO_JSON], features(structured_output=True)) == {1: "structured_output"}
    assert eligible([NO_TOOLS, NO_JSON], features()) == {}


def test_route_of_unknown_width_takes_any_length() -> None:
    assert eligible([route("unknown")], features(prompt_tokens=10**9)) == {}


def test_widest_route_stands_in_while_the_estimate_may_be_wrong() -> None:
    routes = [TEXT, SEES]
    assert eligible(routes, features(prompt_tokens=9000)) == {0: "context_length"}
    assert eligible(routes, features(prompt_tokens=10_001)) == {0: "context_length", 1: "context_length"}


def test_wide_route_does_not_stand_in_for_what_it_cannot_do() -> None:
    routes = [replace(SEES, context_length=1000, input=("text", "image")), replace(TEXT, context_length=2000)]
    asked = features(modalities=frozenset({"image"}), prompt_tokens=1100)
    assert eligible(routes, asked) == {1: "modality"}
