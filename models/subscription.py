"""Subscriptions: which plan an account has, now and before."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .base import BigId, UtcDateTime, db, utcnow


class Subscription(db.Model):  # type: ignore[name-defined, misc]
    """A stretch of time on one plan.

    ``live_account_id`` repeats ``account_id`` while the subscription runs and is null afterwards: a unique
    key over it is what both databases understand of "one live subscription for each account".
    """

    __tablename__ = "subscriptions"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"), index=True)
    live_account_id: Mapped[int | None] = mapped_column(sa.BigInteger, unique=True)
    plan_slug: Mapped[str] = mapped_column(sa.String(64), index=True)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def live(session: Session, account_id: int) -> Subscription | None:
    """Return the account's running subscription."""
    return session.scalar(sa.select(Subscription).where(Subscription.live_account_id == account_id))


def activate(session: Session, account_id: int, plan_slug: str) -> Subscription:
    """Start a plan, ending the one that runs; a plan that runs already goes on."""
    current = live(session, account_id)
    if current is not None:
        if current.plan_slug == plan_slug:
            return current
        current.live_account_id = None
        current.ended_at = utcnow()
        session.flush()
    started = Subscription(account_id=account_id, live_account_id=account_id, plan_slug=plan_slug)
    session.add(started)
    session.flush()
    return started


def end(session: Session, account_id: int) -> None:
    """End the account's subscription, if one runs."""
    current = live(session, account_id)
    if current is not None:
        current.live_account_id = None
        current.ended_at = utcnow()
        session.flush()


def live_plans(session: Session) -> dict[int, str]:
    """Return the slug of every account's running plan, by account id."""
    running = sa.select(Subscription).where(Subscription.live_account_id.is_not(None))
    return {each.account_id: each.plan_slug for each in session.scalars(running)}


def plans_in_use(session: Session) -> dict[str, int]:
    """Return how many accounts hold each plan, by slug."""
    held = (
        sa.select(Subscription.plan_slug, sa.func.count().label("accounts"))
        .where(Subscription.live_account_id.is_not(None))
        .group_by(Subscription.plan_slug)
    )
    return {row.plan_slug: row.accounts for row in session.execute(held)}
