"""What all pages share: error pages, figures as they are written, headers, cookies, the theme."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from flask import Flask, Request, Response, current_app, redirect, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf.csrf import CSRFError, CSRFProtect
from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer
from werkzeug.exceptions import HTTPException

from catalog.model import Catalog, Plan, Profile
from client_names import client_label
from lines import line_colours, line_letters
from middleware.api_paths import is_api_path
from middleware.request_log import request_id_of
from models.base import utcnow
from models.storage import StorageUnavailable
from packing import pack
from return_path import own_path
from service.services import EXTENSION, services

STORAGE_RETRY_S = 5
SIGNED_IN_FOR = timedelta(days=30)
THEMES = ("light", "dark")
THEME_COOKIE = "smartroute_theme"  # static/scripts/shared/20-theme.js sets it too
THEME_KEPT_FOR = timedelta(days=365)

NO_PAGES = ("static", "reference.document")  # endpoints
# What a search engine may list; all else belongs to members, or to whoever holds the link.
PAGES_FOR_ALL = ("product.page", "docs.documentation", "plans.page", "reference.page", "reference.chapter")  # endpoints

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)

# Nothing here asks for any of them, and nothing that slips in is to get them.
PERMISSIONS_POLICY = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"
HSTS = f"max-age={int(timedelta(days=365).total_seconds())}"

_ERRORS = {
    400: ("That request could not be understood", "Go back, reload the page and send it again."),
    401: ("Sign in to see this", "The page is there for members. Sign in, and you come back to it."),
    403: (
        "That is not yours to open",
        "It is for certain accounts alone. Sign in with one of them, or ask the operator.",
    ),
    404: (
        "There is no such page",
        "The address may be mistyped, or the page has moved. The documentation has set-up and endpoints; "
        "the menu leads to the rest.",
    ),
    405: (
        "That does not work here",
        "This address does not answer that kind of request. Go back and use the link or the button of the page.",
    ),
    408: ("That took too long to arrive", "Nothing was kept of it. Go back, reload the page and send it again."),
    413: ("That was too much at once", "Nothing was kept of it. Go back and send less text in the form."),
    429: ("Too many tries", "Wait a little, then try again."),
    500: (
        "Something went wrong on our side",
        "Try again. If it stays so, tell the operator the request id below: the log has the rest under it.",
    ),
    503: ("The service is not available for a moment", "Nothing was lost. Try again in a few seconds."),
}
_NO_STORAGE = ("The service cannot reach its own storage", "Nothing was lost. Try again in a few seconds.")


class _SteppedClockSigner(TimestampSigner):
    """Takes what it signed while the clock was ahead: a clock that is set back signs nobody out.

    The library calls a moment in the future as wrong as one that is too long ago. The sign-in has an end of its own.
    """

    def unsign(self, signed_value: str | bytes, max_age: int | None = None, return_timestamp: bool = False) -> Any:
        """Return the value; as the library, but for moments in the future."""
        try:
            return super().unsign(signed_value, max_age, return_timestamp)  # type: ignore[call-overload]
        except SignatureExpired as error:
            if error.date_signed is None or error.date_signed <= self.timestamp_to_datetime(self.get_timestamp()):
                raise
            return super().unsign(signed_value, None, return_timestamp)  # type: ignore[call-overload]


class PageSessions(SecureCookieSessionInterface):
    """Session cookies for pages, Secure whenever the visitor came by TLS, which a trusted proxy may tell.

    Programs that call the API have no session, nor have assets: no cookie is read there, none is set.
    """

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Return what signs and reads the cookie."""
        serializer = super().get_signing_serializer(app)
        if serializer is not None:
            serializer.signer = _SteppedClockSigner
        return serializer

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the visitor's cookie, on pages alone."""
        return self.session_class() if _is_no_page(request.path) else super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write the visitor's cookie, on pages alone."""
        if not _is_no_page(request.path):
            super().save_session(app, session, response)

    def get_cookie_secure(self, app: Flask) -> bool:
        """Return whether the cookie travels over TLS only."""
        return super().get_cookie_secure(app) or request.is_secure


def _is_no_page(path: str) -> bool:
    return is_api_path(path) or path.startswith("/static/") or path == "/openapi.json"


