"""What is deleted by age: single requests, totals of days, leftovers. Once a day by housekeeping, or by command."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from msgspec import Struct

from catalog.model import Retention
from models import leftovers, stored_response, stored_response_room, usage_pruning, usage_totals
from models.calendar_windows import Calendar
from models.storage import Storage

MARGIN = timedelta(days=2)
"""Before the running month and before this moment: another time zone may begin the month up to a day earlier."""


class Upkeep(Struct, frozen=True):
    """Deletes what is older than the catalog's ``[retention]`` says."""

    storage: Storage
    calendar: Calendar
    retention: Retention

    def go_round(self) -> Iterator[int]:
        """Delete what is over, one bounded portion after the other; the caller rests at each yield.

        Raises:
            StorageUnavailable: the rest waits for the next round.
        """
        log_days, totals_days = self.retention.usage_log_days, self.retention.usage_totals_days
        if log_days:
            yield from usage_pruning.prune_log(self.storage, self.cutoff(self.days_ago(log_days)))
        if log_days and totals_days:  # a search passes over days without totals: they go no sooner than the rows
            yield from usage_pruning.prune_totals(self.storage, self.cutoff(self.days_ago(max(totals_days, log_days))))
        while leftovers.forget_leftovers(self.storage) == leftovers.PORTION:
            yield leftovers.PORTION

    def make_room(self, *, everybody: bool = False) -> Iterator[int]:
        """Delete the oldest stored responses of accounts that have more than ``stored_responses_mb``.

        It looks at those for which this process stored much since the last time, or at ``everybody``.

        Raises:
            StorageUnavailable: the rest waits for the next time.
        """
        most = self.retention.stored_responses_mb * 1_000_000
        if not most:
            return
        if everybody:
            accounts = stored_response_room.accounts_with_responses(self.storage)
        else:
            accounts = stored_response_room.worth_a_look(self.storage, most)
        for account_id in accounts:
            beyond = stored_response_room.oldest_beyond(self.storage, account_id, most)
            while beyond is not None:
                gone = stored_response_room.forget_up_to(self.storage, account_id, beyond, stored_response.PORTION)
                yield gone
                if gone < stored_response.PORTION:
                    break

    def add_up(self) -> Iterator[int]:
        """Add up for the totals what waits: only rows that are in them may go."""
        yield from usage_totals.total_up(self.storage)

    def cutoff(self, wanted: date) -> datetime:
        """Return the instant before which rows may go: the day ``wanted``, but never of the running month."""
        now = self.storage.read(self.storage.now)
        month = self.calendar.at(now).month.start
        begins = datetime(wanted.year, wanted.month, wanted.day, tzinfo=self.calendar.zone)
        return min(begins, month - MARGIN, now - MARGIN)

    def days_ago(self, days: int) -> date:
        """Return the date so many days before today, in the service's time zone."""
        today = self.storage.read(self.storage.now).astimezone(self.calendar.zone).date()
        return today - timedelta(days=days)
