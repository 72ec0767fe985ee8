"""What all accounts used since a day, by account, alias or upstream: ``flask usage report``.

It is read account by account, totals first and then the rows that are not in them yet, so each account's
figures are exact at one moment and nobody is held up.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

from msgspec import Struct

from models.account_names import names
from models.usage_by_alias import used_by_alias
from models.usage_tally import Tally
from service.process.not_ready import NotReady
from service.reports import usage_report
from service.services import services

By = Literal["account", "alias", "upstream"]
USUAL_DAYS = 30
MOST_DAYS, MOST_DIGITS = 36_500, 9


class UsageOfAll(Struct, frozen=True):
    """Figures by name, the most requests first: address, alias or upstream ("": none was reached)."""

    since: date
    until: date
    """Today, in the service's time zone."""
    rows: dict[str, Tally]
    whole: Tally


def first_day(text: str | None) -> date:
    """Return the day that ``text`` means: a date, or a number of days with today among them, such as 30d.

    Raises:
        NotReady: it means none, or one to come.
    """
    today = usage_report.today()
    if text is None:
        return today - timedelta(days=USUAL_DAYS - 1)
    day = day_of(text, today, counting_today=True)
    if day > today:
        raise NotReady(f"{day} is a day to come. Today is {today}.")
    return day


def day_of(text: str, today: date, *, counting_today: bool = False) -> date:
    """Return the day that a date, or a number of days such as 400d, means.

    Raises:
        NotReady: it means none.
    """
    number = text.removesuffix("d")
    is_number = number != text and number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS
    if is_number and 0 < int(number) <= MOST_DAYS:
        return today - timedelta(days=int(number) - counting_today)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.year < 1970:
        raise NotReady(f"{text[:40]!r} is neither a date such as 2026-11-01 nor a number of days such as 30d.")
    return day


def usage_of_all(since: date, by: By) -> UsageOfAll:
    """Add up what all accounts used from a day on.

    Raises:
        StorageUnavailable: the database did not answer in time.
    """
    house = services()
    zone = house.calendar.zone
    until = max(since, usage_report.today())
    # A day is that on which its noon falls, under whatever time zone it began.
    earliest = usage_report.midnight(since, zone) - usage_report.HALF_A_DAY
    found: dict[str, Tally] = {}
    whole = Tally()
    for account_id, name in house.storage.read_session(names).items():
        for (alias, upstream), tally in used_by_alias(house.storage, account_id, earliest).items():
            key = {"account": name, "alias": alias, "upstream": upstream}[by]
            found.setdefault(key, Tally()).merge(tally)
            whole.merge(tally)
    rows = dict(sorted(found.items(), key=lambda each: (-each[1].requests, each[0])))
    return UsageOfAll(since, until, rows, whole)
