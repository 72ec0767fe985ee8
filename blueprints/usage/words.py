"""What became of a request, what was counted and why, and times, in words for its owner."""

from __future__ import annotations

from models import usage_log as log
from models.usage_rows import UsedRequest
from readable import duration as duration
from readable import long_date as long_date
from readable import rounded as rounded
from readable import short_date as short_date

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
    status = log.OPEN if request.status == log.STARTED else request.status
    return STATUSES.get(status, "Ended")  # another program may have put the row in, under a word of its own


def counted(request: UsedRequest) -> str:
    """Return whether a request counts, and why."""
    if request.status in (log.OPEN, log.STARTED):
        return "counted for now: it is under way" if request.counted else "not counted: continuation of a tool call"
    if request.reason == log.GIVEN_BACK:
        return "not counted: no output"
    if request.reason == log.CONTINUED:
        return "not counted: continuation of a tool call"
    if not request.counted:
        return "not counted"
    if request.status == log.COMPLETED:
        return "counted: it was answered"
    return "counted: output was sent"
