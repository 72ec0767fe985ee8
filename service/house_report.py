"""What the whole house used over the last days or months, by alias, by upstream or by account."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

from models.usage_house import Freshness, HouseSum, account_details, account_sums, addresses, house_sums
from models.usage_sums import DAY, MONTH
from models.usage_tally import LoggedRow, Tally
from service.services import services
from service.usage_report import HALF_A_DAY, local_date, midnight, today

By = Literal["alias", "upstream", "account"]

TOP_ACCOUNTS = 20
NO_UPSTREAM = "none reached"


@dataclass(frozen=True, slots=True)
class Span:
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


@dataclass(slots=True)
class HouseReport:
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
    since = midnight(dates[0], zone) - HALF_A_DAY
    sums, freshness = house_sums(house.storage, span.length, since)
    report.as_of = freshness.as_of
    known = set(dates)
    for start, alias, upstream, tally in (*_summed(sums), *_fresh(freshness, span)):
        # A clock that was set back leaves rows of days to come.
        at = min(_date_of(start, span), dates[-1])
        if at in known:
            key = alias if by == "alias" else upstream or NO_UPSTREAM
            report.by_key.setdefault(key, Tally()).merge(tally)
            report.by_date.setdefault(at, {}).setdefault(key, Tally()).merge_sums(tally)
    for tally in report.by_key.values():
        report.whole.merge(tally)
    if by == "account":
        report.by_key, report.by_date = {}, {}
        _add_accounts(report, since, freshness, figure)
    else:
        report.by_key = {key: report.by_key[key] for key in _in_order(by, report.by_key)}
    return report


def _summed(sums: Iterable[HouseSum]) -> Iterator[tuple[datetime, str, str, Tally]]:
    return ((each.start, each.alias, each.upstream, each.tally) for each in sums)


def _fresh(freshness: Freshness, span: Span) -> Iterator[tuple[datetime, str, str, Tally]]:
    """Add the rows up that are in no total yet."""
    found: dict[tuple[datetime, str, str], Tally] = {}
    for each in freshness.rows:
        row = each.row
        key = (_start_of(row, span), row.alias_served, row.upstream or "")
        found.setdefault(key, Tally()).add(row)
    return ((*key, tally) for key, tally in found.items())


def _add_accounts(report: HouseReport, since: datetime, freshness: Freshness, figure: Callable[[Tally], float]) -> None:
    storage, length = services().storage, report.span.length
    sums = account_sums(storage, length, since)
    fresh: dict[int, Tally] = {}
    for each in freshness.rows:
        if _date_of(_start_of(each.row, report.span), report.span) >= report.dates[0]:
            fresh.setdefault(each.account_id, Tally()).add(each.row)
    for account_id, tally in fresh.items():
        sums.setdefault(account_id, Tally()).merge(tally)
    top = sorted(sums, key=lambda account_id: (-figure(sums[account_id]), account_id))[:TOP_ACCOUNTS]
    details = account_details(storage, length, since, top)
    emails = addresses(storage, top)
    for account_id in top:
        whole = details.get(account_id, Tally())
        whole.merge(fresh.get(account_id, Tally()))
        key = emails.get(account_id, f"deleted (number {account_id})")
        report.by_key[key] = whole
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
