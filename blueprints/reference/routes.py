"""The OpenAPI document at ``/openapi.json`` and the reference pages that are rendered from it."""

from __future__ import annotations

from typing import Any, cast

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from flask_login import current_user

from models.token_format import masked
from service import refusals
from service.accounts import holdings

from .outline import OBJECT_PAGES, breakable, marked_up, outline_of, page_names
from .published import Published

bp = Blueprint("reference", __name__)
bp.add_app_template_filter(marked_up, "with_code")
bp.add_app_template_filter(breakable)

_PUBLISHED = "smartroute_openapi"
_ERROR_TABLE = "smartroute_error_table"
_OVERVIEW = "overview"
PLACEHOLDER = "YOUR_TOKEN"  # in what is rendered once for all visitors


@bp.record
def _keep_published(state: BlueprintSetupState) -> None:
    """Keep what makes the document, given when the blueprint is registered."""
    state.app.extensions[_PUBLISHED] = Published(state.options["describe"])


@bp.get("/openapi.json")
def document() -> Response:
    """Hand out the OpenAPI document, to anybody and to pages of any site: it holds nothing of an account."""
    published = _published()
    packed = request.accept_encodings["gzip"] > 0
    response = Response(published.packed if packed else published.text, mimetype="application/json")
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    response.set_etag(f"{published.fingerprint}-gzip" if packed else published.fingerprint)
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    return response


@bp.get("/docs/reference")
def page() -> ResponseReturnValue:
    """Show every endpoint in a line, and what holds for all of them."""
    return _shown(_OVERVIEW, "API reference")


@bp.get("/docs/reference/<name>")
def chapter(name: str) -> ResponseReturnValue:
    """Show the endpoints of one kind: what each takes, what it answers, how it fails; or the objects of answers."""
    titles = page_names(_published().document)
    if name not in titles:
        abort(404)
    return _shown(name, f"{titles[name]}, API reference")


@bp.get("/docs/reference/")
def page_with_slash() -> ResponseReturnValue:
    """Lead an address typed with a slash at its end to the page."""
    return redirect("/docs/reference", 308)


def _shown(name: str, title: str) -> ResponseReturnValue:
    def render(document: dict[str, Any]) -> str:
        anchors = {row.code: row.anchor for row in current_app.extensions[_ERROR_TABLE]}
        outline = outline_of(document, anchors)
        return render_template("reference/_document.html", outline=outline, object_pages=OBJECT_PAGES, name=name)

    rendered = _published().page(name, render)
    token = _masked_token() if PLACEHOLDER in rendered else None
    if token is not None:
        rendered = rendered.replace(PLACEHOLDER, token)
    return render_template("reference/page.html", reference=rendered, title=title, fills_in=token is not None)


def _masked_token() -> str | None:
    """Return the visitor's token as pages show it; None for guests, and where there is none."""
    if not current_user.is_authenticated:
        return None
    try:
        token = holdings.holding(current_user.member.id).token
    except refusals.NoSuchAccount:  # deleted since the cookie was checked
        return None
    return None if token is None else masked(token)


def _published() -> Published:
    return cast(Published, current_app.extensions[_PUBLISHED])
