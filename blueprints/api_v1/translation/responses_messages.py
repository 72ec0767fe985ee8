"""A conversation of Responses items as chat messages.

Items come one by one, chat wants whole turns: everything that an assistant says and calls in one turn is
collected in a draft, which becomes one message, followed by one tool message for each call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import orjson
from msgspec import Struct, field

from .responses_bridged_tools import arguments_of, output_of
from .responses_capabilities import Capabilities
from .responses_content import chat_content, text_of, tool_output
from .responses_custom_input import wrap
from .responses_items import CALLS, OUTPUTS, Conversation, Entry, Thought, call_id_of
from .responses_tools import ToolTable

UNANSWERED = "aborted"  # the word that coding agents themselves use for a call that was given up

CallExtras = Callable[[str], object]


class _Draft(Struct):
    """One turn of the assistant while it is collected; ``calls`` are places in the conversation."""

    thoughts: list[Thought] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)


def chat_messages(
    conversation: Conversation,
    tools: ToolTable,
    *,
    instructions: str | None,
    can: Capabilities,
    call_extras: CallExtras,
) -> list[dict[str, Any]]:
    """Return the messages for an upstream that ``can`` do so much.

    ``call_extras`` returns what the upstream sent with a call of this id and wants back, or None.

    Raises:
        InvalidRequest: a part that this upstream cannot take.
    """
    writer = _Writer(conversation, tools, can, call_extras)
    if instructions:
        writer.system(instructions)
    for place, entry in enumerate(conversation.entries):
        writer.take(place, entry)
    return writer.finish()


class _Writer:
    """Collects turns and writes them as messages."""

    def __init__(
        self, conversation: Conversation, tools: ToolTable, can: Capabilities, call_extras: CallExtras
    ) -> None:
        self._entries = conversation.entries
        self._output_of = conversation.output_of
        self._tools = tools
        self._can = can
        self._call_extras = call_extras
        self._messages: list[dict[str, Any]] = []
        self._draft = _Draft()
        self._is_start = True  # nothing but system texts so far
        self._calls_written = 0

    def take(self, place: int, entry: Entry) -> None:
        kind = entry.kind
        if kind in OUTPUTS:
            return  # written with its call, wherever it stands
        if kind == "message" and entry.role != "assistant":
            self._flush()
            if entry.role == "system":
                self.system("\n".join(text_of(entry.item.get("content"))))
            else:
                content = chat_content(entry.item.get("content"), f"{entry.path}.content", self._can)
                self._messages.append({"role": "user", "content": content})
                self._is_start = False
            return
        calls = self._draft.calls
        if calls and all(self._output_of.get(call, place) < place for call in calls):
            self._flush()  # its calls have been answered, so this is the next turn
        if kind in CALLS:
            self._draft.calls.append(place)
        elif entry.thought is not None:
            self._draft.thoughts.append(entry.thought)
        else:
            self._draft.texts += text_of(entry.item.get("content"))

    def system(self, text: str) -> None:
        if not text:
            return
        if not self._is_start:
            self._messages.append({"role": "system" if self._can.late_system else "user", "content": text})
        elif self._messages and not self._can.several_system:
            self._messages[0]["content"] += f"\n\n{text}"
        else:
            self._messages.append({"role": "system", "content": text})

    def finish(self) -> list[dict[str, Any]]:
        self._flush()
        return self._messages

    def _flush(self) -> None:
        draft, self._draft = self._draft, _Draft()
        if not draft.texts and not draft.calls:
            return  # reasoning alone is no message
        self._is_start = False
        message: dict[str, Any] = {"role": "assistant", "content": "\n\n".join(draft.texts) or None}
        self._add_reasoning(message, draft)
        answers: list[dict[str, Any]] = []
        moved: list[dict[str, Any]] = []
        calls = []
        for place in draft.calls:
            call = self._call(self._entries[place])
            calls.append(call)
            answer: dict[str, Any] = {"role": "tool", "tool_call_id": call["id"], "content": UNANSWERED}
            if place in self._output_of:
                output = self._entries[self._output_of[place]]
                told = tool_output(output_of(output.item), f"{output.path}.output", self._can)
                answer["content"] = told.content
                moved += told.moved
            answers.append(answer)
        if calls:
            message["tool_calls"] = calls
        self._messages += [message, *answers]
        if moved:  # after all answers: nothing may stand between a call and its answers
            self._messages.append({"role": "user", "content": moved})

    def _add_reasoning(self, message: dict[str, Any], draft: _Draft) -> None:
        policy = self._can.reasoning
        if policy.when == "never" or (policy.when == "tool_turns" and not draft.calls):
            return
        told = [thought.for_upstream(self._can.upstream) for thought in draft.thoughts]
        if policy.field == "reasoning_details":
            details = [detail for _, kept in told for detail in kept]
            if details:
                message[policy.field] = details
            return
        text = "\n\n".join(thought for thought, _ in told if thought)
        if text or policy.when == "always":
            message[policy.field] = text

    def _call(self, entry: Entry) -> dict[str, Any]:
        call_id = call_id_of(entry)
        name, arguments = self._named(entry)
        if self._can.object_arguments:
            arguments = _as_object(arguments)
        call: dict[str, Any] = {
            "id": self._upstream_id(call_id, name),
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }
        extra = self._call_extras(call_id)
        if extra is not None:
            call["extra_content"] = extra
        self._calls_written += 1
        return call

    def _named(self, entry: Entry) -> tuple[str, str]:
        """Return the wire name and the arguments of a call of any kind."""
        item, kind = entry.item, entry.kind
        namespace = item.get("namespace")
        namespace = namespace if isinstance(namespace, str) and namespace else None
        if kind == "function_call":
            name = self._tools.wire_name(str(item.get("name", "")), namespace, "function")
            return name, _text_or_json(item.get("arguments")) or "{}"
        if kind == "custom_tool_call":
            name = self._tools.wire_name(str(item.get("name", "")), namespace, "custom")
            return name, wrap(_text_or_json(item.get("input")))
        bridged = kind.removesuffix("_call")
        return self._tools.wire_name(bridged, None, bridged), arguments_of(item)

    def _upstream_id(self, call_id: str, name: str) -> str:
        if self._can.call_ids == "nine":
            return hashlib.sha256(call_id.encode()).hexdigest()[:9]
        if self._can.call_ids == "kimi":
            return f"functions.{name}:{self._calls_written}"
        return call_id


def _text_or_json(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value).decode()


def _as_object(arguments: str) -> str:
    try:
        if isinstance(orjson.loads(arguments), dict):
            return arguments
    except orjson.JSONDecodeError:
        pass
    return orjson.dumps({"_raw": arguments}).decode()
