"""Requests as bytes, for what no HTTP library would send."""

from __future__ import annotations

HTTP = "HTTP/1.1\r\nHost: a\r\n"


def form(body: bytes, kind: str = "application/x-www-form-urlencoded") -> bytes:
    """A form as it is sent to the sign-in page."""
    head = f"POST /sign-in {HTTP}Content-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body
