"""Browsers that are signed in: beginning, recognising, listing and ending sign-ins. See ``models.sign_in``."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from msgspec import Struct
from sqlalchemy.orm import Session

from models import account, sign_in
from models.base import utcnow
from service.accounts.membership import Member, as_member
from service.refusals import AccountChanged
from service.services import services


class Browser(Struct, frozen=True):
    """One signed-in browser as its member sees it; ``seen_at`` is true to a few minutes."""

    id: int
    created_at: datetime
    seen_at: datetime
    user_agent: str


class Visit(Struct, frozen=True):
    """Who a request comes from and by which sign-in."""

    member: Member
    browser: Browser

    @property
    def is_to_be_noted(self) -> bool:
        """Whether ``seen_at`` is old enough to be written anew."""
        return utcnow() - self.browser.seen_at > sign_in.NOTED_EVERY


def begin(member: Member, user_agent: str) -> str:
    """Sign a browser in; return the secret that its cookie is to hold.

    Raises:
        AccountChanged: since ``member`` was read, the account was suspended, deleted or signed out everywhere,
            so that what its owner proved then proves nothing now.
    """
    secret = secrets.token_urlsafe(32)
    digest = _digest(secret)

    def work(session: Session) -> None:
        found = account.find_locked(session, member.id)
        if found is None or found.suspended_at is not None or found.session_epoch != member.session_epoch:
            raise AccountChanged("This account was changed at the same moment. Sign in again.")
        sign_in.begin(session, member.id, digest, user_agent)

    services().storage.write_session(work)
    return secret


def visit(secret: str) -> Visit | None:
    """Return who a cookie's secret belongs to; None when the sign-in ended or the account is suspended."""

    def read(session: Session) -> Visit | None:
        row = sign_in.of_digest(session, _digest(secret))
        if row is None or row[1].suspended_at is not None:
            return None
        return Visit(as_member(row[1]), _browser(row[0]))

    return services().storage.read_session(read)


def note_seen(browser_id: int) -> None:
    """Write down that the browser was there just now.

    Raises:
        StorageUnavailable: the database could not be written; the sign-in stays as it is.
    """
    services().storage.write_session(lambda session: sign_in.note_seen(session, browser_id))


def browsers(account_id: int) -> list[Browser]:
    """Return an account's signed-in browsers, the last seen first."""
    return services().storage.read_session(
        lambda session: [_browser(each) for each in sign_in.of_account(session, account_id)]
    )


def end(account_id: int, browser_id: int) -> bool:
    """Sign one browser of an account out; false when it is none of its own, or is signed out already."""
    return services().storage.write_session(lambda session: sign_in.end(session, account_id, browser_id))


def end_others(account_id: int, browser_id: int) -> int:
    """Sign out every browser of an account but this one; return how many there were."""
    return services().storage.write_session(lambda session: sign_in.end_all(session, account_id, but=browser_id))


def _browser(row: sign_in.SignIn) -> Browser:
    return Browser(row.id, row.created_at, row.seen_at, row.user_agent)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
