"""``flask accounts bonus``: prompts on top of what an account's plan allows, until a day."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from commands.acting import at_the_terminal
from commands.output import Answer, answers, in_service

if TYPE_CHECKING:
    from models.quota import Bonus


@click.command("bonus")
@click.argument("email")
@click.option("--daily", type=click.IntRange(min=0), metavar="N", help="So many prompts more a day.")
@click.option("--monthly", type=click.IntRange(min=0), metavar="N", help="So many prompts more a month.")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="The last day, such as 2026-12-31, in the service's time zone.",
)
@click.option("--remove", is_flag=True, help="End the bonus now.")
@answers
@in_service
def bonus(email: str, daily: int | None, monthly: int | None, until: datetime | None, remove: bool) -> Answer:
    """Add prompts to an account's quota until a day, which replaces a bonus given before; alone, show it."""
    from models.quota import Bonus
    from service.accounts import bonuses, membership

    gives = daily is not None or monthly is not None or until is not None
    if gives and remove:
        raise click.UsageError("Choose one: give a bonus, or --remove it.")
    if gives and until is None:
        raise click.UsageError("Say the last day: --until 2026-12-31")
    member = membership.find(email)
    if remove:
        was_there = bonuses.remove(member.id, by=at_the_terminal())
        words = "has no bonus any more" if was_there else "had no bonus"
        return Answer(_document(member.email, None), f"{member.email} {words}.")
    if until is not None:
        given = Bonus(daily or 0, monthly or 0, until.date())
        bonuses.give(member.id, given, by=at_the_terminal())
        return Answer(_document(member.email, given), f"{member.email} has {_words(given)}.")
    running = bonuses.running(member.id)
    text = f"{member.email} has {'no bonus' if running is None else _words(running)}."
    return Answer(_document(member.email, running), text)


def bonus_document(bonus: Bonus | None) -> dict[str, object] | None:
    """Return a bonus as documents show it; None for none."""
    return None if bonus is None else {"daily": bonus.daily, "monthly": bonus.monthly, "until": bonus.until.isoformat()}


def _document(email: str, bonus: Bonus | None) -> dict[str, object]:
    return {"email": email, "bonus": bonus_document(bonus)}


def _words(bonus: Bonus) -> str:
    return f"{bonus.daily:,} prompts more a day and {bonus.monthly:,} more a month, until the end of {bonus.until}"
