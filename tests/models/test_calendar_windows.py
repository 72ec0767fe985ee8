"""Days and months in every time zone there is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.calendar_windows import Calendar, Window

ZONES = sorted(available_timezones() - {"localtime"})
moments = st.datetimes(datetime(2015, 1, 1), datetime(2037, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC))


@settings(max_examples=300, deadline=None)
@given(moment=moments, zone=st.sampled_from(ZONES))
def test_every_instant_lies_in_one_day_of_one_month_and_days_join(moment: datetime, zone: str) -> None:
    calendar = Calendar(ZoneInfo(zone))
    windows = calendar.at(moment)
    assert moment in windows.day
    assert windows.month.start <= windows.day.start < windows.day.end <= windows.month.end
    assert calendar.at(windows.day.end).day.start == windows.day.end
    assert calendar.at(windows.month.end).month.start == windows.month.end
    assert calendar.at(windows.day.start - timedelta(microseconds=1)).day.end == windows.day.start


def test_window_holds_its_start_and_not_its_end() -> None:
    window = Window(datetime(2026, 3, 10, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC))
    assert window.start in window
    assert window.end not in window


@pytest.mark.parametrize(
    ("zone", "moment", "start", "end"),
    [
        ("UTC", (2026, 12, 31, 23), (2026, 12, 31, 0), (2027, 1, 1, 0)),
        ("Europe/Berlin", (2026, 3, 29, 12), (2026, 3, 28, 23), (2026, 3, 29, 22)),  # 23 hours
        ("Europe/Berlin", (2026, 10, 25, 12), (2026, 10, 24, 22), (2026, 10, 25, 23)),  # 25 hours
        ("Asia/Beirut", (2026, 3, 29, 12), (2026, 3, 28, 22), (2026, 3, 29, 21)),  # midnight itself is jumped over
    ],
)
def test_day_in_a_zone(zone: str, moment: tuple[int, ...], start: tuple[int, ...], end: tuple[int, ...]) -> None:
    day = Calendar(ZoneInfo(zone)).at(datetime(*moment, tzinfo=UTC)).day  # type: ignore[misc, arg-type]
    assert day == Window(datetime(*start, tzinfo=UTC), datetime(*end, tzinfo=UTC))  # type: ignore[misc, arg-type]
