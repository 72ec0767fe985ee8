"""Trigger words: what a prompt may ask the demo upstream to do, e.g. ``[[status 429]] [[retry-after 7]]``.

Grammar: ``[[word]]`` or ``[[word argument]]``, anywhere in the text of the last user message, in any number.
The word follows the brackets at once. An argument ends at the first ``]]`` outside JSON strings and brackets.
A text argument is taken as it stands, or is a JSON string when it begins with ``"`` (for newlines, ``]]``).
Unknown words are ordinary text (a prompt may well quote ``[[upstreams]]``); a known word with a wrong
argument is an error. ``docs/demo-upstream.md`` lists the words with examples.
"""

import re
from collections.abc import Callable
from typing import Any

import orjson

from demo_upstream.script import DEFAULT_POSITION, At, Call, Script, Turn

_WORD = re.compile(r"\[\[([a-z][a-z0-9-]*)(?=[\s\]])")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{}\]]', re.DOTALL)


class TriggerError(ValueError):
    """A known trigger word with an argument it cannot take; the text says what it wants."""


Convert = Callable[[str], Any]


def _text(argument: str) -> str:
    if not argument.startswith('"'):
        return argument
    try:
        value = orjson.loads(argument)
    except orjson.JSONDecodeError as exc:
        raise TriggerError(f"wants plain text or one JSON string ({exc})") from exc
    return str(value)


def _flag(argument: str) -> bool:
    if argument:
        raise TriggerError("takes no argument")
    return True


def _whole(low: int, high: int, default: int | None = None) -> Convert:
    def convert(argument: str) -> int:
        if not argument and default is not None:
            return default
        if not argument.isdecimal() or not low <= int(argument) <= high:
            raise TriggerError(f"wants a whole number from {low} to {high}")
        return int(argument)

    return convert


def _number(argument: str) -> float:
    try:
        value = float(argument)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 3600:
        raise TriggerError("wants a number from 0 to 3600")
    return value


def _one_of(*names: str, default: str | None = None) -> Convert:
    def convert(argument: str) -> str:
        name = argument or default
        if name not in names:
            raise TriggerError("wants one of: " + ", ".join(names))
        return name

    return convert


def _at(convert: Convert) -> Convert:
    position = _whole(0, 10**9, DEFAULT_POSITION)

    def convert_at(argument: str) -> At:
        what, _, events = argument.partition("@")
        return At(convert(what), position(events))

    return convert_at


def _repeat(argument: str) -> tuple[int, str]:
    count, _, text = argument.partition(" ")
    return _whole(1, 10**7)(count), _text(text.strip()) or "word"


def _retry_after(argument: str) -> str:
    if argument.startswith("date:"):
        _number(argument[5:])
    return argument


def _header(argument: str) -> tuple[str, str]:
    name, _, value = argument.partition(" ")
    if not re.fullmatch(r"[A-Za-z0-9-]+", name) or "\n" in value or "\r" in value:
        raise TriggerError("wants a header name, a space and its value")
    return name, value.strip()


def _reset(argument: str) -> str:
    if not re.fullmatch(r"before|headers|\d{1,9}", argument or "before"):
        raise TriggerError("wants before, headers or a number of events")
    return argument or "before"


