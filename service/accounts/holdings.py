"""What an account holds: its plan and its service token. Each function is one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from catalog.model import Plan
from models import account, service_token, subscription, token_format
from models.account import Account
from service.accounts import audit
from service.accounts.audit import Actor, subject_of
from service.refusals import NoSuchAccount, UnknownPlan
from service.services import services

T = TypeVar("T")

ASKED_CHARACTERS = 64  # of a plan's name that is none, in a sentence: pages keep it in a cookie


class Holding(Struct, frozen=True):
    """What an account holds: its plan's slug and its live token's plain text, each None without one."""

    plan_slug: str | None
    token: str | None
    token_was_made: bool
    """Whether the account ever had a token: one that was revoked is not replaced unasked."""


def holding(account_id: int) -> Holding:
    """Return the account's plan and token as they are."""
    return services().storage.read_session(lambda session: _holding(session, account_id))


def equip(account_id: int) -> Holding:
    """Activate the first plan if the account has none, and make its token if it never had one.

    Any number of simultaneous calls make one of each.

    Raises:
        NoSuchAccount: it was deleted a moment ago.
    """
    first_slug = services().catalog.first_plan.slug

    def work(session: Session) -> Holding:
        return equip_in(session, locked(session, account_id), first_slug)

    return repeat_once(work)


def set_plan(account_id: int, plan_slug: str, *, by: Actor) -> Plan:
    """Move an account to a plan, from its next request on.

    Raises:
        UnknownPlan: the catalog has none of this slug.
        NoSuchAccount: it was deleted a moment ago.
    """
    plan = known_plan(plan_slug)

    def work(session: Session) -> None:
        locked(session, account_id)
        before = subscription.live(session, account_id)
        if before is None or before.plan_slug != plan.slug:
            told = {"from": "none" if before is None else before.plan_slug, "to": plan.slug}
            subscription.activate(session, account_id, plan.slug)
            audit.record(session, by, "account.plan_changed", subject_of(account_id), **told)

    repeat_once(work)
    return plan


def show_token(account_id: int, *, by: Actor) -> str | None:
    """Return the account's token to an operator, made if there never was one; None where it is revoked.

    Raises:
        NoSuchAccount: it was deleted a moment ago.
    """
    first_slug = services().catalog.first_plan.slug

    def work(session: Session) -> str | None:
        token = equip_in(session, locked(session, account_id), first_slug).token
        if token is not None:
            audit.record(session, by, "token.shown", subject_of(account_id))
        return token

    return repeat_once(work)


def regenerate_token(account_id: int, *, by: Actor | None = None) -> str:
    """Make a new token the account's live one, also after a revocation; the old one stops at once.

    ``by`` is the operator who does it; None is the member, whose tokens tell their dates themselves.

    Raises:
        NoSuchAccount: it was deleted a moment ago.
    """

    def work(session: Session) -> str:
        token = _issue(session, locked(session, account_id).id)
        if by is not None:
            audit.record(session, by, "token.regenerated", subject_of(account_id))
        return token

    return repeat_once(work)


def revoke_token(account_id: int, *, by: Actor | None = None) -> bool:
    """Stop the account's token until somebody makes a new one; tell whether there was one. ``by`` as above."""

    def work(session: Session) -> bool:
        was_live = service_token.revoke(session, account_id)
        if was_live and by is not None:
            audit.record(session, by, "token.revoked", subject_of(account_id))
        return was_live

    return services().storage.write_session(work)


def known_plan(slug: str) -> Plan:
    """Return the catalog's plan of that slug.

    Raises:
        UnknownPlan: with the slugs that there are.
    """
    catalog = services().catalog
    plan = catalog.plan(slug)
    if plan is None:
        known = ", ".join(each.slug for each in catalog.plans)
        asked = slug if len(slug) <= ASKED_CHARACTERS else f"{slug[:ASKED_CHARACTERS]}…"
        raise UnknownPlan(f"No plan is called {asked!r}. There are: {known}.")
    return plan


def repeat_once(work: Callable[[Session], T]) -> T:
    """Write; when somebody else was first at a unique key, look again at what there is now."""
    try:
        return services().storage.write_session(work)
    except IntegrityError:
        return services().storage.write_session(work)


# -- inside a transaction -----------------------------------------------------------------------------------------


def equip_in(session: Session, owner: Account, plan_slug: str) -> Holding:
    """Activate a plan if the account has none, and make its token if it never had one."""
    if subscription.live(session, owner.id) is None:
        subscription.activate(session, owner.id, plan_slug)
    if not _token_was_made(session, owner):
        _issue(session, owner.id)
    return _holding(session, owner.id)


def locked(session: Session, account_id: int) -> Account:
    """Return a living account that nobody else changes meanwhile.

    Raises:
        NoSuchAccount: it was deleted a moment ago.
    """
    found = account.find_locked(session, account_id)
    if found is None:
        raise NoSuchAccount("This account does not exist any more.")
    return found


def _holding(session: Session, account_id: int) -> Holding:
    owner = account.find(session, account_id)
    if owner is None:
        return Holding(None, None, False)
    current = subscription.live(session, account_id)
    token = service_token.live(session, account_id)
    return Holding(
        plan_slug=None if current is None else current.plan_slug,
        token=None if token is None else services().keyring.open_token(token.sealed, account_id),
        token_was_made=_token_was_made(session, owner),
    )


def _token_was_made(session: Session, owner: Account) -> bool:
    newest = service_token.latest(session, owner.id)
    # A token from before the account was deleted and made again says nothing about what its owner wants now.
    return newest is not None and newest.created_at >= owner.created_at


def _issue(session: Session, account_id: int) -> str:
    token = token_format.generate()
    sealed = services().keyring.seal_token(token, account_id)
    service_token.issue(session, account_id, token_format.digest(token), sealed)
    return token
