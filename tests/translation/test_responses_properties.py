"""What holds for every stream, whatever an upstream sends: tried on random chunks in random order."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprints.api_v1.errors import GatewayError, UpstreamError
from tests.translation.responses_machine import (
    NAMESPACE,
    PATCH_TOOL,
    TERMINAL,
    Told,
    check_items,
    chunk,
    end,
    function,
    machine,
    no_tokens,
    validate,
)

TOOLS = [function("look"), NAMESPACE, PATCH_TOOL]
TEXTS = st.sampled_from(["", " ", "\n", "a", "word ", 'quo"te', "\u2028", "😀", "é\\n", "```\n", "}"])
NAMES = st.sampled_from(["look", "mcp__files__read", "read", "apply_patch", "invented", "", None])
ARGUMENTS = st.sampled_from(["", "{", "}", "{}", '{"input":"', "x\\", 'n"}', '{"a":1}', " ", None, {"a": 1}])
INDEXES = st.sampled_from([0, 0, 0, 1, 2, None])
CALL_IDS = st.sampled_from([None, None, "", "a", "b"])


@st.composite
def tool_deltas(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "index": draw(INDEXES),
        "id": draw(CALL_IDS),
        "function": {"name": draw(NAMES), "arguments": draw(ARGUMENTS)},
    }


DELTAS = st.one_of(
    TEXTS.map(lambda text: {"content": text}),
    TEXTS.map(lambda text: {"reasoning_content": text}),
    TEXTS.map(lambda text: {"reasoning": text, "content": text, "role": "assistant"}),
    TEXTS.map(lambda text: {"refusal": text}),
    TEXTS.map(lambda text: {"reasoning_details": [{"type": "reasoning.text", "text": text}]}),
    st.lists(tool_deltas(), min_size=1, max_size=2).map(lambda calls: {"tool_calls": calls}),
    st.sampled_from([{}, {"content": None}, {"tool_calls": None}, {"content": [{"type": "text", "text": "m"}]}]),
)
ENDS = st.sampled_from(["stop", "length", "content_filter", "tool_calls", "done", "cut", "error"])
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "reasoning": st.just({"summary": "auto"}),
        "include": st.just(["reasoning.encrypted_content"]),
    },
)


@settings(deadline=None)
@given(st.lists(DELTAS, max_size=25), ENDS, BODIES, st.sets(st.integers(0, 25)))
def test_conf_051_every_stream_is_gapless_and_ends_once(
    deltas: list[dict[str, Any]], ending: str, body: dict[str, Any], silences: set[int]
) -> None:
    translator = machine(tools=TOOLS, **body)
    out = []
    try:
        for place, delta in enumerate(deltas):
            out.append(translator.feed([chunk(delta)]))
            assert bool(out[-1]) <= translator.has_output
            if place in silences:
                out.append(translator.keep_alive())
        if ending == "error":
            out.append(translator.feed([b'{"error":"boom"}']))
        elif ending == "done":
            out.append(translator.feed([b"[DONE]"]))
        elif ending != "cut":
            out.append(translator.feed(end(ending)))
        out.append(translator.finish())
    except GatewayError as error:
        out.append(translator.fail(error))
    out += [translator.keep_alive(), translator.fail(UpstreamError()), translator.finish()]
    told = Told(b"".join(out), translator)
    assert [event["sequence_number"] for event in told.events] == list(range(len(told.events)))
    assert [event["type"] for event in told.events if event["type"] in TERMINAL] == [told.events[-1]["type"]]
    assert told.final == translator.final_object()
    check_items(told.events)
    for event in told.events:
        if event["type"] != "keepalive":
            validate(event)


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, st.sampled_from(["content", "reasoning_content"])), max_size=12), BODIES)
def test_pieces_make_the_same_object_as_the_whole(pieces: list[tuple[str, str]], body: dict[str, Any]) -> None:
    ordered = sorted(pieces, key=lambda piece: piece[1], reverse=True)  # reasoning first, as in a whole answer
    translator = machine(**body)
    translator.feed([*(chunk({key: text}) for text, key in ordered), *end()])
    translator.finish()
    message = {key: "".join(text for text, of in ordered if of == key) for key in ("content", "reasoning_content")}
    whole = {"choices": [{"message": message, "finish_reason": "stop"}], "usage": orjson.loads(end()[1])["usage"]}
    assert machine(**body).whole(whole, estimate=no_tokens) == translator.final_object()


def test_cost_of_a_long_stream_grows_with_its_length_alone() -> None:
    """Twice the pieces: twice the bytes held and sent, and no event that holds more than its own delta."""
    sizes = []
    for length in (1_000, 2_000):
        translator = machine()
        out = [translator.feed([chunk({"content": "word "})]) for _ in range(length)]
        sizes.append(sum(map(len, out)))
        assert max(map(len, out[10:])) < 250
        translator.feed(end())
        translator.finish()
        assert translator.final_object()["output"][0]["content"][0]["text"] == "word " * length
    assert sizes[1] < sizes[0] * 2.1
