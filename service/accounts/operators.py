"""Who may use the operator pages. There is always one who can: the last one is neither suspended nor deleted."""

from __future__ import annotations

from sqlalchemy.orm import Session

from models import account, installation
from models.account import Account
from service.accounts import audit
from service.accounts.audit import Actor
from service.accounts.holdings import locked, repeat_once
from service.refusals import LastOperator


def make(account_id: int, *, by: Actor) -> None:
    """Let a member use the operator pages, from the next page on.

    Raises:
        NoSuchAccount: it was deleted a moment ago.
    """

    def work(session: Session) -> None:
        found = locked(session, account_id)
        if not found.is_operator:
            found.is_operator = True
            audit.record(session, by, "account.operator_made", audit.subject_of(account_id))

    repeat_once(work)


def unmake(account_id: int, *, by: Actor) -> None:
    """Make a member of an operator; token, plan and sign-ins stay.

    Raises:
        NoSuchAccount: it was deleted a moment ago.
        LastOperator: nobody else could use the operator pages.
    """

    def work(session: Session) -> None:
        hold(session)
        found = locked(session, account_id)
        if found.is_operator:
            keep_one(session, found)
            found.is_operator = False
            audit.record(session, by, "account.operator_unmade", audit.subject_of(account_id))

    repeat_once(work)


# -- inside a transaction -----------------------------------------------------------------------------------------


def hold(session: Session) -> None:
    """Let nobody else take an operator away until the transaction ends; call it before an account is locked.

    Of two who suspend each other at the same moment, each would still see the other.
    """
    installation.hold(session, installation.OPERATORS)


def keep_one(session: Session, found: Account) -> None:
    """Refuse to take the last operator away; the caller ``hold``s.

    Raises:
        LastOperator: no other operator could sign in.
    """
    is_one = found.is_operator and found.suspended_at is None
    if is_one and not account.another_may_operate(session, found.id):
        raise LastOperator(f"{found.email} is the only operator. Make another one first.")
