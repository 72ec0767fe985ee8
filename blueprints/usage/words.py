"""What became of a request, what was counted and why, and times, in words for its owner."""

from __future__ import annotations

from datetime import date

from models import usage_log as log
from models.usage_rows import UsedRequest

STATUSES = {
    log.COMPLETED: "Completed",
    log.INTERRUPTED: "Cut off",
    log.CANCELLED: "Stopped by the client",
    log.FAILED: "Failed",
    log.OPEN: "Under way",
}
"""The statuses that a reader may ask for; ``started`` is shown as ``open``."""


def outcome(request: UsedRequest) -> str:
    """Return what became of a request."""
    return STATUSES[log.OPEN if request.status == log.STARTED else request.status]


def counted(request: UsedRequest) -> str:
    """Return whether a request counts, and why."""
    if request.status in (log.OPEN, log.STARTED):
        return "counted for now: it is under way" if request.counted else "not counted: continuation of a tool call"
    if request.reason == log.GIVEN_BACK:
        return "not counted: no output"
    if request.reason == log.CONTINUED:
        return "not counted: continuation of a tool call"
    if request.status == log.COMPLETED:
        return "counted: it was answered"
    return "counted: output was sent"


def duration(milliseconds: int | None) -> str:
    """Return a time as it is read: 420 ms, 1.9 s, 2 min 5 s; nothing known is a dash."""
    if milliseconds is None:
        return "—"
    if milliseconds < 1_000:
        return f"{milliseconds} ms"
    if milliseconds < 59_950:
        return f"{milliseconds / 1_000:.1f} s"
    minutes, seconds = divmod(round(milliseconds / 1_000), 60)
    return f"{minutes:,} min {seconds} s" if seconds else f"{minutes:,} min"


def rounded(number: int) -> str:
    """Return a large number by its first three digits: 999, 12.3 k, 4.56 M, 1,200 G."""
    if number < 1_000:
        return str(number)
    for power, unit in ((3, "k"), (6, "M"), (9, "G")):
        value = number / 10**power
        if value < 999.5 or unit == "G":
            break
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:,.{digits}f} {unit}"


def short_date(day: date) -> str:
    """Return a date without its year: 22 Nov."""
    return f"{day.day} {day:%b}"


def long_date(day: date) -> str:
    """Return a date with its weekday: Sunday 22 November."""
    return f"{day:%A} {day.day} {day:%B}"
