"""The shapes of the events of a Responses stream."""

from __future__ import annotations

from typing import Any

from ..translation.native_events import AUDIO, HOSTED
from .shapes import Shape, anything, const, either, one_of, or_null, record, ref, several, text, whole

_ITEM = {"item_id": text(), "output_index": whole()}
_IN_CONTENT = {**_ITEM, "content_index": whole()}
_IN_SUMMARY = {**_ITEM, "summary_index": whole()}
_LOGPROBS = {"logprobs": several(ref("ResponseLogprob"))}
_PART = either(ref("OutputText"), ref("Refusal"), ref("ReasoningText"))

# Name -> words, what it carries, and which of that may be missing.
_EVENTS: dict[str, tuple[str, dict[str, Shape], tuple[str, ...]]] = {
    "response.created": ("The first event: the response as it begins.", {"response": ref("Response")}, ()),
    "response.in_progress": ("The model is at work.", {"response": ref("Response")}, ()),
    "response.output_item.added": (
        "An item begins: a message, reasoning or a call.",
        {"output_index": whole("Its place in `output`."), "item": ref("OutputItem")},
        (),
    ),
    "response.content_part.added": ("A part of a message or of reasoning begins.", {**_IN_CONTENT, "part": _PART}, ()),
    "response.output_text.delta": ("More text.", {**_IN_CONTENT, "delta": text(), **_LOGPROBS}, ()),
    "response.output_text.annotation.added": (
        "A source that the text names.",
        {**_IN_CONTENT, "annotation_index": whole(), "annotation": anything()},
        (),
    ),
    "response.output_text.done": ("The whole text of a part.", {**_IN_CONTENT, "text": text(), **_LOGPROBS}, ()),
    "response.refusal.delta": ("More of a refusal.", {**_IN_CONTENT, "delta": text()}, ()),
    "response.refusal.done": ("The whole refusal.", {**_IN_CONTENT, "refusal": text()}, ()),
    "response.reasoning_text.delta": ("More reasoning.", {**_IN_CONTENT, "delta": text()}, ()),
    "response.reasoning_text.done": ("The whole reasoning.", {**_IN_CONTENT, "text": text()}, ()),
    "response.content_part.done": ("A part is whole.", {**_IN_CONTENT, "part": _PART}, ()),
    "response.reasoning_summary_part.added": (
        "A part of a summary begins.",
        {**_IN_SUMMARY, "part": ref("SummaryText")},
        (),
    ),
    "response.reasoning_summary_text.delta": ("More of a summary.", {**_IN_SUMMARY, "delta": text()}, ()),
    "response.reasoning_summary_text.done": ("The whole summary.", {**_IN_SUMMARY, "text": text()}, ()),
    "response.reasoning_summary_part.done": (
        "A part of a summary is whole.",
        {**_IN_SUMMARY, "part": ref("SummaryText")},
        (),
    ),
    "response.function_call_arguments.delta": ("More arguments of a call.", {**_ITEM, "delta": text()}, ()),
    "response.function_call_arguments.done": (
        "The whole arguments of a call.",
        {**_ITEM, "arguments": text(), "name": text()},
        (),
    ),
    "response.custom_tool_call_input.delta": ("More input of a custom tool.", {**_ITEM, "delta": text()}, ()),
    "response.custom_tool_call_input.done": ("The whole input of a custom tool.", {**_ITEM, "input": text()}, ()),
    "response.output_item.done": (
        "An item is whole. Agents act on this one.",
        {"output_index": whole(), "item": ref("OutputItem")},
        (),
    ),
    "response.completed": ("The last event: all went well.", {"response": ref("Response")}, ()),
    "response.incomplete": (
        "The last event: cut at a limit, by a filter, or cancelled.",
        {"response": ref("Response")},
        (),
    ),
    "error": (
        "What went wrong; `response.failed` follows.",
        {
            "code": text(),
            "message": text(),
            "param": or_null(text()),
            "error": record("", type=text(), code=text(), message=text(), param=or_null(text())),
        },
        (),
    ),
    "response.failed": ("The last event: it failed.", {"response": ref("Response")}, ()),
    "keepalive": ("After 15 seconds of silence; nothing to do.", {}, ()),
}


def _event(name: str) -> Shape:
    words, carried, may_miss = _EVENTS[name]
    return record(words, may_miss=may_miss, type=const(name), sequence_number=whole(), **carried)


def event_schema_name(event: str) -> str:
    """Return the name of an event's schema: ``ResponseOutputTextDeltaEvent``."""
    words: list[Any] = event.replace(".", "_").split("_")
    return "".join(word.capitalize() for word in words) + "Event"


EVENT_SHAPES: dict[str, Shape] = {event_schema_name(name): _event(name) for name in _EVENTS} | {
    "HostedToolEvent": {
        **record(
            "Told by a tool that runs behind the alias, where there is one. Its other keys are those of the "
            "Responses API.",
            type=one_of(*HOSTED, *AUDIO),
            sequence_number=whole(),
        ),
        "additionalProperties": True,
    },
    "ResponseEvent": either(
        *(ref(event_schema_name(name)) for name in _EVENTS),
        ref("HostedToolEvent"),
        about="The JSON after `data: ` of one event; `event: ` repeats its `type`. `sequence_number` counts from 0.",
    ),
}
