"""What an operator asks of the audit log in its address: a filter and a place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from blueprints.admin.not_understood import NotUnderstood
from models.audit_list import Place

FIELDS = ("actor", "subject", "action", "from", "to")

_LONGEST = 254
_PLACE = re.compile(r"([0-9]{1,17})-([0-9]{1,18})", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Asked(Struct, frozen=True):
    """A filter as it was typed; who and what are not looked up yet."""

    typed: dict[str, str]
    """Field -> text; those that are empty are left out."""
    since: datetime | None
    until: datetime | None
    before: Place | None
    after: Place | None


def typed_of(query: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of the filter that hold something."""
    return {name: query[name].strip()[:_LONGEST] for name in FIELDS if query.get(name, "").strip()}


def asked_of(query: Mapping[str, str], zone: ZoneInfo) -> Asked:
    """Read an address. ``from`` and ``to`` are days in ``zone``, both of them included.

    Raises:
        NotUnderstood: a field holds what it cannot.
    """
    typed = typed_of(query)
    since = _midnight(typed, "from", zone, days_later=0)
    until = _midnight(typed, "to", zone, days_later=1)
    if since is not None and until is not None and since >= until:
        raise NotUnderstood("to", "The last day lies before the first.")
    return Asked(typed, since, until, _place(query, "before"), _place(query, "after"))


def written(place: Place) -> str:
    """Return a place as it stands in an address."""
    return f"{(place.at - _EPOCH) // _MICROSECOND}-{place.id}"


def _midnight(typed: Mapping[str, str], field: str, zone: ZoneInfo, *, days_later: int) -> datetime | None:
    if field not in typed:
        return None
    try:
        day = date.fromisoformat(typed[field]) + timedelta(days=days_later)
        return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotUnderstood(field, "Write a day as 2026-11-22.") from None


def _place(query: Mapping[str, str], name: str) -> Place | None:
    text = query.get(name)
    if not text:
        return None
    found = _PLACE.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        return Place(_EPOCH + int(found[1]) * _MICROSECOND, int(found[2]))
    except (ValueError, OverflowError):
        raise NotUnderstood(name, "Follow the links below the list: this address leads nowhere in it.") from None
