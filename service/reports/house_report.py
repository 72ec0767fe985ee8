"""What the whole house used over the last days or months, by alias, by upstream or by account."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Literal

from msgspec import Struct, field

from models.usage_house import (
    Freshness,
    HouseSum,
    Stretch,
    account_details,
    account_sums,
    addresses,
    house_details,
    house_sums,
)
from models.usage_sums import DAY, MONTH
from models.usage_tally import LoggedRow, Tally
from service.reports.usage_report import HALF_A_DAY, local_date, midnight, today
from service.services import services

By = Literal["alias", "upstream", "account"]

TOP_ACCOUNTS = 20
NO_UPSTREAM = "none reached"


class Span(Struct, frozen=True):
    """How far a report goes back, and in which steps."""

    name: str
    title: str
    length: str
    """``DAY`` or ``MONTH``."""
    count: int


SPANS = {
    each.name: each
    for each in (
        Span("30d", "30 days", DAY, 30),
        Span("90d", "90 days", DAY, 90),
        Span("12m", "12 months", MONTH, 12),
    )
}


class HouseReport(Struct):
    """What everybody used. Keys are aliases, upstreams, or addresses of accounts."""

    span: Span
    by: By
    dates: list[date]
    """The days, or the firsts of the months, oldest first."""
    by_date: dict[date, dict[str, Tally]] = field(default_factory=dict)
    """Sums without codes and times. Empty for accounts: their days are not told apart."""
    by_key: dict[str, Tally] = field(default_factory=dict)
    """Aliases and upstreams in the order of the catalog; accounts by the figure, the largest first."""
    account_ids: dict[str, int] = field(default_factory=dict)
    """Of the keys, where they are accounts."""
    other_accounts: int = 0
    whole: Tally = field(default_factory=Tally)
    as_of: datetime | None = None
    """Everything up to then is in the figures; None: they are complete."""


def errors(tally: Tally) -> int:
    """Return how many requests failed or broke off."""
    return tally.failed + tally.interrupted


def house_report(span: Span, by: By, figure: Callable[[Tally], float]) -> HouseReport:
    """Add up; of the accounts those are named for which ``figure`` is largest.

    Raises:
        StorageUnavailable: the database did not answer in time.
    """
    house = services()
    zone = house.calendar.zone
    dates = _dates(span, today())
    report = HouseReport(span, by, dates)
    first = midnight(dates[0], zone)
    stretch = Stretch(span.length, first - HALF_A_DAY, first)
    sums, freshness = house_sums(house.storage, stretch)
    report.as_of = freshness.as_of
    fresh = list(_fresh(freshness, span))
    known = set(dates)
    for each in (*house_details(house.storage, stretch), *fresh):
        if _date_of(each.start, span) >= dates[0]:
            report.whole.merge(each.tally)
            if by != "account":
                report.by_key.setdefault(_key(by, each), Tally()).merge(each.tally)
    if by == "account":
        _add_accounts(report, stretch, freshness, figure)
        return report
    for each in (*sums, *fresh):
        # A clock that was set back leaves rows of days to come.
        at = min(_date_of(each.start, span), dates[-1])
        if at in known:
            report.by_date.setdefault(at, {}).setdefault(_key(by, each), Tally()).merge_sums(each.tally)
    report.by_key = {key: report.by_key[key] for key in _in_order(by, report.by_key)}
    return report


def _key(by: By, each: HouseSum) -> str:
    return each.alias if by == "alias" else each.upstream or NO_UPSTREAM


def _fresh(freshness: Freshness, span: Span) -> Iterator[HouseSum]:
    """Add the rows up that are in no total yet."""
    found: dict[tuple[datetime, str, str], Tally] = {}
    for each in freshness.rows:
        row = each.row
        key = (_start_of(row, span), row.alias_served, row.upstream or "")
        found.setdefault(key, Tally()).add(row)
    return (HouseSum(*key, tally) for key, tally in found.items())


def _add_accounts(
    report: HouseReport, stretch: Stretch, freshness: Freshness, figure: Callable[[Tally], float]
) -> None:
    storage = services().storage
    sums = account_sums(storage, stretch)
    fresh: dict[int, Tally] = {}
    for each in freshness.rows:
        if _date_of(_start_of(each.row, report.span), report.span) >= report.dates[0]:
            fresh.setdefault(each.account_id, Tally()).add(each.row)
    for account_id, tally in fresh.items():
        sums.setdefault(account_id, Tally()).merge(tally)
    top = sorted(sums, key=lambda account_id: (-figure(sums[account_id]), account_id))[:TOP_ACCOUNTS]
    details = {account_id: fresh.get(account_id, Tally()) for account_id in top}
    for one in account_details(storage, stretch, top):
        details[one.account_id].merge(one.tally)
    emails = addresses(storage, top)
    for account_id, tally in details.items():
        key = emails.get(account_id, f"deleted (number {account_id})")
        report.by_key[key] = tally
        report.account_ids[key] = account_id
    report.other_accounts = len(sums) - len(top)


def _dates(span: Span, last: date) -> list[date]:
    if span.length == DAY:
        return [last - timedelta(days=back) for back in range(span.count)][::-1]
    months = [last.year * 12 + last.month - 1 - back for back in range(span.count)][::-1]
    return [date(month // 12, month % 12 + 1, 1) for month in months]


def _date_of(start: datetime, span: Span) -> date:
    day = local_date(start, services().calendar.zone)
    return day if span.length == DAY else day.replace(day=1)


def _start_of(row: LoggedRow, span: Span) -> datetime:
    return row.day_start if span.length == DAY else row.month_start


def _in_order(by: By, keys: Iterable[str]) -> list[str]:
    profiles = services().catalog.profiles
    names = [each.alias for each in profiles] if by == "alias" else [each.name for each in services().catalog.upstreams]
    place = {name: number for number, name in enumerate(names)}
    return sorted(keys, key=lambda key: (place.get(key, len(place)), key))
