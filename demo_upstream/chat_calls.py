"""Tool calls in chat completions, in the usual form and in the odd forms that real backends send."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import orjson

from demo_upstream.answer import Answer
from demo_upstream.script import Call, Script

Item = dict[str, Any]
FRAGMENT = 12  # characters of arguments in one delta


def call_id(digest: str, turn: int, number: int) -> str:
    """The id of a call: equal requests have equal ids, turns and calls have different ones."""
    return f"call_demo{digest[:16]}{turn:02d}{number:02d}"


def whole_calls(digest: str, answer: Answer, script: Script, legacy: bool) -> Item:
    """The keys that the calls add to a message; none without calls."""
    if not answer.calls:
        return {}
    if legacy:
        first = answer.calls[0]
        return {"function_call": {"name": first.name, "arguments": first.payload}}
    odd = frozenset(script.odd)
    return {"tool_calls": [_whole(digest, answer.turn, n, call, odd) for n, call in enumerate(answer.calls)]}


def call_deltas(digest: str, answer: Answer, script: Script, legacy: bool) -> Iterator[Item]:
    """The ``delta`` objects of the calls: one after the other, or taking turns if the script interleaves."""
    if legacy:
        yield from _legacy_deltas(answer)
        return
    odd = frozenset(script.odd)
    rows = [list(_deltas(digest, answer.turn, n, call, odd)) for n, call in enumerate(answer.calls)]
    ordered = (d for row in zip_longest(*rows) for d in row) if script.interleave else (d for row in rows for d in row)
    for delta in ordered:
        if delta is not None:
            yield {"tool_calls": [delta]}


def fragments(text: str) -> list[str]:
    """A call's arguments in the pieces of a stream."""
    return [text[n : n + FRAGMENT] for n in range(0, len(text), FRAGMENT)]


def _whole(digest: str, turn: int, number: int, call: Call, odd: frozenset[str]) -> Item:
    whole: Item = {**_identity(digest, turn, number, odd), "type": "custom" if call.custom else "function"}
    if call.custom:
        return {**whole, "custom": {"name": call.name, "input": call.payload}}
    arguments = _as_object(call.payload) if "args-object" in odd else call.payload
    return {**whole, "function": {"name": call.name, "arguments": arguments}}


def _identity(digest: str, turn: int, number: int, odd: frozenset[str]) -> Item:
    if "no-id" in odd:
        return {}
    if "empty-id" in odd:
        return {"id": ""}
    return {"id": "call_0" if "same-id" in odd else call_id(digest, turn, number)}


def _deltas(digest: str, turn: int, number: int, call: Call, odd: frozenset[str]) -> Iterator[Item]:
    index: Item = {} if "no-index" in odd else {"index": number}
    kind, text = ("custom", "input") if call.custom else ("function", "arguments")
    identity = {**_identity(digest, turn, number, odd), "type": kind}
    if "args-object" in odd:
        yield {**index, **identity, kind: {"name": call.name, text: _as_object(call.payload)}}
    elif "one-delta" in odd:
        yield {**index, **identity, kind: {"name": call.name, text: call.payload}}
    elif "name-late" in odd:
        yield {**index, **identity, kind: {text: ""}}
        for piece in fragments(call.payload):
            yield {**index, kind: {text: piece}}
        yield {**index, kind: {"name": call.name}}
    else:
        yield {**index, **identity, kind: {"name": call.name, text: ""}}
        repeated = {**identity, kind: {"name": call.name}} if "repeat-id" in odd else {kind: {}}
        for piece in fragments(call.payload):
            yield {**index, **repeated, kind: {**repeated[kind], text: piece}}


def _legacy_deltas(answer: Answer) -> Iterator[Item]:
    for call in answer.calls[:1]:
        yield {"function_call": {"name": call.name, "arguments": ""}}
        for piece in fragments(call.payload):
            yield {"function_call": {"arguments": piece}}


def _as_object(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
