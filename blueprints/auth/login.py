"""Who is signed in on the pages: a signed cookie that holds the secret of a sign-in."""

from __future__ import annotations

import contextlib
import time

from flask import Response, after_this_request, current_app, flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, current_user, login_user
from msgspec import Struct

from models.storage import StorageUnavailable
from service.accounts.membership import Member
from service.signing_in import known_browsers, sign_ins, totp

login_manager = LoginManager()
SECOND_STEP_S = 300
"""Until when a code must follow the password."""
KNOWN_BROWSER_COOKIE = "KNOWN_BROWSER_COOKIE_NAME"  # the application's setting
_FIRST_STEP = "first_step"
# It would tie the cookie to address and browser; members change networks, and nothing here asks for "fresh".
login_manager.session_protection = None


class SignedIn(UserMixin):
    """The member who sent the request, as Flask-Login keeps it."""

    def __init__(self, secret: str, visit: sign_ins.Visit) -> None:
        """Stand for the member of ``visit``, whose cookie holds ``secret``."""
        self._secret = secret
        self.member = visit.member
        self.browser = visit.browser

    def get_id(self) -> str:
        """Return what the cookie holds; ending the sign-in makes it worthless."""
        return self._secret


@login_manager.user_loader
def load_user(secret: str) -> SignedIn | None:
    """Return who a cookie belongs to, asking the database, so that signing out and suspending work at once."""
    visit = sign_ins.visit(secret)
    if visit is None:
        return None
    if visit.is_to_be_noted:
        # A page is not to fail because the time of a visit could not be written.
        with contextlib.suppress(StorageUnavailable):
            sign_ins.note_seen(visit.browser.id)
        session.modified = True  # the cookie, too, lasts as long as it is used
    return SignedIn(secret, visit)


@login_manager.unauthorized_handler
def ask_to_sign_in() -> ResponseReturnValue:
    """Send a visitor to the sign-in page, and from there back to where a GET would lead."""
    flash("Sign in to go on.")
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("auth.sign_in", next=wanted), 303)


class FirstStep(Struct, frozen=True):
    """Somebody who has given an account's password in this browser, and whose code is asked for next.

    It stands in the signed cookie and signs nobody in. ``wrong_codes`` are those entered here since.
    """

    account_id: int
    session_epoch: int
    made_at: int
    browser_is_known: bool
    wrong_codes: int = 0

    @property
    def is_over(self) -> bool:
        """Whether it took too long."""
        return not 0 <= time.time() - self.made_at + 1 <= SECOND_STEP_S


def sign_in_and_go(member: Member, target: str) -> ResponseReturnValue:
    """Sign in whoever proved to be the member, and go on to ``target``; by way of the second step, where it is on.

    Raises:
        AccountChanged: see ``sign_ins.begin``.
    """
    if not totp.is_on(member.id):
        start_session(member)
        return redirect(target, 303)
    is_known = known_browser(member.email) is not None
    end_session()
    keep_first_step(FirstStep(member.id, member.session_epoch, int(time.time()), is_known))
    return redirect(url_for("auth.second_step", next=target), 303)


def keep_first_step(step: FirstStep) -> None:
    """Remember, in this browser's cookie, that the password was right."""
    session[_FIRST_STEP] = [
        step.account_id,
        step.session_epoch,
        step.made_at,
        step.browser_is_known,
        step.wrong_codes,
    ]


def first_step() -> FirstStep | None:
    """Return who has given the password in this browser, lately enough."""
    kept = session.get(_FIRST_STEP)
    step = FirstStep(*kept) if kept else None
    return None if step is None or step.is_over else step


def known_browser(email: str) -> str | None:
    """Return as what this browser is known to an account, None if it never signed in to it."""
    return known_browsers.known_as(request.cookies.get(current_app.config[KNOWN_BROWSER_COOKIE]), email)


def start_session(member: Member) -> None:
    """Sign a member in, in a session of its own: what was in the visitor's cookie before is dropped.

    Raises:
        AccountChanged: see ``sign_ins.begin``.
    """
    end_session()
    secret = sign_ins.begin(member, request.user_agent.string)
    session.permanent = True
    visit = sign_ins.visit(secret)
    if visit is not None:  # else it was ended in this moment, and the next page says so
        login_user(SignedIn(secret, visit))
        _make_known(member.email)


def _make_known(email: str) -> None:
    name = current_app.config[KNOWN_BROWSER_COOKIE]
    cookie = known_browsers.made_known(request.cookies.get(name), email)

    @after_this_request
    def remember(response: Response) -> Response:
        response.set_cookie(
            name,
            cookie,
            max_age=known_browsers.KEPT_FOR,
            secure=current_app.config["SESSION_COOKIE_SECURE"] or request.is_secure,
            httponly=True,
            samesite="Lax",
            path="/",
        )
        return response


def end_session() -> None:
    """Sign out in this browser; a copy of its cookie is worth nothing from then on."""
    if current_user.is_authenticated:
        sign_ins.end(current_user.member.id, current_user.browser.id)
    session.clear()
