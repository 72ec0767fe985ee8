"""Sign-ups that are confirmed by mail: the account is made when the link in the mail is used.

What the visitor is told does not depend on who has the address. Its holder reads in the mail whether there is an
account already. The link alone is not enough either: it works in the browser that signed up, or together with the
password that was chosen there, so that nobody is led into confirming a stranger's sign-up.
"""

from __future__ import annotations

import hmac

from msgspec import Struct
from sqlalchemy.orm import Session

from catalog.model import Registration
from models import account, pending_sign_up, queued_mail
from models.base import utcnow
from models.pending_sign_up import LIFETIME, PendingSignUp
from models.queued_mail import QueuedMail
from service.accounts import invites
from service.accounts.addresses import usable_email
from service.accounts.holdings import repeat_once
from service.accounts.membership import Member, as_member, create_in
from service.link_secrets import link_digest, new_link_secret
from service.mail import queue as mail_queue
from service.mail import texts as mail_texts
from service.mail.mail import Mail
from service.refusals import LinkNotUsable, RegistrationClosed, Suspended, WrongPassword
from service.services import services
from service.signing_in import passwords


class Waiting(Struct, frozen=True):
    """A sign-up that waits for its mail; the browser that sent it keeps ``browser_secret``."""

    id: int
    email: str
    browser_secret: str


class Unconfirmed(Struct, frozen=True):
    """What a link would confirm."""

    id: int
    email: str
    wanted: str
    """Where the visitor was headed; empty for the documentation."""
    is_this_browser: bool
    """Whether the sign-up was sent by the browser that asks."""


def sign_up(email: str, password: str, *, wanted: str = "", invite_id: int | None = None) -> Waiting:
    """Keep a sign-up until its address is confirmed, and queue the mail; the same work whoever has the address.

    Raises:
        UnfitEmail, UnfitPassword: as they say.
    """
    email = usable_email(email)
    password_hash = passwords.hashed(password)
    email_hash = services().keyring.email_hash(email)
    browser_secret = new_link_secret()

    def work(session: Session) -> int:
        made = pending_sign_up.add(
            session,
            email=email,
            email_hash=email_hash,
            password_hash=password_hash,
            browser_digest=link_digest(browser_secret),
            invite_id=invite_id,
            wanted=wanted,
        )
        mail_queue.enqueue(session, mail_queue.CONFIRM, email_hash, made.id)
        return made.id

    pending_id = services().storage.write_session(work)
    mail_queue.wake_carrier()
    return Waiting(pending_id, email, browser_secret)


def waiting(pending_id: int, browser_secret: str) -> Waiting | None:
    """Return the sign-up that this browser sent; None when its time is over or it is confirmed."""

    def read(session: Session) -> Waiting | None:
        found = pending_sign_up.find(session, pending_id)
        if found is None or not _is_of_browser(found, browser_secret):
            return None
        return Waiting(found.id, found.email, browser_secret)

    return services().storage.read_session(read)


def send_again(waits: Waiting) -> None:
    """Queue another mail; its link takes the place of the one before."""
    email_hash = services().keyring.email_hash(waits.email)
    services().storage.write_session(
        lambda session: mail_queue.enqueue(session, mail_queue.CONFIRM, email_hash, waits.id)
    )
    mail_queue.wake_carrier()


def mail_is_in_trouble(waits: Waiting) -> bool:
    """Tell whether the mail could not be sent so far; it is the same for addresses with and without an account."""
    return services().storage.read_session(
        lambda session: queued_mail.is_in_trouble(session, mail_queue.CONFIRM, waits.id)
    )


def unconfirmed(secret: str, browser_secret: str = "") -> Unconfirmed:
    """Return what a link would confirm; asking does not use it up.

    Raises:
        LinkNotUsable: it is used, replaced, expired or wrong.
        RegistrationClosed: nobody may sign up so any more.
    """

    def read(session: Session) -> Unconfirmed:
        found = _of_link(session, secret)
        return Unconfirmed(found.id, found.email, found.wanted, _is_of_browser(found, browser_secret))

    return services().storage.read_session(read)


def confirm(secret: str, *, browser_secret: str = "", password: str = "") -> Member:
    """Use a link up and make the account, with the plan of its invite if it came by one.

    Raises:
        WrongPassword: the browser is another one and the password not the one that was chosen; the link stays usable.
        LinkNotUsable: as for ``unconfirmed``, or the invite is used up; of simultaneous uses all but one end so.
        UnknownPlan: the plan of the invite is not offered any more.
        RegistrationClosed: as for ``unconfirmed``.
        EmailTaken, Suspended: an account of this address was made, or was suspended, meanwhile.
    """
    password_hash = _proven(secret, browser_secret, password)

    def work(session: Session) -> Member:
        seen = _of_link(session, secret)
        found = pending_sign_up.find_locked(session, seen.id)
        if found is None or found.link_digest != link_digest(secret) or found.password_hash != password_hash:
            raise LinkNotUsable("This link cannot be used any more.")
        made = create_in(session, found.email, found.password_hash)
        if made.suspended_at is not None:
            raise Suspended("The account of this address is suspended. Ask the operator of this service.")
        if found.invite_id is not None:
            invites.use_confirmed_in(session, found.invite_id, made)
        pending_sign_up.forget_address(session, found.email_hash)
        return as_member(made)

    return repeat_once(work)


def write_mail(queued: QueuedMail) -> Mail | None:
    """Write the mail to whoever has the address; its link is made now. None when the sign-up is over meanwhile."""
    secret = new_link_secret()

    def work(session: Session) -> Mail | None:
        found = pending_sign_up.find_locked(session, queued.reference)
        if found is None:
            return None
        holder = account.find_by_email_hash(session, queued.email_hash)
        if holder is not None and holder.suspended_at is not None:
            return mail_texts.suspended(found.email)
        if holder is not None and holder.deleted_at is None:
            return mail_texts.already_there(found.email)
        found.link_digest = link_digest(secret)
        found.expires_at = utcnow() + LIFETIME
        return mail_texts.confirm(found.email, f"{services().catalog.service.public_url}/confirm/{secret}")

    return services().storage.write_session(work)


def _proven(secret: str, browser_secret: str, password: str) -> str:
    """Return the hash of the password that was chosen, once who asks has shown to be who signed up."""

    def read(session: Session) -> tuple[str, bool]:
        found = _of_link(session, secret)
        return found.password_hash, _is_of_browser(found, browser_secret)

    password_hash, is_this_browser = services().storage.read_session(read)
    if not is_this_browser and not passwords.is_right(password_hash, password):
        raise WrongPassword("That is not the password that was chosen at sign-up.")
    return password_hash


def _of_link(session: Session, secret: str) -> PendingSignUp:
    found = pending_sign_up.find_by_link(session, link_digest(secret))
    if found is None:
        raise LinkNotUsable("This link cannot be used any more.")
    registration: Registration = services().catalog.service.registration
    if registration == "closed" or (registration == "invite" and found.invite_id is None):
        raise RegistrationClosed("This service takes no sign-ups any more. Ask its operator.")
    return found


def _is_of_browser(found: PendingSignUp, browser_secret: str) -> bool:
    return hmac.compare_digest(found.browser_digest, link_digest(browser_secret))
