"""Typed reading of one TOML table: each getter returns a checked value or refuses it with line and key."""

from __future__ import annotations

import difflib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import NoReturn, TypeVar
from urllib.parse import SplitResult, urlsplit

from catalog.lines import KeyPath
from catalog.source import Source

Default = TypeVar("Default")
Word = TypeVar("Word", bound=str)

# What a 32-bit column, an int() in any client and a person can still read; nothing sensible is larger.
LARGEST = 2_000_000_000
_NOTHING: Mapping[str, object] = MappingProxyType({})


class Table:
    """One table of a source; keys it lacks are looked up in ``inherited`` (checked before, so never refused).

    Raises CatalogError for a value that is no table and for a key that is not ``accepted``.
    """

    def __init__(
        self,
        source: Source,
        path: KeyPath,
        value: object,
        accepted: Sequence[str],
        inherited: Mapping[str, object] = _NOTHING,
    ) -> None:
        if not isinstance(value, dict):
            source.refuse(path, f"a table, got {got(value)}")
        self.source = source
        self.path = path
        self.own: dict[str, object] = value
        self.inherited = inherited
        for key in self.own:
            if key not in accepted:
                self.refuse(key, _known_key(key, accepted))

    def __contains__(self, key: str) -> bool:
        return key in self.own or key in self.inherited

    def refuse(self, key: str, expected: str) -> NoReturn:
        """Raise the CatalogError for one key of this table; an absent key has the table's line."""
        self.source.refuse((*self.path, key), expected)

    def raw(self, key: str) -> object:
        """The value as TOML has it; None when absent."""
        return self.own[key] if key in self.own else self.inherited.get(key)

    def require(self, *keys: str) -> None:
        """Refuse the table unless it has all these keys."""
        for key in keys:
            if key not in self:
                self.refuse(key, "this key, it is missing")

    def text(self, key: str, default: Default, *, most: int = 200) -> str | Default:
        """One line of text, not empty, at most ``most`` characters."""
        if key not in self:
            return default
        value = self.raw(key)
        if not isinstance(value, str) or not value.strip() or len(value) > most or _breaks_lines(value):
            self.refuse(key, f"one line of text, 1 to {most} characters, got {got(value)}")
        return value.strip()

    def name(self, key: str, pattern: re.Pattern[str], meaning: str, *, show: bool = True) -> str:
        """A required name that matches ``pattern``, which ``meaning`` puts in words.

        ``show=False`` keeps the value out of the message: people paste keys into the wrong place.
        """
        self.require(key)
        value = self.raw(key)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            self.refuse(key, f"{meaning}, got {got(value)}" if show else meaning)
        return value

    def choice(self, key: str, words: Sequence[Word], default: Default) -> Word | Default:
        """One of a closed set of words."""
        if key not in self:
            return default
        value = self.raw(key)
        for word in words:
            if word == value:
                return word
        self.refuse(key, f"one of {_listed(words)}, got {got(value)}")

    def choices(self, key: str, words: Sequence[Word], default: Sequence[Word]) -> tuple[Word, ...]:
        """A list of different words of a closed set, returned in the set's order."""
        if key not in self:
            return tuple(default)
        values = self.elements(key, f"a list of {_listed(words)}")
        for index, value in enumerate(values):
            if value not in words:
                self.source.refuse((*self.path, key, index), f"one of {_listed(words)}, got {got(value)}")
            if value in values[:index]:
                self.source.refuse((*self.path, key, index), f"each word once, got {got(value)} again")
        return tuple(word for word in words if word in values)

    def elements(self, key: str, meaning: str) -> list[object]:
        """The elements of a list, not yet checked; an absent one is empty."""
        value = self.raw(key) if key in self else []
        if not isinstance(value, list):
            self.refuse(key, f"{meaning}, got {got(value)}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self.raw(key) if key in self else default
        if not isinstance(value, bool):
            self.refuse(key, f"true or false, got {got(value)}")
        return value

    def integer(self, key: str, default: Default, *, least: int, most: int = LARGEST, hint: str = "") -> int | Default:
        """A whole number of at least ``least`` and at most ``most``."""
        if key not in self:
            return default
        value = self.raw(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            self.refuse(key, f"an integer of at least {least}{hint}, got {got(value)}")
        if value > most:
            self.refuse(key, f"an integer of at most {most:,}, got {got(value)}")
        return value

    def amount(self, key: str, default: Default) -> Decimal | Default:
        """A number of at least 0, exact: a price."""
        if key not in self:
            return default
        value = self._number(key)
        if value is None or value < 0:
            self.refuse(key, f"a number from 0 to {LARGEST:,}, got {got(self.raw(key))}")
        return value

    def seconds(self, key: str, default: float) -> float:
        """A span of more than 0 seconds and at most a day."""
        if key not in self:
            return default
        value = self._number(key)
        if value is None or not 0 < value <= 86_400 or float(value) == 0:
            self.refuse(key, f"a number of seconds above 0 and of at most 86,400 (a day), got {got(self.raw(key))}")
        return float(value)

    def _number(self, key: str) -> Decimal | None:
        value = self.raw(key)
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            return None
        number = Decimal(value)
        return number if number.is_finite() and abs(number) <= LARGEST else None

    def url(self, key: str, meaning: str) -> tuple[str, SplitResult]:
        """A required http(s) address without credentials, query, fragment and slash at the end."""
        self.require(key)
        value = self.raw(key)
        parts = http_url(value)
        if parts is None or not isinstance(value, str):
            self.refuse(key, f"{meaning}, got {got(value)}")
        if parts.username is not None or parts.password is not None:
            self.refuse(key, f"{meaning}, without a user name or key in it")
        if "?" in value or "#" in value:
            self.refuse(key, f"{meaning}, without a query or fragment")
        return value.rstrip("/"), parts

    def table(self, key: str, accepted: Sequence[str]) -> Table:
        """A table inside this one; an absent one is empty."""
        return Table(self.source, (*self.path, key), self.raw(key) if key in self else {}, accepted)

    def tables(self, key: str) -> list[tuple[KeyPath, object]]:
        """The tables of a list, with their paths, not yet checked; an absent list is empty.

        Raises CatalogError for a list without an element: it would silently mean the shipped one.
        """
        if key not in self:
            return []
        header = ".".join(part for part in (*self.path, key) if isinstance(part, str))
        values = self.elements(key, f"tables that start with [[{header}]]")
        if not values:
            self.refuse(key, f"at least one [[{header}]] table")
        return [((*self.path, key, index), value) for index, value in enumerate(values)]


def http_url(value: object) -> SplitResult | None:
    """The parts of an http or https address with a host; None for anything else."""
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
        return None
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or an IPv6 address that is none
        return None
    return parts if usable else None


def got(value: object) -> str:
    """A refused value as the message shows it: short, on one line, as TOML writes it."""
    if isinstance(value, str):
        return json.dumps(value if len(value) <= 60 else value[:57] + "...", ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < 10**18 else "a number of more than 18 digits"
    if isinstance(value, Decimal):
        return str(value)[:60]
    if isinstance(value, list):
        return "a list"
    return "a table" if isinstance(value, dict) else "a date or time"


def _breaks_lines(text: str) -> bool:
    """Whether a text holds control characters or line separators, which no header, log line or page takes."""
    return any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text)


def _known_key(key: str, accepted: Sequence[str]) -> str:
    near = difflib.get_close_matches(key.lower(), accepted, n=1)
    if near:
        return f'a known key: did you mean "{near[0]}"?'
    return f"a known key: one of {', '.join(accepted)}"


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)
