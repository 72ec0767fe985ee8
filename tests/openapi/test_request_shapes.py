"""What the document says of a request's fields is what their check lets through."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from blueprints.api_v1.openapi.requests import BODIES
from blueprints.api_v1.schemas import ROLES, check_chat
from tests.openapi.conftest import Described

# JSON Schema takes 1.0 for an integer; the API, like the SDKs, does not.
NUMBERS = st.integers(-3, 200) | st.floats(-3, 130, allow_nan=False).filter(lambda value: not value.is_integer())
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=4) | st.sampled_from(["low", "a" * 300, "b" * 2000])
STRINGS = st.lists(st.text(max_size=3), max_size=6)
PAIRS = st.dictionaries(st.text(max_size=3) | st.just("k" * 65), SCALARS | st.just("v" * 513), max_size=18)
VALUES = SCALARS | STRINGS | PAIRS | st.lists(PAIRS, max_size=2) | st.lists(SCALARS, max_size=3)

# Here the document says what to send; the check leaves the inside of it to the model.
LOOSER = {"messages", "input", "prompt", "tool_choice"}
FIELDS = [(name, field) for name, schema in BODIES.items() for field in schema().fields if field not in LOOSER]


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_field_takes_exactly_what_its_schema_says(described: Described, name: str, field: str) -> None:
    shape = described.document["components"]["schemas"][name]["properties"][field]
    check = BODIES[name]().fields[field]

    @settings(max_examples=60, deadline=None)
    @given(VALUES)
    def holds(value: Any) -> None:
        try:
            if value is not None:
                check.deserialize(value, field, {})
            is_taken = True
        except ValidationError:
            is_taken = False
        assert described.contract.is_valid(value, shape) == is_taken, value

    holds()


TEXT = st.text(max_size=3)
ODD: st.SearchStrategy[Any] = st.sampled_from([None, 3, True, [], {}])
PARTS = st.fixed_dictionaries({"type": st.just("text"), "text": TEXT | ODD}) | st.fixed_dictionaries(
    {"type": st.just("image_url"), "image_url": st.fixed_dictionaries({"url": TEXT | ODD}) | ODD}
)
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(ROLES) | ODD, "content": TEXT | st.lists(PARTS, max_size=2) | ODD},
    optional={
        "tool_call_id": TEXT | ODD,
        "tool_calls": st.lists(PAIRS, max_size=2) | ODD,
        "reasoning_content": TEXT | ODD,
    },
)


def test_messages_that_fit_their_schema_are_taken(described: Described) -> None:
    shape = described.document["components"]["schemas"]["ChatCompletionRequest"]["properties"]["messages"]
    judged = {True: 0, False: 0}

    @settings(max_examples=500, deadline=None)
    @given(st.lists(MESSAGES, max_size=2))
    def holds(messages: Any) -> None:
        fits = described.contract.is_valid(messages, shape)
        judged[fits] += 1
        if fits:
            check_chat({"messages": messages})

    holds()
    assert min(judged.values()) > 40
