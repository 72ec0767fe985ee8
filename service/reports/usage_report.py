"""What an account used over the last days: by day, by alias, and what went wrong."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from models.usage_days import used_since
from models.usage_tally import Tally
from service.services import services

HALF_A_DAY = timedelta(hours=12)
MERGED_AT_ONCE = 100


class Day(Struct, frozen=True):
    """One day of the service's time zone; aliases that were not used are not in it."""

    date: date
    by_alias: dict[str, Tally]

    @property
    def requests(self) -> int:
        """Requests by all aliases."""
        return sum(tally.requests for tally in self.by_alias.values())


class Report(Struct, frozen=True):
    """What one account used."""

    days: list[Day]
    """Oldest first, without gaps; the last one is today."""
    by_alias: dict[str, Tally]
    """Every alias that was used, weakest first; those that the catalog no longer has come last."""
    whole: Tally


def first_day(days: int) -> date:
    """Return the first of the last ``days`` days, today among them."""
    return today() - timedelta(days=days - 1)


def today() -> date:
    """Return the date in the service's time zone, by the database's clock."""
    house = services()
    return house.storage.read(house.storage.now).astimezone(house.calendar.zone).date()


def report(account_id: int, since: date) -> Report:
    """Add up what an account used from the day ``since`` on.

    Raises:
        StorageUnavailable: the database did not answer in time.
    """
    house = services()
    zone = house.calendar.zone
    last = max(since, today())
    dates = [since + timedelta(days=number) for number in range((last - since).days + 1)]
    days: dict[date, dict[str, Tally]] = {each: {} for each in dates}
    # Days that began under another time zone may begin half a day earlier and still be this one.
    earliest = midnight(since, zone) - HALF_A_DAY
    used_since_then = used_since(house.storage, account_id, earliest)
    for number, ((day_start, alias, _), tally) in enumerate(used_since_then.items(), start=1):
        # A row that was admitted while we looked may be of tomorrow; a clock that was set back leaves such rows too.
        day = min(local_date(day_start, zone), last)
        if day in days:
            days[day].setdefault(alias, Tally()).merge(tally)
        if number % MERGED_AT_ONCE == 0:
            time.sleep(0)  # other greenlets come first
    by_alias: dict[str, Tally] = {}
    for alias in _in_order({alias for used in days.values() for alias in used}):
        by_alias[alias] = Tally()
        for used in days.values():
            if alias in used:
                by_alias[alias].merge(used[alias])
    whole = Tally()
    for tally in by_alias.values():
        whole.merge(tally)
    return Report([Day(each, used) for each, used in days.items()], by_alias, whole)


def local_date(day_start: datetime, zone: ZoneInfo) -> date:
    """Return the date of a day that began at an instant, in whatever zone that was: its noon lies in no other day."""
    return (day_start + HALF_A_DAY).astimezone(zone).date()


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant at which a day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def _in_order(aliases: Iterable[str]) -> list[str]:
    strength = {profile.alias: profile.strength for profile in services().catalog.profiles}
    return sorted(aliases, key=lambda alias: (strength.get(alias, len(strength)), alias))
