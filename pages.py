"""What all pages share: error pages, figures as they are written, headers, cookies, addresses of assets."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

from flask import Flask, Request, Response, current_app, request, session, url_for
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException

from catalog.model import Catalog, Plan, Profile
from middleware.api_paths import is_api_path
from models.base import utcnow
from models.storage import StorageUnavailable
from service.services import services

STORAGE_RETRY_S = 5
ASSET_MAX_AGE_S = 365 * 24 * 3600
SIGNED_IN_FOR = timedelta(days=30)
LINE_COLOURS = 7  # in static/app.css; an alias takes the colour of its place, round and round

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)

_ERRORS = {
    400: ("That request could not be understood", "Go back, reload the page and try again."),
    403: ("That is not allowed", "Sign in with an account that may do this."),
    404: ("There is no such page", "The address may be mistyped, or the page has moved."),
    405: ("That does not work here", "The page exists, but not for this kind of request."),
    413: ("That was too much at once", "Send less text in the form."),
    429: ("Too many tries", "Wait a little, then try again."),
    500: ("Something went wrong on our side", "Try again; if it stays, tell the operator when it happened."),
    503: ("The service cannot reach its own storage", "Nothing was lost. Try again in a few seconds."),
}


class PageSessions(SecureCookieSessionInterface):
    """Session cookies for pages, Secure whenever the visitor came by TLS, which a trusted proxy may tell.

    Programs that call the API have no session: no cookie of theirs is read, none is set.
    """

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the visitor's cookie, on pages alone."""
        return self.session_class() if is_api_path(request.path) else super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write the visitor's cookie, on pages alone."""
        if not is_api_path(request.path):
            super().save_session(app, session, response)

    def get_cookie_secure(self, app: Flask) -> bool:
        """Return whether the cookie travels over TLS only."""
        return super().get_cookie_secure(app) or request.is_secure


def error_page(error: Exception) -> ResponseReturnValue:
    """Answer an error as a page; what is no HTTP error is a fault of ours and shown without detail."""
    headers: dict[str, str] = {}
    text = None
    if isinstance(error, HTTPException):
        if error.code is None or error.code < 400:
            return error.get_response()
        status = error.code
        own_headers = dict(error.get_headers())
        headers = {name: own_headers[name] for name in ("Allow", "Retry-After") if name in own_headers}
        if isinstance(error, CSRFError):
            text = "The form is out of date, or cookies are off. Go back, reload the page and send it again."
        elif status == 429:
            text = error.description
    elif isinstance(error, StorageUnavailable):
        status, headers = 503, {"Retry-After": str(STORAGE_RETRY_S)}
    else:
        status = 500
    title, usual_text = _ERRORS.get(status, _ERRORS[400 if status < 500 else 500])
    # Rendered without the context processors: they ask who is signed in, and the database may be what failed.
    template = current_app.jinja_env.get_template("error.html")
    page = template.render(status=status, title=title, text=text or usual_text, service=services().catalog.service)
    return Response(page, status, headers, mimetype="text/html")


def register_page_helpers(app: Flask) -> None:
    """Give ``app`` what templates and forms need, and every page its headers."""
    app.config.update(
        PERMANENT_SESSION_LIFETIME=SIGNED_IN_FOR,
        # A cookie is set when it changes. On every answer, it would be set on cached ones too.
        SESSION_REFRESH_EACH_REQUEST=False,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a page may stay open overnight
        WTF_CSRF_CHECK_DEFAULT=False,  # checked below, for pages only
        # The form's token says enough; browsers that hide the referrer are not to be locked out.
        WTF_CSRF_SSL_STRICT=False,
    )
    app.session_interface = PageSessions()
    csrf = CSRFProtect(app)

    @app.before_request
    def _check_csrf() -> None:
        if not is_api_path(request.path) and request.method not in ("GET", "HEAD", "OPTIONS"):
            csrf.protect()

    app.after_request(_add_headers)
    app.jinja_env.globals["asset"] = _asset
    app.jinja_env.filters.update(
        figure=figure, price=price, quota=quota, moment=moment, until=until, letter=letter, colour=colour
    )
    app.context_processor(lambda: {"service": services().catalog.service})


def figure(number: int) -> str:
    """Return a whole number the English way: 1,000."""
    return f"{number:,}"


def quota(number: int | None) -> str:
    """Return a quota; None is unlimited."""
    return "unlimited" if number is None else figure(number)


def price(plan: Plan) -> str:
    """Return what a plan costs a month: free, on request, or EUR 1,599.99."""
    if plan.price is None:
        return "on request"
    if plan.price == 0:
        return "free"
    return f"{plan.currency} {plan.price.quantize(Decimal('0.01')):,}"


def moment(instant: datetime) -> str:
    """Return an instant in the service's time zone: Sunday 22 November, 00:00 UTC."""
    zone = services().catalog.service
    local = instant.astimezone(zone.timezone)
    return f"{local:%A} {local.day} {local:%B, %H:%M} {zone.timezone_name}"


def until(instant: datetime) -> str:
    """Return how long it is to an instant, in its two largest units: in 5 h 12 min."""
    minutes = max(1, round((instant - utcnow()).total_seconds() / 60))
    days, minutes = divmod(minutes, 24 * 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{number} {unit}" for number, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if number]
    return "in " + " ".join(parts[:2])


def letter(profile: Profile) -> str:
    """Return the mark of an alias: the first letter of its last word, ∞ for the one without limits."""
    last_word = profile.alias.rpartition("-")[2]
    if last_word == "infinite":
        return "∞"
    return "s" if profile.alias == "smart-route" else last_word[:1]


def colour(profile: Profile) -> int:
    """Return the number of an alias's line colour."""
    return profile.strength % LINE_COLOURS


def api_address(catalog: Catalog) -> str:
    """Return the base address of the API, as clients are to be given it."""
    return f"{catalog.service.public_url}/api/{catalog.service.slug}/v1"


def _asset(name: str) -> str:
    """Return the address of a static file; it changes with its content, so that it may be kept for long."""
    return url_for("static", filename=name, v=_fingerprint(name))


@cache
def _fingerprint(name: str) -> str:
    content = Path(current_app.static_folder or "", name).read_bytes()
    return hashlib.sha256(content).hexdigest()[:12]


def _add_headers(response: Response) -> Response:
    if is_api_path(request.path):
        return response
    headers = response.headers
    headers["X-Content-Type-Options"] = "nosniff"
    if request.endpoint == "static":
        name = (request.view_args or {}).get("filename", "")
        if response.status_code == 200 and request.args.get("v") == _fingerprint(name):
            headers["Cache-Control"] = f"public, max-age={ASSET_MAX_AGE_S}, immutable"
        return response
    headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    headers["Referrer-Policy"] = "no-referrer"
    headers["X-Frame-Options"] = "DENY"  # for browsers that do not know frame-ancestors
    # A page that knew a session may hold what is its owner's alone.
    headers["Cache-Control"] = "no-store" if session else "no-cache"
    return response
