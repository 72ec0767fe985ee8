"""Browsers of any site may call the API: it takes a bearer token and never a cookie."""

from __future__ import annotations

from flask import Response

_EXPOSED = ", ".join(
    [
        "x-request-id",
        "retry-after",
        "x-should-retry",
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
        "x-smartroute-day-limit",
        "x-smartroute-day-remaining",
        "x-smartroute-day-reset",
        "x-smartroute-month-limit",
        "x-smartroute-month-remaining",
        "x-smartroute-month-reset",
        *(
            f"x-codex-{window}-{fact}"
            for window in ("primary", "secondary")
            for fact in ("used-percent", "window-minutes", "reset-at")
        ),
    ]
)


def open_to_all(response: Response) -> Response:
    """Let a page of another site read the answer."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = _EXPOSED
    return response


def preflight(asked_headers: str | None) -> Response:
    """Answer a browser's question before its request; the headers that it asks for are allowed."""
    response = open_to_all(Response(status=204))
    response.headers["Access-Control-Allow-Methods"] = "GET, POST, DELETE, OPTIONS"
    response.headers["Access-Control-Allow-Headers"] = asked_headers or "authorization, content-type"
    response.headers["Access-Control-Max-Age"] = "86400"
    response.headers["Vary"] = "Access-Control-Request-Headers"
    return response
