"""Who is signed in on the pages: a signed cookie that names an account and its session epoch."""

from __future__ import annotations

from flask import flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, login_user

from service import membership
from service.membership import Member

login_manager = LoginManager()
# It would tie the cookie to address and browser; members change networks, and nothing here asks for "fresh".
login_manager.session_protection = None


class SignedIn(UserMixin):
    """The member who sent the request, as Flask-Login keeps it."""

    def __init__(self, member: Member) -> None:
        """Stand for ``member``."""
        self.member = member

    def get_id(self) -> str:
        """Return what the cookie holds; raising the account's epoch makes it worthless."""
        return f"{self.member.id}:{self.member.session_epoch}"


@login_manager.user_loader
def load_user(text: str) -> SignedIn | None:
    """Return who a cookie belongs to, asking the database, so that a suspension works at once."""
    account_id, _, epoch = text.partition(":")
    if not (account_id.isdecimal() and epoch.isdecimal()):
        return None
    member = membership.member_of_session(int(account_id), int(epoch))
    return None if member is None else SignedIn(member)


@login_manager.unauthorized_handler
def ask_to_sign_in() -> ResponseReturnValue:
    """Send a visitor to the sign-in page, and from there back to where a GET would lead."""
    flash("Sign in to go on.")
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("auth.sign_in", next=wanted), 303)


def start_session(member: Member) -> None:
    """Sign a member in, in a session of its own: what was in the visitor's cookie before is dropped."""
    session.clear()
    session.permanent = True
    login_user(SignedIn(member))


def end_session() -> None:
    """Sign out in this browser."""
    session.clear()
