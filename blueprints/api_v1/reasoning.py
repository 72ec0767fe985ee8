"""How deep a route shall think: the lower of what the client asks and what the profile allows."""

from __future__ import annotations

from catalog.model import REASONING_EFFORTS, Profile, Route


def effort_for(profile: Profile, route: Route, asked: object) -> str | None:
    """Return the effort to send to a route, or None to send none.

    The profile's is the ceiling; a client may ask for less. The route gets the nearest lower one that its
    model knows, or its lowest where all are higher.
    """
    if not route.reasoning_efforts:
        return None
    ceiling: str | None = profile.reasoning_effort
    if isinstance(asked, str) and asked in REASONING_EFFORTS:
        ceiling = asked if ceiling is None else min(asked, ceiling, key=_depth)
    if ceiling is None:
        return None
    known = sorted(route.reasoning_efforts, key=_depth)
    lower = [effort for effort in known if _depth(effort) <= _depth(ceiling)]
    return lower[-1] if lower else known[0]


def _depth(effort: str) -> int:
    return [str(known) for known in REASONING_EFFORTS].index(effort)
