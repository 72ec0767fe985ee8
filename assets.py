"""Stylesheet, scripts and icon: put together once at start from the folders of ``static/``.

``app.css`` is every ``styles/*.css`` in name order. ``<page>.js`` is every ``scripts/shared/*.js`` and then every
``scripts/<page>/*.js``; ``page.js``, for pages without a script of their own, is the shared ones alone. A file that
lies in ``static/`` itself is served as it is.

An address carries the content's fingerprint in its name (``/static/app-3f2a9c1d7e42.css``) and may then be kept for a
year. A known name with another fingerprint, or with none, is answered with the present content, to be asked for
again: while an installation is upgraded, a page of the old one still gets a stylesheet. Unknown names are 404.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from flask import Flask, Response, abort, request
from msgspec import Struct

MAX_AGE_S = 365 * 24 * 3600
FINGERPRINT_CHARACTERS = 12

_ADDRESS = re.compile(rf"(?P<stem>.+)-(?P<fingerprint>[0-9a-f]{{{FINGERPRINT_CHARACTERS}}})(?P<suffix>\.\w+)")


class Asset(Struct, frozen=True):
    """One file as it leaves the service."""

    name: str
    """As templates ask for it: ``app.css``."""
    content: bytes
    fingerprint: str

    @property
    def file_name(self) -> str:
        """The name with the fingerprint in it."""
        path = Path(self.name)
        return f"{path.stem}-{self.fingerprint}{path.suffix}"

    @property
    def mimetype(self) -> str:
        """The type that browsers are told."""
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"


def register_assets(app: Flask, folder: Path) -> None:
    """Serve what ``folder`` makes below ``/static/`` and give templates ``asset(name)``, its address."""
    assets = {asset.name: asset for asset in made_from(folder)}

    def address(name: str) -> str:
        return f"/static/{assets[name].file_name}"

    def serve(file_name: str) -> Response:
        return _answer(assets, file_name)

    app.add_url_rule("/static/<file_name>", "static", serve)
    app.jinja_env.globals["asset"] = address


def made_from(folder: Path) -> Iterator[Asset]:
    """Put every asset together."""
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        yield _asset(path.name, path.read_bytes())
    yield _asset("app.css", _joined(folder / "styles", "*.css"))
    scripts = folder / "scripts"
    shared = b'"use strict";\n' + _joined(scripts / "shared", "*.js")
    yield _asset("page.js", shared)
    for page in sorted(path for path in scripts.iterdir() if path.is_dir() and path.name != "shared"):
        yield _asset(f"{page.name}.js", shared + _joined(page, "*.js"))


def _joined(folder: Path, pattern: str) -> bytes:
    return b"".join(path.read_bytes().rstrip() + b"\n" for path in sorted(folder.glob(pattern)))


def _asset(name: str, content: bytes) -> Asset:
    fingerprint = hashlib.sha256(content).hexdigest()[:FINGERPRINT_CHARACTERS]
    return Asset(name, content, fingerprint)


@cache  # each is packed when a browser asks for it first: no start waits for all of them
def _packed(content: bytes) -> bytes:
    # Without a time in it, equal content packs to equal bytes on every worker and machine.
    return gzip.compress(content, mtime=0)


def _answer(assets: Mapping[str, Asset], file_name: str) -> Response:
    found = _ADDRESS.fullmatch(file_name)
    asset = assets.get(f"{found['stem']}{found['suffix']}" if found else file_name) or assets.get(file_name)
    if asset is None:
        abort(404)
    packed = request.accept_encodings["gzip"] > 0
    response = Response(_packed(asset.content) if packed else asset.content, mimetype=asset.mimetype)
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    response.set_etag(f"{asset.fingerprint}-gzip" if packed else asset.fingerprint)
    response.headers["Cache-Control"] = (
        f"public, max-age={MAX_AGE_S}, immutable" if file_name == asset.file_name else "no-cache"
    )
    response.make_conditional(request)
    return response
