"""What an operator asks of the list of requests in its address: a filter and a place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from blueprints.admin.not_understood import NotUnderstood
from models import usage_filter
from models import usage_log as log
from models.usage_filter import Wanted

OUTCOMES = {
    usage_filter.COUNTED: "Counted",
    usage_filter.GIVEN_BACK: "Given back",
    log.COMPLETED: "Completed",
    usage_filter.FAULT: "Failed or broken off",
    log.FAILED: "Failed",
    log.INTERRUPTED: "Broken off",
    log.CANCELLED: "Stopped by the client",
    usage_filter.ERROR: "Any error code",
    usage_filter.RUNNING: "Running",
}
KINDS = {log.PROMPT: "Prompts", log.CONTINUATION: "Continuations"}
FIELDS = ("account", "alias", "upstream", "outcome", "error", "kind", "from", "to")

_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_CODE = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(?P<time>[T ]\d{2}:\d{2}(:\d{2})?)?", re.ASCII)
_LONGEST_NAME = 128
_FIRST_YEAR, _LAST_YEAR = 1970, 9000  # so that a day may be added or taken away anywhere
_HOW_TO_WRITE_TIMES = "Write a time as 2026-11-22T14:30, or a day as 2026-11-22."


class Asked(Struct, frozen=True):
    """A filter as it was typed, and as the log knows it. The account is a number or an address, not looked up yet."""

    typed: dict[str, str]
    """Field -> text; those that are empty are left out."""
    wanted: Wanted
    account: str | int | None
    before: int | None
    after: int | None


def asked_of(query: Mapping[str, str], zone: ZoneInfo) -> Asked:
    """Read an address.

    Raises:
        NotUnderstood: a field holds what it cannot.
    """
    typed = {name: query[name].strip() for name in FIELDS if query.get(name, "").strip()}
    for name in ("account", "alias", "upstream"):
        if len(typed.get(name, "")) > 2 * _LONGEST_NAME or "\x00" in typed.get(name, ""):
            raise NotUnderstood(name, f"{name.capitalize()} is a name of at most {2 * _LONGEST_NAME} characters.")
    if typed.get("outcome", log.COMPLETED) not in OUTCOMES:
        raise NotUnderstood("outcome", "Choose an outcome from the list.")
    if typed.get("kind", log.PROMPT) not in KINDS:
        raise NotUnderstood("kind", "Choose a kind from the list.")
    if "error" in typed and not _CODE.fullmatch(typed["error"]):
        raise NotUnderstood("error", "An error code has small letters, digits and underscores: upstream_timeout.")
    since = _moment(typed, "from", zone, is_end=False)
    until = _moment(typed, "to", zone, is_end=True)
    typed |= {name: _typed(moment) for name, moment in (("from", since), ("to", until)) if moment is not None}
    if since is not None and until is not None and since >= until:
        raise NotUnderstood("to", "The end lies before the beginning.")
    wanted = Wanted(
        alias=typed.get("alias"),
        upstream=typed.get("upstream"),
        outcome=typed.get("outcome"),
        error_code=typed.get("error"),
        kind=typed.get("kind"),
        since=since,
        until=until,
    )
    account = typed.get("account")
    is_number = account is not None and _NUMBER.fullmatch(account)
    return Asked(
        typed,
        wanted,
        int(account) if account is not None and is_number else account,
        _place(query, "before"),
        _place(query, "after"),
    )


def _moment(typed: Mapping[str, str], field: str, zone: ZoneInfo, *, is_end: bool) -> datetime | None:
    text = typed.get(field)
    if text is None:
        return None
    found = _MOMENT.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        if found["time"] is None:
            text = (date.fromisoformat(text) + timedelta(days=is_end)).isoformat()
        moment = datetime.fromisoformat(text).replace(tzinfo=zone)
    except (ValueError, OverflowError):
        raise NotUnderstood(field, _HOW_TO_WRITE_TIMES) from None
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise NotUnderstood(field, _HOW_TO_WRITE_TIMES)
    return moment


def _typed(moment: datetime) -> str:
    """Return a moment as a field of a form takes it."""
    return moment.replace(tzinfo=None).isoformat(timespec="seconds" if moment.second else "minutes")


def _place(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise NotUnderstood(name, f"{name} is the number of a request, as the links below the list have it.")
    return int(text)
