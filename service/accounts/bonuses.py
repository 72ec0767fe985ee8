"""Prompts that an operator adds to an account's quota until a day. How they are counted: docs/quotas.md, "Bonus"."""

from __future__ import annotations

from datetime import date

from sqlalchemy.orm import Session

from models import account
from models.quota import Bonus
from service.accounts import audit
from service.accounts.audit import Actor
from service.accounts.holdings import locked, repeat_once
from service.refusals import UnfitBonus
from service.services import services

MOST_PROMPTS = 1_000_000_000
"""More would not fit, with a plan's own, into the numbers that the usage log carries."""


def give(account_id: int, bonus: Bonus, *, by: Actor) -> Bonus:
    """Add prompts from the next request on, up to and with the day ``until``; replaces a bonus given before.

    Raises:
        UnfitBonus: it adds nothing or too much, or its last day is past.
        NoSuchAccount: it was deleted a moment ago.
    """
    check_fit(bonus)

    def work(session: Session) -> None:
        found = locked(session, account_id)
        if found.bonus != bonus:
            found.bonus = bonus
            told = {"daily": f"{bonus.daily}", "monthly": f"{bonus.monthly}", "until": bonus.until.isoformat()}
            audit.record(session, by, "account.bonus_given", audit.subject_of(account_id), **told)

    repeat_once(work)
    return bonus


def remove(account_id: int, *, by: Actor) -> bool:
    """End a bonus, from the next request on; tell whether there was one, over or not.

    Raises:
        NoSuchAccount: it was deleted a moment ago.
    """

    def work(session: Session) -> bool:
        found = locked(session, account_id)
        if found.bonus is None:
            return False
        found.bonus = None
        audit.record(session, by, "account.bonus_removed", audit.subject_of(account_id))
        return True

    return repeat_once(work)


def running(account_id: int) -> Bonus | None:
    """Return the bonus that is in force today; None without one, and when it is over."""
    given = services().storage.read(lambda connection: account.bonus_of(connection, account_id))
    return in_force(given, today())


def in_force(bonus: Bonus | None, on: date) -> Bonus | None:
    """Return a bonus if its last day is not past on that day."""
    return bonus if bonus is not None and bonus.until >= on else None


def today() -> date:
    """Return the date in the service's time zone."""
    house = services()
    return house.storage.read(lambda connection: house.calendar.at(house.storage.now(connection)).today)


def check_fit(bonus: Bonus) -> None:
    """Refuse a bonus that would not do what whoever gives it expects.

    Raises:
        UnfitBonus: with a sentence for that person.
    """
    if not 0 <= bonus.daily <= MOST_PROMPTS or not 0 <= bonus.monthly <= MOST_PROMPTS:
        raise UnfitBonus(f"Give from 0 to {MOST_PROMPTS:,} prompts.")
    if not bonus.daily and not bonus.monthly:
        raise UnfitBonus("Say how many prompts more, a day or a month.")
    if bonus.until < today():
        raise UnfitBonus(f"{bonus.until} is past. Choose today or a later day.")
