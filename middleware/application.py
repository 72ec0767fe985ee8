"""Flask as this house uses it: without async views, and without what is for pages where programs ask."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from flask import Flask, Request, Response, request
from werkzeug.routing import MapAdapter, Rule

from middleware.api_paths import is_api_path


class LateRule(Rule):
    """A rule whose addresses are first built when one is asked for.

    The library compiles two functions for each rule at once, of which a worker that serves the API calls none: a
    third of the time that making the application takes.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compile_now = super()._compile_builder
        compiled = cache(lambda: compile_now(append_unknown))
        return lambda rule, /, **values: compiled()(rule, **values)


class Application(Flask):
    """The application's class; what it leaves out, Flask would do for each request or at each start."""

    url_rule_class = LateRule

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a view or hook as it is: none is a coroutine."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return what finds a request's view: of the API by path and method alone, none of its rules redirects."""
        if request is None or not is_api_path(request.path):
            return super().create_url_adapter(request)
        return self.url_map.bind("", path_info=request.path, default_method=request.method)

    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        """Call the hooks for the end of a request, if there are any."""
        if self.teardown_request_funcs:
            super().do_teardown_request(exc)

    def process_response(self, response: Response) -> Response:
        """Give the answer to the hooks of pages, if it is one: sign-in, session and headers of pages."""
        return response if is_api_path(request.path) else super().process_response(response)
