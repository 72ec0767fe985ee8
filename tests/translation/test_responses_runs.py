"""However the chunks of an upstream are cut into runs, a Responses client gets the same bytes."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprints.api_v1.translation import responses_over_chat
from blueprints.api_v1.translation.responses_over_chat import ResponsesOverChat
from blueprints.api_v1.translation.responses_templates import Templates
from tests.translation.responses_machine import PATCH_TOOL, Told, call, check_stream, end, function, machine, text

TOOLS = [function("look"), PATCH_TOOL, {"type": "local_shell"}]
TEXTS = st.sampled_from(["word ", "a", "", " ", "\n", 'quo"te', "é\\n", "\u2028", "😀", "100 %d", "\x7f"])
ARGUMENTS = st.sampled_from(['{"input":"', "", "*** ", "a", 'n"}', "x\\n", "}", " ", "😀", '{"a":1}', "%"])
LOGPROBS = st.sampled_from([None, None, {"content": [{"token": "a", "logprob": -1.5, "top_logprobs": []}]}])


def one(key: str, content: str, logprobs: Any = None) -> dict[str, Any]:
    return {"delta": {key: content}, "logprobs": logprobs}


def fragment(index: int, name: str | None, arguments: str) -> dict[str, Any]:
    return {"delta": {"tool_calls": [{"index": index, "function": {"name": name, "arguments": arguments}}]}}


RUNS = st.one_of(
    st.lists(st.builds(one, st.just("content"), TEXTS), max_size=8),
    st.lists(st.builds(one, st.just("content"), TEXTS, LOGPROBS), max_size=4),
    st.lists(st.builds(one, st.just("reasoning_content"), TEXTS), max_size=4),
    st.lists(st.builds(one, st.just("refusal"), TEXTS), max_size=2),
    st.lists(st.builds(fragment, st.integers(0, 2), st.just(None), ARGUMENTS), max_size=4),
    st.builds(
        lambda index, name, pieces: [fragment(index, name, ""), *(fragment(index, None, piece) for piece in pieces)],
        st.integers(0, 2),
        st.sampled_from(["look", "apply_patch", "local_shell"]),
        st.lists(ARGUMENTS, max_size=6),
    ),
)
INCLUDES = st.sampled_from([[], ["message.output_text.logprobs"], ["reasoning.encrypted_content"]])


class NoTemplates(Templates):
    """Every chunk is parsed."""

    def find(self, chunks: list[bytes], start: int) -> None:
        return None


def said(translator: ResponsesOverChat, pieces: list[list[bytes]]) -> tuple[Told, int]:
    """Feed, and end; return what the client gets, and how much text was counted."""
    out = b"".join([*map(translator.feed, pieces), translator.feed(end()), translator.finish()])
    return Told(out, translator), translator.output_bytes


def cut(chunks: list[bytes], places: set[int]) -> list[list[bytes]]:
    edges = [0, *sorted(place for place in places if place < len(chunks)), len(chunks)]
    return [chunks[first:last] for first, last in pairwise(edges)]


@settings(deadline=None)
@given(st.lists(RUNS, max_size=6), st.booleans(), st.sets(st.integers(0, 40)), INCLUDES)
def test_any_cutting_gives_the_same_bytes(
    runs: list[list[dict[str, Any]]], ascii_only: bool, places: set[int], include: list[str]
) -> None:
    chunks = [
        json.dumps({"choices": [{"index": 0, **choice}]}, ensure_ascii=ascii_only).encode()
        for run in runs
        for choice in run
    ]
    alone, counted = said(machine(tools=TOOLS, include=include), [[data] for data in chunks])
    for pieces in (cut(chunks, places), [chunks]):
        told, size = said(machine(tools=TOOLS, include=include), pieces)
        assert (told.raw, size) == (alone.raw, counted)
        assert told.machine.final_object() == alone.machine.final_object()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(responses_over_chat, "Templates", NoTemplates)
        parsed, _ = said(machine(tools=TOOLS, include=include), [chunks])
    assert parsed.events == alone.events  # but for escapes, which are passed on as they came


@pytest.mark.parametrize(
    "chunks",
    [text(*["word "] * 300), [*text("Hi"), *call(0, '{"a":"', *["word "] * 300, '"}', name="look")]],
    ids=["text", "arguments"],
)
def test_a_long_run_is_parsed_at_its_beginning_alone(chunks: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    parses = []
    parse = ResponsesOverChat._chunk

    def counted(*given: Any) -> None:
        parses.append(given)
        parse(*given)

    monkeypatch.setattr(ResponsesOverChat, "_chunk", counted)
    translator = machine(tools=TOOLS)
    out = translator.feed([*chunks, *end()])
    assert len(parses) < 10
    check_stream(Told(out + translator.finish(), translator))
