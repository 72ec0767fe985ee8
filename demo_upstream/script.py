"""What the trigger words of one prompt ask for, as plain values."""

from dataclasses import dataclass
from typing import Any

DEFAULT_POSITION = 2  # events: in a chat stream the role chunk and the first piece of text


@dataclass(frozen=True, slots=True)
class Call:
    """One scripted tool call. ``payload`` is the arguments' JSON text, or a custom tool's plain input."""

    name: str
    payload: str
    custom: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer of a tool script: text in front, then calls."""

    say: str = ""
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True)
class At:
    """A thing (a form, seconds) that happens once ``events`` events have been sent."""

    what: Any
    events: int


@dataclass(frozen=True, slots=True)
class Script:
    """What the trigger words of one prompt ask for; the field of a word is the word with underscores."""

    said: str = ""  # the prompt without its trigger words
    turns: tuple[Turn, ...] = ()
    reply: str | None = None
    repeat: tuple[int, str] | None = None
    tokens: int | None = None
    bytes: int | None = None
    echo: bool = False
    help: bool = False
    no_text: bool = False
    reasoning: str | None = None
    reasoning_as: str = "reasoning_content"
    refusal: str | None = None
    finish: str | None = None
    usage: str | None = None
    interleave: bool = False
    odd: tuple[str, ...] = ()
    delay: float = 0.0  # seconds before the headers
    wait: float = 0.0  # seconds between the headers and the first byte of the body
    silence: tuple[At, ...] = ()
    keepalive: float = 0.0
    pace: float = 0.0  # milliseconds between events
    burst: bool = False
    status: int | None = None
    body: str | None = None
    retry_after: str | None = None
    code: str | None = None
    param: str | None = None
    message: str | None = None
    header: tuple[tuple[str, str], ...] = ()
    content_type: str | None = None
    reset: str | None = None
    cut: int | None = None
    drop: int | None = None
    close: bool = False
    stream_error: At | None = None
    no_done: bool = False
    frame: tuple[str, ...] = ()
    write: str | None = None
    unchunked: bool = False
    gzip: bool = False
    bad_json: int | None = None
    bad_utf8: int | None = None
    long_line: int | None = None  # megabytes
    endless: str | None = None
