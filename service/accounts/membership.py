"""What can be done with accounts; pages and commands do it by these functions alone.

Plan and token: ``holdings``; its end: ``deletion``; the first operator: ``operator_link``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct
from sqlalchemy.orm import Session

from models import account, one_time_link, service_token, sign_in, subscription
from models.account import Account, AddressTaken
from models.base import utcnow
from models.quota import Bonus
from service.accounts import audit, operators
from service.accounts.addresses import address_hash, usable_email
from service.accounts.audit import Actor, subject_of
from service.accounts.holdings import Holding, equip_in, known_plan, locked, repeat_once
from service.refusals import (
    AccountChanged,
    EmailTaken,
    NoSuchAccount,
    Suspended,
    WrongPassword,
)
from service.services import services
from service.signing_in import passwords


class Member(Struct, frozen=True):
    """An account as pages and commands see it."""

    id: int
    email: str
    is_operator: bool
    is_suspended: bool
    session_epoch: int
    created_at: datetime
    bonus: Bonus | None
    """What was added to the plan's prompts, also when its time is over."""


def sign_up(email: str, password: str) -> Member:
    """Make a member's account; its plan and token come with the first visit to the documentation page.

    Raises:
        UnfitEmail, UnfitPassword, EmailTaken: as they say.
        Suspended: the address belonged to a suspended account, which deleting it does not shake off.
    """
    email = usable_email(email)
    password_hash = passwords.hashed(password)

    def work(session: Session) -> Member:
        made = create_in(session, email, password_hash)
        if made.suspended_at is not None:
            raise Suspended("The account of this address is suspended. Ask the operator of this service.")
        return as_member(made)

    return repeat_once(work)


def create(
    email: str, password: str | None, plan_slug: str | None, *, is_operator: bool, by: Actor
) -> tuple[Member, Holding]:
    """Make an account with plan and token, as the operator asks for it; without a password nobody signs in.

    Raises:
        UnfitEmail, UnfitPassword, UnknownPlan, EmailTaken: as they say.
    """
    email = usable_email(email)
    plan = services().catalog.first_plan if plan_slug is None else known_plan(plan_slug)
    password_hash = None if password is None else passwords.hashed(password)

    def work(session: Session) -> tuple[Member, Holding]:
        made = create_in(session, email, password_hash, is_operator=is_operator)
        role = "operator" if is_operator else "member"
        audit.record(session, by, "account.created", subject_of(made.id), plan=plan.slug, role=role)
        return as_member(made), equip_in(session, made, plan.slug)

    return repeat_once(work)


def authenticate(email: str, password: str) -> Member | None:
    """Return whose address and password these are, or None; takes as long for an unknown address.

    Raises:
        Suspended: both are right, and the account is suspended.
    """
    email_hash = address_hash(email)

    def read(session: Session) -> tuple[Member, str | None] | None:
        found = account.find_by_email_hash(session, email_hash)
        return None if found is None or found.deleted_at else (as_member(found), found.password_hash)

    known = services().storage.read_session(read)
    password_hash = None if known is None else known[1]
    if not passwords.is_right(password_hash, password) or known is None or password_hash is None:
        return None
    member = known[0]
    if member.is_suspended:
        raise Suspended("This account is suspended. Ask the operator of this service.")
    if passwords.needs_rehash(password_hash):
        _store_rehash(member.id, password_hash, passwords.hashed(password))
    return member


def find(email: str) -> Member:
    """Return the living account of an address.

    Raises:
        NoSuchAccount: there is none.
    """
    email_hash = address_hash(email)

    def read(session: Session) -> Member | None:
        found = account.find_by_email_hash(session, email_hash)
        return None if found is None or found.deleted_at else as_member(found)

    member = services().storage.read_session(read)
    if member is None:
        raise NoSuchAccount(f"No account has the address {email.strip()!r}.")
    return member


def members() -> list[tuple[Member, str | None, bool]]:
    """Return every living account, oldest first, with its plan's slug and whether it has a live token."""

    def read(session: Session) -> list[tuple[Member, str | None, bool]]:
        plans = subscription.live_plans(session)
        with_token = service_token.accounts_with_live_token(session)
        return [(as_member(each), plans.get(each.id), each.id in with_token) for each in account.living(session)]

    return services().storage.read_session(read)


def suspend(account_id: int, *, by: Actor) -> None:
    """Stop an account's token and sign-in, at once and everywhere; plan and usage stay.

    Raises:
        NoSuchAccount: it was deleted a moment ago.
        LastOperator: nobody else could use the operator pages.
    """

    def work(session: Session, found: Account) -> None:
        operators.keep_one(session, found)
        if found.suspended_at is None:
            found.suspended_at = utcnow()
            audit.record(session, by, "account.suspended", subject_of(account_id))
        sign_out_everywhere(session, found)

    _change(account_id, work, operators_too=True)


