"""The day and the month that an instant belongs to, in the service's time zone.

Windows are half-open, ``start <= t < end``, and given in UTC. A day has 23 or 25 hours where clocks
change; a midnight that clocks jump over begins with the jump.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct


class Window(Struct, frozen=True):
    """A span of time with a prompt limit: ``start <= t < end``, aware UTC."""

    start: datetime
    end: datetime

    def __contains__(self, moment: datetime) -> bool:
        """Tell whether an instant lies in the window."""
        return self.start <= moment < self.end


class Windows(Struct, frozen=True):
    """The day and the month around one instant, and the date of that day."""

    day: Window
    month: Window
    today: date


class Calendar:
    """Finds the windows of instants in one time zone; remembers the last answer, which is nearly always the next."""

    def __init__(self, zone: ZoneInfo) -> None:
        """Use ``zone`` for midnights and firsts of the month."""
        self.zone = zone
        self._last: Windows | None = None

    def at(self, moment: datetime) -> Windows:
        """Return the windows that contain an aware instant."""
        last = self._last
        if last is None or moment not in last.day:
            last = self._last = self._find(moment)
        return last

    def _find(self, moment: datetime) -> Windows:
        today = moment.astimezone(self.zone).date()
        first = today.replace(day=1)
        next_first = (first + timedelta(days=32)).replace(day=1)
        return Windows(
            day=Window(self._midnight(today), self._midnight(today + timedelta(days=1))),
            month=Window(self._midnight(first), self._midnight(next_first)),
            today=today,
        )

    def _midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC)
