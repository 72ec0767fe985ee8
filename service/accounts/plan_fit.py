"""Which plan the last 30 days of an account would have fitted."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from catalog.model import Plan
from service.reports.usage_report import first_day, report
from service.services import services

DAYS = 30


class Fit(Struct, frozen=True):
    """What was counted in the last 30 days, today among them, and the first plan whose quotas hold it."""

    busiest_day: int
    whole: int
    plan: Plan | None
    """None: no plan of the catalog has so much."""


def fit_of(account_id: int) -> Fit:
    """Read what the account used and look for its plan.

    Raises:
        StorageUnavailable: the database did not answer in time.
    """
    used = report(account_id, first_day(DAYS))
    busiest_day = max(sum(tally.counted for tally in day.by_alias.values()) for day in used.days)
    return Fit(
        busiest_day, used.whole.counted, first_that_fits(services().catalog.plans, busiest_day, used.whole.counted)
    )


def first_that_fits(plans: Sequence[Plan], busiest_day: int, whole: int) -> Plan | None:
    """Return the first plan, in the catalog's order, that has so many prompts a day and a month."""
    for plan in plans:
        if (plan.daily is None or busiest_day <= plan.daily) and (plan.monthly is None or whole <= plan.monthly):
            return plan
    return None