def resume(account_id: int, *, by: Actor) -> None:
    """Let a suspended account go on, with the token that it had.

    Raises:
        NoSuchAccount: it was deleted a moment ago.
    """

    def work(session: Session, found: Account) -> None:
        if found.suspended_at is not None:
            found.suspended_at = None
            audit.record(session, by, "account.resumed", subject_of(account_id))

    _change(account_id, work)


def sign_out(account_id: int, *, by: Actor) -> None:
    """Sign an account out in every browser, at once; an unused reset link stops working, the token works on.

    Raises:
        NoSuchAccount: it was deleted a moment ago.
    """

    def work(session: Session, found: Account) -> None:
        sign_out_everywhere(session, found)
        audit.record(session, by, "account.signed_out", subject_of(account_id))

    _change(account_id, work)


def set_password(account_id: int, password: str, *, by: Actor) -> None:
    """Give an account a new password and sign it out everywhere.

    Raises:
        NoSuchAccount: it was deleted a moment ago.
        UnfitPassword: see ``passwords.check_fit``.
    """
    password_hash = passwords.hashed(password)

    def work(session: Session, found: Account) -> None:
        put_password(session, found, password_hash)
        audit.record(session, by, "account.password_set", subject_of(account_id))

    _change(account_id, work)


def change_password(account_id: int, old: str, new: str) -> Member:
    """Give an account the new password that its member chose, and sign it out everywhere.

    Raises:
        UnfitPassword: of the new one; see ``passwords.check_fit``.
        WrongPassword: the old one is not the account's.
        AccountChanged: somebody else was quicker, or suspended or deleted it meanwhile.
    """
    new_hash = passwords.hashed(new)
    old_hash = hash_of_right_password(account_id, old)

    def work(session: Session) -> Member:
        found = account.find_locked(session, account_id)
        if found is None or found.suspended_at is not None or found.password_hash != old_hash:
            raise AccountChanged("This account was changed at the same moment. Sign in again.")
        put_password(session, found, new_hash)
        return as_member(found)

    return services().storage.write_session(work)


# -- inside a transaction -----------------------------------------------------------------------------------------


def create_in(session: Session, email: str, password_hash: str | None, *, is_operator: bool = False) -> Account:
    """Add an account.

    Raises:
        EmailTaken: a living account has the address.
    """
    email_hash = services().keyring.email_hash(email)
    try:
        return account.create(session, email, email_hash, password_hash, is_operator=is_operator)
    except AddressTaken as error:
        raise EmailTaken(f"An account with the address {email} exists already.") from error


def put_password(session: Session, found: Account, password_hash: str) -> None:
    """Replace a password; whoever knew the old one is signed out, and links to set one stop working."""
    found.password_hash = password_hash
    sign_out_everywhere(session, found)


def sign_out_everywhere(session: Session, found: Account) -> None:
    """End every sign-in of an account, those that are just being made too, and take its reset link back.

    The caller holds the account's lock.
    """
    found.session_epoch += 1
    sign_in.end_all(session, found.id)
    one_time_link.take_back(session, one_time_link.RESET, found.id)


def as_member(found: Account) -> Member:
    """Return an account as pages and commands see it."""
    return Member(
        id=found.id,
        email=found.email or "",
        is_operator=found.is_operator,
        is_suspended=found.suspended_at is not None,
        session_epoch=found.session_epoch,
        created_at=found.created_at,
        bonus=found.bonus,
    )


def _change(account_id: int, change: Callable[[Session, Account], None], *, operators_too: bool = False) -> None:
    def work(session: Session) -> None:
        if operators_too:
            operators.hold(session)
        change(session, locked(session, account_id))

    repeat_once(work)


def hash_of_right_password(account_id: int, password: str) -> str:
    """Return the hash of an account's password, for a transaction to see that it is still the same.

    Raises:
        WrongPassword: it is not the account's.
    """

    def read(session: Session) -> str | None:
        found = account.find(session, account_id)
        return None if found is None else found.password_hash

    password_hash = services().storage.read_session(read)
    if not passwords.is_right(password_hash, password) or password_hash is None:
        raise WrongPassword("That is not the password of this account.")
    return password_hash


def _store_rehash(account_id: int, old_hash: str, new_hash: str) -> None:
    def work(session: Session) -> None:
        found = account.find_locked(session, account_id)
        if found is not None and found.password_hash == old_hash:  # else it was changed or deleted meanwhile
            found.password_hash = new_hash

    services().storage.write_session(work)
