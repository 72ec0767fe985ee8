"""An answer as it leaves: its pieces and headers are right as they are given, and nothing is worked out of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class ReadyResponse(Response):
    """What a POST is answered with, status 200. Werkzeug would look at each header three times on its way."""

    def __init__(self, pieces: Iterable[bytes], content_type: str, headers: dict[str, str]) -> None:
        """``headers`` are sent besides the content type; pieces that hold something have a ``close``."""
        super().__init__(pieces, content_type=content_type, direct_passthrough=True)
        self._given = headers

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send it."""
        start_response(self.status, [*self.headers, *self._given.items()])
        pieces: Iterable[bytes] = self.response  # type: ignore[assignment]
        return pieces
