"""Times, large numbers and dates as people read them, and the round numbers that a chart's lines stand for."""

from __future__ import annotations

from datetime import date

GRID_LINES = 4  # of a chart, at most, above the baseline


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


def scale(most: int) -> tuple[int, int]:
    """Return the distance of a chart's lines and the value of the top one: round, the top at or above ``most``."""
    step = 1
    while step * GRID_LINES < most:
        # 1, 2, 5, 10, 20, 50 …
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return step, max(step, -(-most // step) * step)
