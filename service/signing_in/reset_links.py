"""Links by which a member sets a new password. The operator makes them and hands them over."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy.orm import Session

from models import account, one_time_link
from service.accounts import audit
from service.accounts.audit import Actor
from service.accounts.membership import Member, as_member, put_password
from service.link_secrets import link_digest, new_link_secret
from service.refusals import LinkNotUsable, NoSuchAccount, Suspended
from service.services import services
from service.signing_in import passwords


class ResetLink(Struct, frozen=True):
    """A link as it is handed over; the database knows only its hash."""

    address: str
    expires_at: datetime


def hand_out(account_id: int, *, by: Actor | None = None) -> ResetLink:
    """Make a link that sets the account's password once, within an hour; an earlier one stops working.

    ``by`` is the operator who makes it; None where the member asked for it.

    Raises:
        NoSuchAccount: it was deleted a moment ago.
        Suspended: nobody could sign in with the new password.
    """
    secret = new_link_secret()

    def work(session: Session) -> datetime:
        found = account.find_locked(session, account_id)
        if found is None:
            raise NoSuchAccount("This account does not exist any more.")
        if found.suspended_at is not None:
            raise Suspended(f"{found.email} is suspended: {services().settings.command} accounts resume {found.email}")
        if by is not None:
            audit.record(session, by, "reset_link.created", audit.subject_of(account_id))
        digest, lifetime = link_digest(secret), one_time_link.RESET_LINK_LIFETIME
        made = one_time_link.hand_out(session, one_time_link.RESET, digest, lifetime, account_id=account_id)
        return made.expires_at

    expires_at = services().storage.write_session(work)
    return ResetLink(f"{services().catalog.service.public_url}/reset/{secret}", expires_at)


def owner(secret: str) -> Member:
    """Return whose password a link would set; asking does not use it up.

    Raises:
        LinkNotUsable: it is used, replaced, expired or wrong.
        Suspended: the account is.
    """

    def read(session: Session) -> Member:
        account_id = one_time_link.account_of(session, one_time_link.RESET, link_digest(secret))
        return as_member(_fit(None if account_id is None else account.find(session, account_id)))

    return services().storage.read_session(read)


def reset(secret: str, password: str) -> Member:
    """Use a link up: set the account's password and sign it out everywhere.

    Raises:
        UnfitPassword: see ``passwords.check_fit``; the link stays usable.
        LinkNotUsable: as for ``owner``; of any number of simultaneous uses, all but one end so.
        Suspended: the account is; the link stays usable.
    """
    owner(secret)  # before the costly hash
    password_hash = passwords.hashed(password)
    digest = link_digest(secret)

    def work(session: Session) -> Member:
        # The account before its link, as everywhere: two transactions in the other order could wait for each other.
        account_id = one_time_link.account_of(session, one_time_link.RESET, digest)
        found = _fit(None if account_id is None else account.find_locked(session, account_id))
        if not one_time_link.use(session, one_time_link.RESET, digest):
            raise LinkNotUsable("This link cannot be used any more.")
        put_password(session, found, password_hash)
        audit.record(session, audit.the_member(found.id), "reset_link.used", audit.subject_of(found.id))
        return as_member(found)

    return services().storage.write_session(work)


def _fit(found: account.Account | None) -> account.Account:
    if found is None:
        raise LinkNotUsable("This link cannot be used any more.")
    if found.suspended_at is not None:
        raise Suspended("This account is suspended. Ask the operator of this service.")
    return found
