"""What may become of a request whose first route is faulty."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Refused:
    """No output: an HTTP error, nothing counted; with a second route (``elsewhere``) an answer from there.

    ``codes`` has more than one where it depends on chance how far the gateway had read before a reset.
    """

    status: int
    codes: tuple[str, ...]
    type: str = "server_error"
    elsewhere: bool = True
    retry_after: str | None = "5"


@dataclass(frozen=True)
class Cut:
    """Output, then an error inside the stream; counted, and never tried elsewhere."""

    code: str


@dataclass(frozen=True)
class Answered:
    """No fault in the end: the first route's answer, counted."""

    text: str


Verdict = Refused | Cut | Answered

BROKEN = Refused(502, ("upstream_error",))
CUT_SHORT = Refused(502, ("upstream_incomplete",))
RESET = Refused(502, ("upstream_error", "upstream_incomplete"))
LATE = Refused(504, ("upstream_timeout",))
UNREACHABLE = Refused(503, ("upstream_unavailable",))
BUSY = Refused(429, ("rate_limit_exceeded",), "requests", retry_after="7")
OVERLOADED = Refused(503, ("server_is_overloaded",))
OWN_FAULT = Refused(400, ("invalid_value",), "invalid_request_error", elsewhere=False, retry_after=None)