def error_page(error: Exception) -> ResponseReturnValue:
    """Answer an error as a page; what is no HTTP error is a fault of ours and shown without detail."""
    headers: dict[str, str] = {}
    status = 500
    words = None
    if isinstance(error, HTTPException):
        if error.code is None or error.code < 400:
            return error.get_response()
        status = error.code
        own_headers = dict(error.get_headers())
        headers = {name: own_headers[name] for name in ("Allow", "Retry-After") if name in own_headers}
    elif isinstance(error, StorageUnavailable):
        status, headers, words = 503, {"Retry-After": str(STORAGE_RETRY_S)}, _NO_STORAGE
    title, text = words or _ERRORS.get(status, _ERRORS[400 if status < 500 else 500])
    if isinstance(error, CSRFError):
        text = "The form is out of date, or cookies are off. Go back, reload the page and send it again."
    elif isinstance(error, HTTPException) and status == 429:
        text = error.description or text
    # Rendered without the context processors: they ask who is signed in, and the database may be what failed.
    who = {} if status >= 500 else _who_is_signed_in()
    page = current_app.jinja_env.get_template("error.html").render(
        status=status,
        title=title,
        text=text,
        request_id=request_id_of(request.environ),
        service=services().catalog.service,
        **who,
    )
    return Response(page, status, headers, mimetype="text/html")


def _who_is_signed_in() -> dict[str, object]:
    """Return what the template is to know of the visitor; nothing where that cannot be read at the moment."""
    try:
        current_user.is_authenticated  # noqa: B018  (the first look asks the database)
    except StorageUnavailable:
        return {}
    return {"current_user": current_user}


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
        # The theme is no secret and no damage: guests need no session, and so no cookie of one, to choose it.
        if (
            not is_api_path(request.path)
            and request.endpoint is not None  # else there is nothing that it could change: 404 or 405
            and request.method not in ("GET", "HEAD", "OPTIONS")
            and request.endpoint != "theme"
        ):
            csrf.protect()

    settings = app.extensions[EXTENSION].settings
    app.after_request(_add_headers)
    app.add_url_rule("/theme", "theme", choose_theme, methods=["POST"])
    app.jinja_env.globals.update(
        theme=chosen_theme,
        way_back=_way_back,
        command_line=settings.command,
        catalog_file=settings.config_path,
    )
    app.jinja_env.filters.update(
        figure=figure,
        price=price,
        quota=quota,
        moment=moment,
        until=until,
        letter=letter,
        colour=colour,
        client=client_label,
    )
    app.context_processor(lambda: {"service": services().catalog.service})


def choose_theme() -> ResponseReturnValue:
    """Keep the theme that a visitor chose in a cookie; anything but light and dark follows the system."""
    response = redirect(own_path(request.form.get("back")) or "/", 303)
    wanted = request.form.get("theme")
    if wanted in THEMES:
        response.set_cookie(
            THEME_COOKIE, wanted, max_age=THEME_KEPT_FOR, secure=request.is_secure, samesite="Lax", path="/"
        )
    else:
        response.delete_cookie(THEME_COOKIE, secure=request.is_secure, samesite="Lax", path="/")
    return response


def chosen_theme() -> str | None:
    """Return the theme that the visitor chose, None to follow the system's setting."""
    kept = request.cookies.get(THEME_COOKIE)
    return kept if kept in THEMES else None


def _way_back() -> str:
    """Return the address of the page that is shown, if it can be opened; the answer to a form may have none."""
    rule = request.url_rule
    if rule is None or "GET" not in (rule.methods or ()):
        return "/"
    return request.full_path.rstrip("?")


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
    """Return the letter of an alias, for its ring mark."""
    return line_letters(_aliases())[profile.alias]


def colour(profile: Profile) -> int:
    """Return the number of an alias's line colour."""
    return line_colours(_aliases())[profile.alias]


def _aliases() -> tuple[str, ...]:
    return tuple(profile.alias for profile in services().catalog.profiles)


def api_address(catalog: Catalog) -> str:
    """Return the base address of the API, as clients are to be given it."""
    return f"{catalog.service.public_url}/api/{catalog.service.slug}/v1"


def _add_headers(response: Response) -> Response:
    headers = response.headers
    headers["X-Content-Type-Options"] = "nosniff"
    if request.is_secure and services().catalog.service.public_url.startswith("https://"):
        # Not of other hosts below this name: whether they have TLS is for their owner to say (RFC 6797, 6.1.2).
        headers["Strict-Transport-Security"] = HSTS
    if request.endpoint in NO_PAGES and response.status_code in (200, 304) and request.method != "OPTIONS":
        return response  # these have their own headers, and depend on no cookie
    headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    headers["Referrer-Policy"] = "no-referrer"
    if request.endpoint not in PAGES_FOR_ALL or response.status_code not in (200, 304):
        # In place of a robots.txt, which would keep crawlers from reading this, not addresses from their indexes.
        headers["X-Robots-Tag"] = "noindex"
    headers["X-Frame-Options"] = "DENY"  # for browsers that do not know frame-ancestors
    headers["Permissions-Policy"] = PERMISSIONS_POLICY
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    # A page that knew a session may hold what is its owner's alone.
    headers["Cache-Control"] = "no-store" if session else "no-cache"
    response.vary.add("Cookie")  # the theme is in the page
    if response.mimetype == "text/html":
        response.vary.add("Accept-Encoding")
        if request.accept_encodings.quality("gzip") > 0:
            pack(response)
    return response
