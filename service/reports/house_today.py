"""The house at a glance: what today was used, what runs, who there is."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from models.account_numbers import count_living
from models.usage_house import Stretch, house_sums
from models.usage_running import running
from models.usage_sums import DAY
from models.usage_tally import Tally
from service.services import services


class HouseToday(Struct, frozen=True):
    """Figures of the running day."""

    day_start: datetime
    used: Tally
    """Sums without codes and times."""
    as_of: datetime | None
    """Everything up to then is in the figures; None: they are complete."""
    running: int
    streaming: int
    """Of those that run, how many have had output."""
    accounts: int
    suspended: int
    """Of the accounts."""


def house_today() -> HouseToday:
    """Look.

    Raises:
        StorageUnavailable: the database did not answer in time.
    """
    house = services()
    storage = house.storage
    day = house.calendar.at(storage.read(storage.now)).day.start
    sums, freshness = house_sums(storage, Stretch(DAY, day, day))
    used = Tally()
    for each in sums:
        used.merge_sums(each.tally)
    for fresh in freshness.rows:
        if fresh.row.day_start >= day:
            used.add(fresh.row)
    waiting, streaming = running(storage)
    accounts, suspended = count_living(storage)
    return HouseToday(day, used, freshness.as_of, waiting + streaming, streaming, accounts, suspended)
