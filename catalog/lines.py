"""Where each key of a TOML text stands: key path -> line, which the standard library's reader does not tell.

The text has been read by ``tomllib`` before, so it is valid TOML and this scanner checks nothing: it only has
to know what is a header, what is a key and where a value ends.
Source of the grammar: https://toml.io/en/v1.0.0
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_INLINE_BLANK = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\r\n]+")
# Longest opening first: """ also starts with ". A quote that closes may be doubled by one or two quotes that
# belong to the text, hence the (?!") and (?!').
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?!")'
    r"|'''.*?'''(?!')"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line (from 1) of every table, key and list element of a valid TOML text.

    A table that is only named inside a longer header stands where it is first named.
    """
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self.newlines = [match.start() for match in re.finditer("\n", text)]
        self.table_counts: dict[KeyPath, int] = {}

    def document(self) -> None:
        table: KeyPath = ()
        while self._skip(_BLANK) < len(self.text):
            if self.text.startswith("[[", self.at):
                table = self._header(2)
            elif self.text[self.at] == "[":
                table = self._header(1)
            else:
                self._pair(table)

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()
        return self.at

    def _record(self, path: KeyPath, at: int) -> None:
        self.lines.setdefault(path, bisect_right(self.newlines, at - 1) + 1)

    def _header(self, brackets: int) -> KeyPath:
        start = self.at
        self.at += brackets
        names = self._dotted_key()
        self._skip(_INLINE_BLANK)
        self.at += brackets
        path: KeyPath = ()
        for name in names[:-1]:
            path = self._enter((*path, name), start)
        path = (*path, names[-1])
        if brackets == 2:
            self.table_counts[path] = self.table_counts.get(path, 0) + 1
        return self._enter(path, start)

    def _enter(self, path: KeyPath, at: int) -> KeyPath:
        """Record a table; of a list of tables, a header means the newest one."""
        self._record(path, at)
        if path in self.table_counts:
            path = (*path, self.table_counts[path] - 1)
            self._record(path, at)
        return path

    def _pair(self, table: KeyPath) -> None:
        start = self.at
        path = table
        for name in self._dotted_key():
            path = (*path, name)
            self._record(path, start)
        self._skip(_INLINE_BLANK)
        self.at += 1  # the equals sign
        self._skip(_INLINE_BLANK)
        self._value(path)

    def _dotted_key(self) -> list[str]:
        names = []
        while True:
            self._skip(_INLINE_BLANK)
            start = self.at
            if self.text[start] in "\"'":
                self._skip(_STRING)
                names.append(str(tomllib.loads(f"key = {self.text[start : self.at]}")["key"]))
            else:
                names.append(self.text[start : self._skip(_BARE_KEY)])
            self._skip(_INLINE_BLANK)
            if self.text[self.at] != ".":
                return names
            self.at += 1

    def _value(self, path: KeyPath) -> None:
        first = self.text[self.at]
        if first == "[":
            self._list(path)
        elif first == "{":
            self._inline_table(path)
        else:
            self._skip(_STRING if first in "\"'" else _SCALAR)

    def _list(self, path: KeyPath) -> None:
        self.at += 1
        index = 0
        while self.text[self._skip(_BLANK)] != "]":
            self._record((*path, index), self.at)
            self._value((*path, index))
            index += 1
            if self.text[self._skip(_BLANK)] == ",":
                self.at += 1
        self.at += 1

    def _inline_table(self, path: KeyPath) -> None:
        self.at += 1
        while self.text[self._skip(_BLANK)] != "}":
            self._pair(path)
            if self.text[self._skip(_BLANK)] == ",":
                self.at += 1
        self.at += 1
