"""The names of requests."""

from __future__ import annotations

import secrets
import time


def new_request_id() -> str:
    """Return ``req_``, the milliseconds since 1970 as 12 hexadecimal digits, and 20 random ones.

    Later ids sort behind earlier ones, so that the usage log's index over them is written at one place and not all over
    (RFC 9562, section 2.1, of UUIDv7). They are names and no secrets.
    """
    return f"req_{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"
