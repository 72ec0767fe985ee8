"""Takes off a code fence that a chat model puts around a text it was asked for bare. Pure."""

from __future__ import annotations

import re

_FENCE = "```"
# What may turn out to be the closing fence once more has come.
_PERHAPS_CLOSING = re.compile(r"\n?(?:`{1,3})?\s*\Z")


class FenceStripper:
    """Passes a text on, in whatever pieces it comes, without an opening fence's line and its closing fence.

    Only the beginning waits until it is known to be no fence; the end waits only inside of one.
    """

    def __init__(self) -> None:
        """Begin with the text's start."""
        self._held = ""
        self._state = "start"  # then "fenced" or "bare"

    def feed(self, text: str) -> str:
        """Take the next piece; return what may leave."""
        if self._state == "bare":
            return text
        self._held += text
        if self._state == "start":
            bare = self._held.lstrip()
            if bare.startswith(_FENCE):
                _, newline, rest = bare.partition("\n")
                if not newline:
                    return ""
                self._state, self._held = "fenced", rest
            elif _FENCE.startswith(bare):
                return ""  # empty, or the first ticks of a fence
            else:
                self._state = "bare"
                return self._taken()
        found = _PERHAPS_CLOSING.search(self._held)
        at = found.start() if found else len(self._held)
        out, self._held = self._held[:at], self._held[at:]
        return out

    def finish(self) -> str:
        """Return what waited and is no fence."""
        held = self._taken()
        if self._state == "fenced":
            return held if _FENCE not in held else ""
        return held.strip().strip("`") if held.lstrip().startswith(_FENCE) else held

    def _taken(self) -> str:
        held, self._held = self._held, ""
        return held


def without_fence(text: str) -> str:
    """Return a whole text without a fence around it."""
    stripper = FenceStripper()
    return stripper.feed(text) + stripper.finish()
