"""What is answered, free of any protocol: text, reasoning, calls, the finish reason, token counts."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice, repeat
from typing import Any

import orjson

from demo_upstream.conversation import Conversation, tools_of
from demo_upstream.examples import example_of
from demo_upstream.script import Call, Script, Turn
from demo_upstream.triggers import ALL_WORDS

GREETING = "This is the demo upstream of Smart Route."
_PIECE = re.compile(r"[ \t\r\n]*[^ \t\r\n]+|[ \t\r\n]+$")


@dataclass(frozen=True, slots=True)
class Pieces:
    """Text that comes piece by piece, one a token; made while it is read, so its length costs nothing."""

    make: Callable[[], Iterator[str]]
    count: int

    def __iter__(self) -> Iterator[str]:
        return self.make()


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one answer."""

    prompt: int
    cached: int
    completion: int  # reasoning included
    reasoning: int


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, ready to be put into a protocol. ``finish`` is a chat finish reason."""

    text: Pieces
    reasoning: tuple[str, ...]
    refusal: tuple[str, ...]
    calls: tuple[Call, ...]
    turn: int  # of the tool script, from 0
    finish: str
    usage: Usage


def compose(conversation: Conversation, script: Script, header_names: list[str]) -> Answer:
    """Give the answer to a conversation under a script; equal arguments, equal answer."""
    number, turn = _turn(script, len(conversation.tool_results))
    if turn is None and script.reply is None and _must_call(conversation):
        turn = _example_turn(conversation)
    refusal = split(script.refusal or "")
    if turn is not None:
        text = _words(turn.say)
    elif script.no_text or refusal:
        text = _words("")
    else:
        text = _text(conversation, script, header_names)
    text, cut = _limited(text, conversation.body)
    calls = turn.calls if turn is not None else ()
    reasoning = split(script.reasoning or "")
    written = text.count + len(reasoning) + len(refusal) + sum(1 + len(c.payload.split()) for c in calls)
    usage = Usage(conversation.prompt_tokens, conversation.cached_tokens, written, len(reasoning))
    natural = "length" if cut else "tool_calls" if calls else "stop"
    return Answer(text, reasoning, refusal, calls, number, script.finish or natural, usage)


def split(text: str) -> tuple[str, ...]:
    """Cut a text into pieces of one word each, with the white space before it; nothing is lost."""
    return tuple(_PIECE.findall(text))


def _words(text: str) -> Pieces:
    pieces = split(text)
    return Pieces(lambda: iter(pieces), len(pieces))


def _turn(script: Script, results: int) -> tuple[int, Turn | None]:
    """The first turn of the script whose calls are not all answered; None behind the last one."""
    answered = 0
    for number, turn in enumerate(script.turns):
        answered += len(turn.calls)
        if answered > results or not turn.calls:
            return number, turn
    return len(script.turns), None


def _text(conversation: Conversation, script: Script, header_names: list[str]) -> Pieces:
    if script.endless == "deltas":
        return Pieces(lambda: repeat(" more"), 0)
    if script.tokens is not None:
        tokens = script.tokens
        return Pieces(lambda: (f"w{n} " for n in range(1, tokens + 1)), tokens)
    if script.repeat is not None:
        count, word = script.repeat
        return Pieces(lambda: chain((word,), repeat(" " + word, count - 1)), count)
    if script.bytes is not None:
        block = "x" * script.bytes
        return Pieces(lambda: iter((block,)), 1)
    return _words(_prose(conversation, script, header_names))


def _prose(conversation: Conversation, script: Script, header_names: list[str]) -> str:
    if script.reply is not None:
        return script.reply
    if script.echo:
        return orjson.dumps({"headers": header_names, "body": conversation.body}).decode()
    if script.help:
        return f"{GREETING} Trigger words, written like [[word argument]]: {', '.join(ALL_WORDS)}."
    if conversation.tool_results:
        quoted = ", ".join(orjson.dumps(result).decode() for result in conversation.tool_results)
        return f"{GREETING} The tools answered: {quoted}"
    schema = _schema(conversation.body)
    if schema is not None:
        return orjson.dumps(example_of(schema, script.said)).decode()
    return f"{GREETING} You said: {script.said}" if script.said else f"{GREETING} You said nothing."


def _limited(text: Pieces, body: dict[str, Any]) -> tuple[Pieces, bool]:
    """Apply ``stop`` and the output limit, as a real backend does."""
    stops = body.get("stop")
    stop = [stops] if isinstance(stops, str) else stops if isinstance(stops, list) else []
    for mark in (s for s in stop if isinstance(s, str) and s):
        whole = "".join(text) if text.count else ""
        if mark in whole:
            text = _words(whole.partition(mark)[0])
    for name in ("max_completion_tokens", "max_tokens", "max_output_tokens"):
        limit = body.get(name)
        if isinstance(limit, int) and 0 < limit < (text.count or limit):
            return _first(text, limit), True
    return text, False


def _first(text: Pieces, limit: int) -> Pieces:
    return Pieces(lambda: islice(iter(text), limit), limit)


def _must_call(conversation: Conversation) -> bool:
    choice = conversation.body.get("tool_choice")
    forced = choice == "required" or (isinstance(choice, dict) and choice.get("type") == "function")
    return forced and not conversation.tool_results


def _example_turn(conversation: Conversation) -> Turn | None:
    """A call of the tool that the client insists on, with arguments that fit its schema."""
    choice = conversation.body.get("tool_choice")
    wanted = None
    if isinstance(choice, dict):
        function = choice.get("function")
        wanted = (function if isinstance(function, dict) else choice).get("name")
    for tool in tools_of(conversation):
        if wanted in (None, tool.get("name")):
            arguments = example_of(tool.get("parameters") or {"type": "object"}, "demo")
            return Turn(calls=(Call(str(tool.get("name")), orjson.dumps(arguments).decode()),))
    return None


def _schema(body: dict[str, Any]) -> Any:
    """The JSON schema that the answer must fit, or None for free text."""
    text = body.get("text")
    wanted = body.get("response_format") or (text.get("format") if isinstance(text, dict) else None)
    if not isinstance(wanted, dict):
        return None
    if wanted.get("type") == "json_object":
        return {"type": "object", "properties": {"demo": {"type": "boolean"}, "you_said": {"type": "string"}}}
    if wanted.get("type") != "json_schema":
        return None
    inner = wanted.get("json_schema")
    return (inner if isinstance(inner, dict) else wanted).get("schema") or {"type": "object"}
