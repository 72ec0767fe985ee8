"""May this account send a prompt now? A ticket is the answer: its reserved usage-log row, to be closed once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from models import reservation
from models.calendar_windows import Calendar, Window
from models.quota import Limits, Standing
from models.reservation import Outcome, QuotaUsedUp, Reserved, TooManyOpen
from models.storage import Storage, StorageUnavailable
from service.process.worker import Worker

from .errors import QuotaExceeded, StorageTrouble, TooManyRequests
from .quota_headers import codex_headers

log = logging.getLogger("smartroute.admission")


class Ticket:
    """An admitted request. Whoever holds it closes it, on every path; closing twice changes nothing."""

    def __init__(self, storage: Storage, worker: Worker, account_id: int, reserved: Reserved) -> None:
        """Take over the open row."""
        self._storage = storage
        self._worker = worker
        self._account_id = account_id
        self._row_id = reserved.row_id
        self.is_closed = False
        self.is_marked = False
        self.standing = reserved.standing
        self.step = reserved.step

    def mark(self) -> None:
        """Record that the first output is about to leave: from now on the prompt counts, whatever happens.

        Raises:
            StorageTrouble: it could not be recorded, so the output must not leave.
        """
        if self.is_marked:
            return
        try:
            is_ours = reservation.mark(self._storage, self._row_id, account_id=self._account_id)
        except StorageUnavailable as error:
            raise StorageTrouble(detail=str(error)) from error
        if not is_ours:  # this worker stood still for so long that its rows were given back
            raise StorageTrouble(detail=f"usage row {self._row_id} was closed by a sweep")
        self.is_marked = True

    def settle(self, outcome: Outcome) -> None:
        """Close the row as counted."""
        self._close(lambda: self._settle(outcome))

    def settle_before_output(self, outcome: Outcome) -> None:
        """Close the row as counted, before the whole answer leaves.

        Raises:
            StorageTrouble: it could not be recorded, so the answer must not leave.
        """
        try:
            is_ours = self._settle(outcome)
        except StorageUnavailable as error:
            raise StorageTrouble(detail=str(error)) from error
        self.is_closed = True
        if not is_ours:
            raise StorageTrouble(detail=f"usage row {self._row_id} was closed by a sweep")

    def give_back(self, outcome: Outcome) -> None:
        """Close the row as not counted; a marked one counts all the same."""
        if self.is_marked:
            self.settle(outcome)
            return
        self._close(lambda: reservation.give_back(self._storage, self._account_id, self._row_id, outcome))

    def _settle(self, outcome: Outcome) -> bool:
        return reservation.settle(self._storage, self._row_id, outcome, account_id=self._account_id)

    def _close(self, closing: Callable[[], object]) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        try:
            closing()
        except StorageUnavailable as error:
            log.warning("usage row %d is closed later: %s", self._row_id, error)
            self._worker.finish_later(closing)


def admit(
    storage: Storage,
    worker: Worker,
    calendar: Calendar,
    request: reservation.Request,
    limits: Limits,
    plans_url: str,
    continuations: int,
) -> Ticket:
    """Reserve one prompt, or one of the ``continuations`` that a turn may have without counting.

    Raises:
        QuotaExceeded: a window has no prompt left.
        TooManyRequests: the plan allows no more of them at once.
        StorageTrouble: the decision could not be made.
    """
    try:
        decision = reservation.reserve(
            storage, request, limits, calendar, worker.owner_id(), continuations=continuations
        )
    except StorageUnavailable as error:
        raise StorageTrouble(detail=str(error)) from error
    if isinstance(decision, TooManyOpen):
        raise TooManyRequests(decision.allowed)
    if isinstance(decision, QuotaUsedUp):
        headers = codex_headers(decision.standing, request.endpoint)
        raise _quota_exceeded(decision.standing, calendar.zone, plans_url, headers)
    return Ticket(storage, worker, request.account_id, decision)


def _quota_exceeded(standing: Standing, zone: ZoneInfo, plans_url: str, more_headers: dict[str, str]) -> QuotaExceeded:
    used_up = []
    if standing.day_left == 0:
        used_up.append(("day", standing.windows.day))
    if standing.month_left == 0:
        used_up.append(("month", standing.windows.month))
    name, blocking = max(used_up, key=lambda window: window[1].end)
    seconds = max(1, int((blocking.end - standing.moment).total_seconds()) + 1)
    message = (
        f"Your prompts are used up: {_figure(standing.day_used, standing.limits.daily)} today, "
        f"{_figure(standing.month_used, standing.limits.monthly)} this month. The {name}'s quota resets at "
        f"{_in_zone(blocking, zone)}. Larger plans: {plans_url}"
    )
    resets_at = int(blocking.end.timestamp())
    return QuotaExceeded(message, resets_at=resets_at, retry_after=seconds, more_headers=more_headers)


def _figure(used: int, limit: int | None) -> str:
    return f"{used:,}" if limit is None else f"{used:,} of {limit:,}"


def _in_zone(window: Window, zone: ZoneInfo) -> str:
    end: datetime = window.end.astimezone(zone)
    return f"{end:%Y-%m-%d %H:%M} {zone.key}"
