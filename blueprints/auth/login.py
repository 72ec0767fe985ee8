"""Who is signed in on the pages: a signed cookie that holds the secret of a sign-in."""

from __future__ import annotations

import contextlib

from flask import flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, current_user, login_user

from models.storage import StorageUnavailable
from service import sign_ins
from service.membership import Member

login_manager = LoginManager()
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


def end_session() -> None:
    """Sign out in this browser; a copy of its cookie is worth nothing from then on."""
    if current_user.is_authenticated:
        sign_ins.end(current_user.member.id, current_user.browser.id)
    session.clear()
