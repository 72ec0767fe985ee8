"""The OpenAPI document as it is handed out: made once in a process, when somebody first asks for it."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from functools import cached_property
from typing import Any

import orjson
from markupsafe import Markup


class Published:
    """The document of one application, and what is made of it; none of it changes until the process ends."""

    def __init__(self, describe: Callable[[], dict[str, Any]]) -> None:
        """``describe`` makes the document; it is called once at most."""
        self._describe = describe
        self._pages: dict[str, Markup] = {}

    @cached_property
    def document(self) -> dict[str, Any]:
        """The document itself."""
        return self._describe()

    @cached_property
    def text(self) -> bytes:
        """The document as JSON."""
        return orjson.dumps(self.document)

    @cached_property
    def packed(self) -> bytes:
        """The same as gzip."""
        return gzip.compress(self.text, mtime=0)

    @cached_property
    def fingerprint(self) -> str:
        """What names this text, in ETags."""
        return hashlib.sha256(self.text).hexdigest()[:16]

    def page(self, name: str, render: Callable[[dict[str, Any]], str]) -> Markup:
        """Return the HTML that ``render`` makes of the document for the page ``name``; called once for each."""
        if name not in self._pages:
            self._pages[name] = Markup(render(self.document))  # noqa: S704  (of a template, which escapes)
        return self._pages[name]
