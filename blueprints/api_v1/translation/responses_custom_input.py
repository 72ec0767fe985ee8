"""The free text of a custom tool inside the JSON arguments of a function, in and out again.

Chat upstreams only know functions, so a custom tool is shown to them as a function with one string, ``input``.
"""

from __future__ import annotations

import re

import orjson

WRAPPER_SCHEMA = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
_OPENING = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_MOST_BEFORE_TEXT = 64  # characters in which the opening must be found
# What may stand inside a JSON string, one step at a time (RFC 8259, section 7).
_STEP = re.compile(
    r'(?P<plain>[^"\\]+)'
    r"|\\u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|\\u(?P<unit>[0-9a-fA-F]{4})"
    r"|\\(?P<short>[^u])",
    re.DOTALL,
)
_UNFINISHED = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?|\\u[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u[0-9a-fA-F]{0,3})?)?")
_SHORT = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_FENCE = re.compile(r"\s*```[^\n]*\n")
_MAYBE_FENCE = re.compile(r"\s*(?:`{0,2}|```[^\n]*)")
_CLOSING_FENCE = re.compile(r"\n?```\s*\Z")
_MAYBE_CLOSING = re.compile(r"\n?`{0,3}\s*\Z")


def wrap(text: str) -> str:
    """Return the arguments that say ``text`` to a function that stands for a custom tool."""
    return orjson.dumps({"input": text}).decode()


def unwrap(arguments: str) -> str:
    """Return the text in a function's arguments, whatever a model made of the wrapper."""
    try:
        told = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return arguments
    if isinstance(told, dict):
        if isinstance(told.get("input"), str):
            return str(told["input"])
        if len(told) == 1:
            [only] = told.values()
            if isinstance(only, str):
                return only
    return arguments


class InputUnwrapper:
    """Takes the pieces of a wrapper's JSON and returns the text in it as far as it is certain."""

    def __init__(self) -> None:
        """Begin before the opening brace."""
        self._held: list[str] = []  # everything before the text has been found, or what has no opening at all
        self._held_length = 0
        self._carry = ""  # an escape that is cut
        self._is_inside = False
        self.is_closed = False
        """The text's closing quote has come."""

    def feed(self, piece: str) -> str:
        """Take the next piece of the arguments; return the next piece of the text."""
        if self.is_closed:
            return ""
        if self._is_inside:
            return self._inside(piece)
        self._held.append(piece)
        self._held_length += len(piece)
        if self._held_length - len(piece) > _MOST_BEFORE_TEXT:
            return ""  # no wrapper that could be read on the way: unwrapped as a whole, at the end
        start = "".join(self._held)
        found = _OPENING.match(start, 0, _MOST_BEFORE_TEXT)
        if found is None:
            return ""
        self._is_inside, self._held = True, []
        return self._inside(start[found.end() :])

    def finish(self) -> str:
        """Return the rest of the text, after the last piece."""
        if not self._is_inside:
            text, self._held = unwrap("".join(self._held)), []
            return text
        carry, self._carry = self._carry, ""
        return "\ufffd" * bool(re.match(r"\\u[dD][89abAB][0-9a-fA-F]{2}", carry))

    def _inside(self, piece: str) -> str:
        if not self._carry and '"' not in piece:
            if "\\" not in piece:
                return piece
            try:
                return str(orjson.loads(f'"{piece}"'))
            except orjson.JSONDecodeError:
                pass  # an escape that is cut, or a slip: step by step
        text = self._carry + piece
        self._carry = ""
        out = []
        place = 0
        while place < len(text):
            if text[place] == '"':
                self.is_closed = True
                break
            if text[place] == "\\" and _UNFINISHED.fullmatch(text, place):
                self._carry = text[place:]
                break
            step = _STEP.match(text, place)
            if step is None:  # a broken escape: a model's slip, kept as it stands
                out.append(text[place])
                place += 1
                continue
            out.append(_meaning(step))
            place = step.end()
        return "".join(out)


class PatchTrimmer:
    """Takes a code fence off a patch and gives it its last newline; every other byte stays.

    Only the patch grammar of coding agents needs it: models like to show a patch as a code block.
    """

    def __init__(self) -> None:
        """Begin before the first line."""
        self._held = ""
        self._has_begun = False
        self._is_fenced = False
        self._last = ""

    def feed(self, piece: str) -> str:
        """Take the next piece of the patch; return what is certain to belong to it."""
        if self._has_begun and not self._is_fenced:
            return self._note(piece)
        text = self._held + piece
        self._held = ""
        if not self._has_begun:
            fence = _FENCE.match(text)
            if fence is None and _MAYBE_FENCE.fullmatch(text):
                self._held = text
                return ""
            self._has_begun, self._is_fenced = True, fence is not None
            text = text[fence.end() :] if fence else text
        if self._is_fenced:
            tail = _MAYBE_CLOSING.search(text)
            if tail is not None:
                text, self._held = text[: tail.start()], text[tail.start() :]
        return self._note(text)

    def finish(self, *, is_whole: bool) -> str:
        """Return the rest; a patch that was cut off gets no newline."""
        rest, self._held = self._held, ""
        if self._is_fenced:
            rest = _CLOSING_FENCE.sub("", rest)
        rest = self._note(rest)
        return rest + "\n" if is_whole and self._last and self._last != "\n" else rest

    def _note(self, text: str) -> str:
        self._last = text[-1:] or self._last
        return text


def _meaning(step: re.Match[str]) -> str:
    if step["plain"] is not None:
        return step["plain"]
    if step["high"] is not None:
        high, low = int(step["high"], 16), int(step["low"], 16)
        return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
    if step["unit"] is not None:
        unit = int(step["unit"], 16)
        return "\ufffd" if 0xD800 <= unit < 0xE000 else chr(unit)  # half a pair is no character
    return _SHORT.get(step["short"], step["short"])
