"""Accounts in alphabetical order, a page at a time, for operators. Each page costs the same wherever it lies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.orm import Session

from .account import Account
from .subscription import Subscription

# state
ACTIVE = "active"
SUSPENDED = "suspended"
OPERATORS = "operator"
WITH_BONUS = "bonus"

_BEHIND_EVERY_LETTER = "\U0010ffff"


class Wanted(Struct, frozen=True):
    """Which accounts: those whose address begins so, on this plan, in this state. Empty: all."""

    prefix: str = ""
    plan_slug: str = ""
    state: str = ""


class Listed(Struct, frozen=True):
    """Accounts in the order of their addresses, with the slug of the plan that each holds."""

    rows: Sequence[tuple[Account, str | None]]
    before: str | None
    """The address before which a page of earlier ones ends; None on the first page."""
    after: str | None
    """The address after which a page of later ones begins; None on the last page."""


def page_after(session: Session, wanted: Wanted, place: str | None, at_most: int, today: date) -> Listed:
    """Return the first accounts whose address comes after ``place``; None begins at the beginning."""
    rows = _rows(session, wanted, Account.email > place if place else None, Account.email, at_most + 1, today)
    more, rows = len(rows) > at_most, rows[:at_most]
    return Listed(rows, _address(rows[0]) if place and rows else None, _address(rows[-1]) if more else None)


def page_before(session: Session, wanted: Wanted, place: str, at_most: int, today: date) -> Listed:
    """Return the last accounts whose address comes before ``place``, in the order of all."""
    rows = _rows(session, wanted, Account.email < place, Account.email.desc(), at_most + 1, today)
    more, rows = len(rows) > at_most, rows[:at_most][::-1]
    return Listed(rows, _address(rows[0]) if more else None, _address(rows[-1]) if rows else None)


def _rows(
    session: Session,
    wanted: Wanted,
    place: sa.ColumnElement[bool] | None,
    order: sa.SQLColumnExpression[str | None],
    at_most: int,
    today: date,
) -> list[tuple[Account, str | None]]:
    # A deleted account has no address, so it is in none of these.
    found = (
        sa.select(Account, Subscription.plan_slug)
        .outerjoin(Subscription, Subscription.live_account_id == Account.id)
        .where(Account.email >= wanted.prefix, Account.email < wanted.prefix + _BEHIND_EVERY_LETTER)
    )
    if place is not None:
        found = found.where(place)
    if wanted.plan_slug:
        found = found.where(Subscription.plan_slug == wanted.plan_slug)
    if wanted.state == ACTIVE:
        found = found.where(Account.suspended_at.is_(None))
    elif wanted.state == SUSPENDED:
        found = found.where(Account.suspended_at.is_not(None))
    elif wanted.state == OPERATORS:
        found = found.where(Account.is_operator)
    elif wanted.state == WITH_BONUS:
        found = found.where(Account.bonus_until >= today)
    return [(row[0], row[1]) for row in session.execute(found.order_by(order).limit(at_most))]


def _address(row: tuple[Account, str | None]) -> str:
    return row[0].email or ""
