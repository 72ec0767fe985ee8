"""A catalog file as text and data, with the line of each key; refuses what is no readable TOML."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

from catalog.errors import CatalogError
from catalog.lines import KeyPath, key_lines

LIMIT_BYTES = 1_000_000  # a catalog of a thousand routes has a tenth of it; more is the wrong file
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True, slots=True)
class Source:
    """One TOML document: ``file`` as errors show it, its data (decimal numbers exact), its lines."""

    file: str | None = None
    data: dict[str, object] = field(default_factory=dict)
    lines: dict[KeyPath, int] = field(default_factory=dict)
    digest: str = ""
    """SHA-256 of the file."""

    def line_of(self, path: KeyPath) -> int | None:
        """The line of a key path, or of the nearest table around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1 if self.file else None)

    def refuse(self, path: KeyPath, expected: str) -> NoReturn:
        """Raise the CatalogError for the key at ``path``."""
        raise CatalogError(self.file, self.line_of(path), dotted(path), expected)


def dotted(path: KeyPath) -> str:
    """A key path as people write it: ``profiles[0].routes[1].weight``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            shown = part if _BARE_KEY.fullmatch(part) else json.dumps(part[:60])
            text += f".{shown}" if text else shown
    return text


def read_source(path: Path) -> Source:
    """Read one TOML file; raises CatalogError with the line where there is one."""
    file = _shown(path)
    text = _read_text(path, file)
    try:
        data = tomllib.loads(text, parse_float=Decimal)
        return Source(file, data, key_lines(text), hashlib.sha256(text.encode()).hexdigest())
    except tomllib.TOMLDecodeError as exc:
        raise _syntax_error(file, text, str(exc)) from exc
    except (ValueError, ArithmeticError) as exc:  # what int() and Decimal() refuse: thousands of digits
        raise CatalogError(file, None, "", "numbers of a sensible size") from exc
    except RecursionError as exc:
        raise CatalogError(file, None, "", "lists and tables that are not nested hundreds deep") from exc


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _read_text(path: Path, file: str) -> str:
    try:
        with path.open("rb") as stream:
            raw = stream.read(LIMIT_BYTES + 1)
    except OSError as exc:
        raise CatalogError(file, None, "", f"a readable file ({exc.strerror})") from exc
    if len(raw) > LIMIT_BYTES:
        raise CatalogError(file, None, "", f"at most {LIMIT_BYTES:,} bytes of TOML")
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise CatalogError(file, 1, "", "UTF-8 without a byte order mark at the start")
    try:
        return raw.decode()
    except UnicodeDecodeError as exc:
        line = raw.count(b"\n", 0, exc.start) + 1
        raise CatalogError(file, line, "", f"UTF-8 text, got the byte 0x{raw[exc.start]:02x}") from exc


def _syntax_error(file: str, text: str, message: str) -> CatalogError:
    position = _POSITION.search(message)
    if position and position[1]:
        return CatalogError(file, int(position[1]), "", f"valid TOML: {message}")
    return CatalogError(file, text.count("\n") + 1, "", f"valid TOML: {message}")
