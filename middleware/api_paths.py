"""The API's two mounts and their tolerated spellings, brought to one form: ``/v1/...``.

``/v1/...`` and ``/api/<slug>/v1/...`` are the same API. Clients that were given a base address with or
without the version write it twice, leave it out, double a slash or end a path with one; all of them are
understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

API_ROOT = "/v1"
_SLASHES = re.compile("/{2,}")


class ApiPaths:
    """WSGI middleware that rewrites ``PATH_INFO`` of API requests."""

    def __init__(self, app: WSGIApplication, slug: str) -> None:
        """Mount the API of ``app`` below the service's slug too."""
        self._app = app
        self._mount = f"/api/{slug}"

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on, its path in the one form if it is the API's."""
        environ["PATH_INFO"] = self.canonical(environ.get("PATH_INFO", ""))
        return self._app(environ, start_response)

    def canonical(self, path: str) -> str:
        """Return the path in the form ``/v1/...``; a path outside the API comes back as it is."""
        if "//" in path:
            single = _SLASHES.sub("/", path)
            path = single if is_api_path(single) else path
        if path.startswith(API_ROOT + "/") or path == API_ROOT:
            rest = path
        elif path == self._mount or path.startswith(self._mount + "/"):
            rest = path[len(self._mount) :]
        else:
            return path
        rest = rest.rstrip("/")
        while rest == API_ROOT or rest.startswith(API_ROOT + "/"):
            rest = rest[len(API_ROOT) :]
        return API_ROOT + rest


def is_api_path(path: str) -> bool:
    """Tell whether an answer at this path is JSON for a program rather than a page for a person."""
    return path == API_ROOT or path.startswith((API_ROOT + "/", "/api/"))
