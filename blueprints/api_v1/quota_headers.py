"""What a successful answer says of the quota, in its headers and in ``GET usage``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from models.calendar_windows import Window
from models.quota import Standing


def quota_headers(standing: Standing, endpoint: str = "") -> dict[str, str]:
    """Return the headers: OpenAI's names for the window with fewer prompts left, ours for both.

    ``x-ratelimit-reset-requests`` is a duration such as ``5h2m1s``; ours are Unix seconds. Below ``responses``
    the names are added that Codex looks for.
    """
    headers: dict[str, str] = {}
    day_left, month_left = standing.day_left, standing.month_left
    if day_left is not None and (month_left is None or day_left <= month_left):
        headers |= _openai(standing.limits.daily, day_left, standing.windows.day, standing.moment)
    elif month_left is not None:
        headers |= _openai(standing.limits.monthly, month_left, standing.windows.month, standing.moment)
    for name, limit, left, window in (
        ("day", standing.limits.daily, day_left, standing.windows.day),
        ("month", standing.limits.monthly, month_left, standing.windows.month),
    ):
        if limit is not None:
            headers[f"x-smartroute-{name}-limit"] = str(limit)
            headers[f"x-smartroute-{name}-remaining"] = str(left)
            headers[f"x-smartroute-{name}-reset"] = str(int(window.end.timestamp()))
    return headers | codex_headers(standing, endpoint)


def codex_headers(standing: Standing, endpoint: str) -> dict[str, str]:
    """Return what Codex shows to its user: primary is the day, secondary the month; none for an unlimited window.

    Percents are numbers such as ``12.5``, lengths whole minutes, resets Unix seconds. Names as in the public
    source of Codex CLI.
    """
    if not endpoint.startswith("responses"):
        return {}
    headers: dict[str, str] = {}
    for name, limit, used, window in (
        ("primary", standing.limits.daily, standing.day_used, standing.windows.day),
        ("secondary", standing.limits.monthly, standing.month_used, standing.windows.month),
    ):
        if limit is not None:
            minutes = int((window.end - window.start).total_seconds()) // 60
            headers[f"x-codex-{name}-used-percent"] = f"{_percent(used, limit):g}"
            headers[f"x-codex-{name}-window-minutes"] = str(minutes)
            headers[f"x-codex-{name}-reset-at"] = str(int(window.end.timestamp()))
    return headers


def window_report(limit: int | None, used: int, left: int | None, window: Window) -> dict[str, Any]:
    """Return one window as ``GET usage`` shows it; ``limit`` and ``left`` are null when unlimited."""
    return {
        "limit": limit,
        "used": used,
        "left": left,
        "resets_at": int(window.end.timestamp()),
        "resets_at_iso": window.end.isoformat(),
    }


def duration(seconds: float) -> str:
    """Write a duration as OpenAI does: ``1s``, ``6m0s``, ``5h2m1s``."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, seconds_left = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds_left}s"
    return f"{minutes}m{seconds_left}s" if minutes else f"{seconds_left}s"


def _percent(used: int, limit: int) -> float:
    """Return how much of a window is used up; 100 is reached only when nothing is left."""
    if used >= limit:
        return 100.0
    return min(round(100 * used / limit, 1), 99.9)


def _openai(limit: int | None, left: int, window: Window, moment: datetime) -> dict[str, str]:
    return {
        "x-ratelimit-limit-requests": str(limit),
        "x-ratelimit-remaining-requests": str(left),
        "x-ratelimit-reset-requests": duration((window.end - moment).total_seconds()),
    }