_POSITION = _whole(0, 10**9, DEFAULT_POSITION)
WORDS: dict[str, Convert] = {
    "reply": _text,
    "repeat": _repeat,
    "tokens": _whole(0, 10**7),
    "bytes": _whole(0, 64 * 2**20),
    "echo": _flag,
    "help": _flag,
    "no-text": _flag,
    "reasoning": _text,
    "reasoning-as": _one_of("reasoning_content", "reasoning", "details", "think", "parts", "summary"),
    "refusal": _text,
    "finish": _text,
    "usage": _one_of("missing", "double", "every", "finish", "always", "float", "bare"),
    "interleave": _flag,
    "odd": _one_of(
        "name-late",
        "no-index",
        "args-object",
        "repeat-id",
        "empty-id",
        "no-id",
        "same-id",
        "one-delta",
        "empty-choices",
        "no-role",
        "role-every",
    ),
    "delay": _number,
    "wait": _number,
    "silence": _at(_number),
    "keepalive": _number,
    "pace": _number,
    "burst": _flag,
    "status": _whole(200, 599),
    "body": _one_of(
        "error",
        "text",
        "html",
        "empty",
        "garbage",
        "context",
        "string",
        "detail",
        "array",
        "object",
        "truncated",
        "no-choices",
        "null",
        "json",
    ),
    "retry-after": _retry_after,
    "code": _text,
    "param": _text,
    "message": _text,
    "header": _header,
    "content-type": _text,
    "reset": _reset,
    "cut": _POSITION,
    "drop": _POSITION,
    "close": _flag,
    "stream-error": _at(_one_of("object", "string", "flat", "array", "finish", "failed", "event", default="object")),
    "no-done": _flag,
    "frame": _one_of(
        "crlf",
        "cr",
        "no-space",
        "multi-data",
        "event-names",
        "no-event-names",
        "ids",
        "bom",
        "comments",
        "spaced-json",
    ),
    "write": _one_of("bytes", "halves", "one"),
    "unchunked": _flag,
    "gzip": _flag,
    "bad-json": _POSITION,
    "bad-utf8": _POSITION,
    "long-line": _whole(1, 64),
    "endless": _one_of("deltas", "comments", "bytes", default="deltas"),
}
LISTS = frozenset({"odd", "silence", "header", "frame"})  # words that may stand several times
TURN_WORDS = frozenset({"tool", "custom", "say", "then"})
ALL_WORDS = tuple(sorted({*WORDS, *TURN_WORDS, "only"}))


def parse(text: str, model: str = "") -> Script:
    """Read the trigger words of ``text``; those behind ``[[only M]]`` hold for requests whose model is ``M``.

    Raises TriggerError, naming the word, for an argument that a known word cannot take.
    """
    if "[[" not in text:
        return Script(said=text.strip())
    values: dict[str, Any] = {}
    turns: list[Turn] = [Turn()]
    rest: list[str] = []
    position, active = 0, True
    for word, argument, start, end in _found(text):
        rest.append(text[position:start].strip())
        position = end
        if word == "only":
            active = argument in ("*", model)
        elif active:
            try:
                _apply(word, argument, values, turns)
            except TriggerError as exc:
                raise TriggerError(f"trigger word '{word}': {exc}") from exc
    rest.append(text[position:].strip())
    scripted = tuple(turn for turn in turns if turn.say or turn.calls)
    return Script(said=" ".join(part for part in rest if part), turns=scripted, **values)


def _apply(word: str, argument: str, values: dict[str, Any], turns: list[Turn]) -> None:
    if word in TURN_WORDS:
        turns[-1:] = _extended(turns[-1], word, argument)
        return
    field = word.replace("-", "_")
    value = WORDS[word](argument)
    values[field] = (*values.get(field, ()), value) if word in LISTS else value


def _extended(turn: Turn, word: str, argument: str) -> list[Turn]:
    if word == "then":
        return [turn, Turn()]
    if word == "say":
        return [Turn(turn.say + _text(argument), turn.calls)]
    return [Turn(turn.say, (*turn.calls, _call(word, argument)))]


def _call(word: str, argument: str) -> Call:
    name, *payload = argument.split(None, 1)[:2] if argument else [""]
    if not re.fullmatch(r"[A-Za-z0-9_.:-]{1,128}", name):
        raise TriggerError("wants the name of a tool, then what it is given")
    text = payload[0] if payload else ""
    if word == "custom":
        return Call(name, _text(text), custom=True)
    return Call(name, _text(text) if text else "{}")


def _found(text: str) -> list[tuple[str, str, int, int]]:
    """(word, argument, start, end) of every known trigger word, in order."""
    found: list[tuple[str, str, int, int]] = []
    position = 0
    while match := _WORD.search(text, position):
        word, close = match[1], _end_of_argument(text, match.end())
        known = word in WORDS or word in TURN_WORDS or word == "only"
        if close < 0 or not known:
            position = match.end()
            continue
        found.append((word, text[match.end() : close].strip(), match.start(), close + 2))
        position = close + 2
    return found


def _end_of_argument(text: str, start: int) -> int:
    depth = 0
    for token in _TOKEN.finditer(text, start):
        mark = token[0]
        if mark in "[{":
            depth += 1
        elif mark == "}" or (mark == "]" and depth > 0):
            depth -= 1
        elif mark == "]" and text.startswith("]]", token.start()):
            return token.start()
    return text.find("]]", start)  # quotes or brackets that do not pair up: the plain reading
