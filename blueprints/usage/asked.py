"""What a visitor of the usage page asks for in the address: a span of days, a page of requests, a filter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta

from msgspec import Struct

from blueprints.usage.words import STATUSES
from models import usage_log as log
from models.usage_rows import Wanted

USUAL_DAYS = 30
MOST_DAYS = 366
LONGEST_ALIAS = 128

_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)


class NotUnderstood(Exception):
    """The address asks for something that there is not; the text says what would do."""


class AskedPage(Struct, frozen=True):
    """Which requests the page lists."""

    before: int | None
    after: int | None
    status: str
    """Empty: all."""
    alias: str
    """Empty: all."""

    @property
    def wanted(self) -> Wanted:
        """The filter as the log knows it."""
        statuses = (log.OPEN, log.STARTED) if self.status == log.OPEN else (self.status,)
        return Wanted(statuses if self.status else None, self.alias or None)

    @property
    def is_filtered(self) -> bool:
        """Tell whether not all requests are wanted."""
        return bool(self.status or self.alias)


def first_day_of(text: str | None, today: date) -> date:
    """Return the day that ``since`` means: a date such as 2026-11-01, or a number of days such as 30d.

    Raises:
        NotUnderstood: it is neither, or too long ago, or to come.
    """
    earliest = today - timedelta(days=MOST_DAYS - 1)
    since = today - timedelta(days=USUAL_DAYS - 1) if not text else _date_of(text, today)
    if since is None:
        raise NotUnderstood("since is a date such as 2026-11-01, or a number of days such as 30d.")
    if since > today:
        raise NotUnderstood(f"since is a day to come. Today is {today}.")
    if since < earliest:
        raise NotUnderstood(f"since goes back {MOST_DAYS} days at most: to {earliest}.")
    return since


def page_of(query: Mapping[str, str]) -> AskedPage:
    """Return which requests to list.

    Raises:
        NotUnderstood: a place or a status is none.
    """
    status = query.get("status", "")
    if status and status not in STATUSES:
        raise NotUnderstood(f"status is one of {', '.join(STATUSES)}.")
    alias = query.get("alias", "")
    if len(alias) > LONGEST_ALIAS:
        raise NotUnderstood("alias is the name of a model.")
    return AskedPage(_place(query, "before"), _place(query, "after"), status, alias)


def _place(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise NotUnderstood(f"{name} is the number of a request, as the links below the list have it.")
    return int(text)


def _date_of(text: str, today: date) -> date | None:
    days = re.fullmatch(r"([1-9][0-9]{0,3})d", text, re.ASCII)
    if days:
        return today - timedelta(days=int(days[1]) - 1)
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
