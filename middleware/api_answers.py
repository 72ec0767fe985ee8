"""What every answer of the API carries: browsers of any site may call it, and none may show it as a page.

The API takes a bearer token and never a cookie, so a page of another site gains nothing by calling it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from middleware.api_paths import is_api_path

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

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
_ALL = [
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", _EXPOSED),
    ("X-Content-Type-Options", "nosniff"),
    # An answer for programs is no page: opened as one, it may do and show nothing.
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
]
_PREFLIGHT = [
    ("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS"),
    ("Access-Control-Max-Age", "86400"),
    ("Vary", "Access-Control-Request-Headers"),
    ("Content-Type", "text/html; charset=utf-8"),
]


class ApiAnswers:
    """WSGI middleware inside ``ApiPaths``: gives the API's answers their headers, and answers preflights."""

    def __init__(self, app: WSGIApplication, hsts: str | None) -> None:
        """``hsts``: what is sent to clients that came by TLS; None: nothing, this service has no name with TLS."""
        self._app = app
        self._hsts = hsts

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on; a browser's question before its request is answered here, whatever the path."""
        if not is_api_path(environ["PATH_INFO"]):
            return self._app(environ, start_response)
        by_tls = self._hsts is not None and environ["wsgi.url_scheme"] == "https"
        added = [*_ALL, ("Strict-Transport-Security", str(self._hsts))] if by_tls else _ALL
        if environ["REQUEST_METHOD"] == "OPTIONS":
            # Browsers ask for the headers that they will send; whatever it is, it is allowed.
            allowed = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS") or "authorization, content-type"
            start_response("204 NO CONTENT", [*_PREFLIGHT, ("Access-Control-Allow-Headers", allowed), *added])
            return []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            headers += added
            return start_response(status, headers, exc_info)

        return self._app(environ, start)
