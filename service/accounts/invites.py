"""Invites: links by which an operator lets somebody make one account, with a plan. Closed registration has none."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy.orm import Session

from catalog.model import Plan
from models import account, invite, pending_sign_up
from models.account import Account
from models.base import utcnow
from models.invite import Invite
from service.accounts import audit
from service.accounts.addresses import address_hash, usable_email
from service.accounts.audit import Actor
from service.accounts.holdings import equip_in, known_plan, repeat_once
from service.accounts.membership import Member, as_member, create_in
from service.link_secrets import link_digest, new_link_secret
from service.mail import texts as mail_texts
from service.mail.mail import MailTrouble
from service.refusals import (
    EmailTaken,
    LinkNotUsable,
    NoSuchInvite,
    RegistrationClosed,
    Suspended,
    UnfitLifetime,
)
from service.services import services
from service.signing_in import passwords

USUAL_LIFETIME = timedelta(days=7)
SHORTEST, LONGEST = timedelta(hours=1), timedelta(days=365)
MOST_LISTED = 500


class OpenInvite(Struct, frozen=True):
    """An invite that can be used now."""

    id: int
    email: str | None
    """The address that it is for; None: for whoever has the link."""
    plan_slug: str
    created_at: datetime
    created_by: str
    expires_at: datetime


class EndedInvite(Struct, frozen=True):
    """An invite that can be used no more, and why."""

    id: int
    email: str | None
    """Of the account that it made, else the address that it was for."""
    plan_slug: str
    state: str
    """``used``, ``revoked`` or ``expired``."""
    ended_at: datetime
    created_by: str


class HandedOut(Struct, frozen=True):
    """An invite with its link, which is told this once."""

    invite: OpenInvite
    address: str
    is_mailed: bool
    trouble: str | None
    """Why it was not mailed; None if it was, or was not to be."""


def make(
    by: Actor, email: str | None = None, plan_slug: str | None = None, lifetime: timedelta = USUAL_LIFETIME
) -> HandedOut:
    """Make an invite; with an address it is for that one alone, and is mailed if a mail server is configured.

    Waits for the mail server, for as long as [smtp] allows. A mail that cannot be sent leaves the invite as it is.

    Raises:
        RegistrationClosed: nobody signs up, invited or not.
        UnfitEmail, UnknownPlan, EmailTaken, Suspended, UnfitLifetime: as they say.
    """
    refuse_when_closed()
    if not SHORTEST <= lifetime <= LONGEST:
        raise UnfitLifetime("An invite lasts at least an hour and at most 365 days.")
    plan = services().catalog.first_plan if plan_slug is None else known_plan(plan_slug)
    to = None if email is None else usable_email(email)
    secret = new_link_secret()

    def work(session: Session) -> OpenInvite:
        if to is not None:
            _refuse_holder(account.find_by_email_hash(session, address_hash(to)), to)
        made = invite.add(
            session, link_digest(secret), email=to, plan_slug=plan.slug, created_by=by.name, lifetime=lifetime
        )
        kind = "for anybody with the link" if to is None else "for one address"
        expires = made.expires_at.isoformat(timespec="seconds")
        audit.record(session, by, "invite.created", _subject(made.id), plan=plan.slug, kind=kind, expires_at=expires)
        return _open(made)

    made = services().storage.write_session(work)
    link = f"{services().catalog.service.public_url}/invite/{secret}"
    mailer = services().mailer
    if to is None or mailer is None:
        return HandedOut(made, link, is_mailed=False, trouble=None)
    try:
        mailer.send(mail_texts.invite(to, link, plan.name, made.expires_at))
    except MailTrouble as trouble:
        return HandedOut(made, link, is_mailed=False, trouble=trouble.in_full)
    return HandedOut(made, link, is_mailed=True, trouble=None)


def revoke(by: Actor, invite_id: int) -> None:
    """Make an open invite worthless.

    Raises:
        NoSuchInvite: there is none that could still be used.
    """

    def work(session: Session) -> None:
        if not invite.revoke(session, invite_id):
            raise NoSuchInvite(f"No open invite has the number {invite_id}.")
        audit.record(session, by, "invite.revoked", _subject(invite_id))

    services().storage.write_session(work)


def open_invites() -> list[OpenInvite]:
    """Return invites that can be used now, newest first, at most 500."""
    return services().storage.read_session(
        lambda session: [_open(each) for each in invite.open_ones(session, MOST_LISTED)]
    )


def ended_invites() -> list[EndedInvite]:
    """Return invites that were used or revoked or have expired, newest first, at most 500."""
    return services().storage.read_session(
        lambda session: [_ended(row, email) for row, email in invite.ended_ones(session, MOST_LISTED)]
    )


def usable(secret: str) -> tuple[OpenInvite, Plan]:
    """Return what a link invites to, and the plan; asking does not use it up.

    Raises:
        RegistrationClosed: nobody signs up.
        LinkNotUsable: it is used, revoked, expired or wrong.
        UnknownPlan: its plan is not offered any more.
    """
    refuse_when_closed()

    def read(session: Session) -> OpenInvite:
        return _open(_usable(invite.find(session, link_digest(secret))))

    found = services().storage.read_session(read)
    return found, known_plan(found.plan_slug)


def accept(secret: str, email: str, password: str) -> Member:
    """Use an invite up and make its account, with plan and token; the address counts as confirmed.

    Raises:
        UnfitEmail, UnfitPassword, EmailTaken, Suspended: as they say; the invite stays usable.
        RegistrationClosed, LinkNotUsable, UnknownPlan: as for ``usable``; of simultaneous uses all but one end so.
    """
    bound, plan = usable(secret)  # before the costly hash
    email = usable_email(email if bound.email is None else bound.email)
    password_hash = passwords.hashed(password)

    def work(session: Session) -> Member:
        found = _usable(invite.find(session, link_digest(secret)))
        made = create_in(session, email, password_hash)
        _refuse_suspended(made)
        _use(session, found, made, plan)
        pending_sign_up.forget_address(session, made.email_hash)
        return as_member(made)

    return repeat_once(work)


def refuse_when_closed() -> None:
    """Refuse invites where nobody is to sign up.

    Raises:
        RegistrationClosed: with a sentence for the operator.
    """
    if services().catalog.service.registration == "closed":
        raise RegistrationClosed(
            'Registration is closed: nobody signs up, invited or not. Set registration = "invite" in [service], '
            f"or make the account: {services().settings.command} accounts create EMAIL"
        )


# -- inside a transaction -----------------------------------------------------------------------------------------


def use_confirmed_in(session: Session, invite_id: int, made: Account) -> None:
    """Use up the invite by which a sign-up came that is confirmed now; it may have expired since.

    Raises:
        LinkNotUsable: it was used by somebody else, or revoked.
        UnknownPlan: its plan is not offered any more.
    """
    found = invite.find_by_id(session, invite_id)
    if found is None:
        raise LinkNotUsable("The invite of this sign-up cannot be used any more.")
    _use(session, found, made, known_plan(found.plan_slug))


def _use(session: Session, found: Invite, made: Account, plan: Plan) -> None:
    if not invite.use(session, found.id, made.id):
        raise LinkNotUsable("This invite cannot be used any more.")
    equip_in(session, made, plan.slug)


def _usable(found: Invite | None) -> Invite:
    if found is None or found.used_at is not None or found.revoked_at is not None or found.expires_at <= utcnow():
        raise LinkNotUsable("This invite cannot be used any more.")
    return found


def _refuse_holder(holder: Account | None, email: str) -> None:
    if holder is None:
        return
    if holder.deleted_at is None:
        raise EmailTaken(f"{email} has an account already.")
    if holder.suspended_at is not None:
        command = f"{services().settings.command} accounts create"
        raise Suspended(f"{email} was suspended: the invite would not work. {command} brings it back.")


def _refuse_suspended(made: Account) -> None:
    if made.suspended_at is not None:
        raise Suspended("The account of this address is suspended. Ask the operator of this service.")


def _subject(invite_id: int) -> str:
    return f"invite {invite_id}"


def _open(row: Invite) -> OpenInvite:
    return OpenInvite(row.id, row.email, row.plan_slug, row.created_at, row.created_by, row.expires_at)


def _ended(row: Invite, account_email: str | None) -> EndedInvite:
    state, ended_at = "expired", row.expires_at
    if row.used_at is not None:
        state, ended_at = "used", row.used_at
    elif row.revoked_at is not None:
        state, ended_at = "revoked", row.revoked_at
    return EndedInvite(row.id, account_email or row.email, row.plan_slug, state, ended_at, row.created_by)
