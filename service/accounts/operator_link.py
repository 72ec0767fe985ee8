"""The one-time link that makes the first operator account. There is no default password."""

from __future__ import annotations

from sqlalchemy.orm import Session

from models import account, one_time_link
from service.accounts import audit
from service.accounts.addresses import usable_email
from service.accounts.audit import Actor, subject_of
from service.accounts.holdings import equip_in, repeat_once
from service.accounts.membership import Member, as_member, create_in
from service.link_secrets import link_digest, new_link_secret
from service.refusals import LinkNotUsable
from service.services import services
from service.signing_in import passwords


def hand_out_operator_link(*, by: Actor | None = None) -> str:
    """Store a new link that is valid for an hour and return its address; ``by`` is None at the service's start."""
    secret = new_link_secret()

    def work(session: Session) -> None:
        lifetime = one_time_link.OPERATOR_LINK_LIFETIME
        one_time_link.hand_out(session, one_time_link.OPERATOR, link_digest(secret), lifetime)
        if by is not None:
            audit.record(session, by, "operator_link.created")

    services().storage.write_session(work)
    # The secret stands in the query: query strings are never logged.
    return f"{services().catalog.service.public_url}/operator?link={secret}"


def create_first_operator(link_secret: str, email: str, password: str, *, place: str) -> Member:
    """Use the operator link up and make the first operator's account, with plan and token.

    ``place`` is the network address that the audit log is to name.

    Raises:
        UnfitEmail, UnfitPassword, EmailTaken: as they say; the link stays usable.
        LinkNotUsable: of any number of simultaneous uses, all but one end so.
    """
    email = usable_email(email)
    if not operator_link_is_usable(link_secret):  # before the costly hash
        raise LinkNotUsable("This link cannot be used any more.")
    password_hash = passwords.hashed(password)
    digest = link_digest(link_secret)

    def work(session: Session) -> Member:
        one_time_link.hold(session, one_time_link.OPERATOR)
        if account.an_operator_exists(session):
            raise LinkNotUsable("This service has an operator already.")
        if not one_time_link.use(session, one_time_link.OPERATOR, digest):
            raise LinkNotUsable("This link cannot be used any more.")
        made = create_in(session, email, password_hash, is_operator=True)
        made.suspended_at = None  # there is nobody else who could resume it
        equip_in(session, made, services().catalog.first_plan.slug)
        audit.record(session, Actor(email, place), "account.first_operator_made", subject_of(made.id))
        return as_member(made)

    return repeat_once(work)


def operator_link_is_usable(link_secret: str) -> bool:
    """Tell whether the link would make the first operator now."""
    digest = link_digest(link_secret)

    def read(session: Session) -> bool:
        if account.an_operator_exists(session):
            return False
        return one_time_link.is_usable(session, one_time_link.OPERATOR, digest)

    return services().storage.read_session(read)


def operator_exists() -> bool:
    """Tell whether anybody can use the operator's pages."""
    return services().storage.read_session(account.an_operator_exists)
