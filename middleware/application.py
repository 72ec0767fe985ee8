"""Flask as this house uses it: without async views, and without what is for pages where programs ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request

from middleware.api_paths import is_api_path


class Application(Flask):
    """The application's class; what it leaves out, Flask would do for each request."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a view or hook as it is: none is a coroutine."""
        return func

    def process_response(self, response: Response) -> Response:
        """Give the answer to the hooks of pages, if it is one: sign-in, session and headers of pages."""
        return response if is_api_path(request.path) else super().process_response(response)
