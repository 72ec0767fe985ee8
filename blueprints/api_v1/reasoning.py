"""How deep a route shall think: the lower of what the client asks and what the profile allows."""

from __future__ import annotations

from catalog.model import REASONING_EFFORTS, Profile, Route

_DEPTH: dict[str, int] = {effort: place for place, effort in enumerate(REASONING_EFFORTS)}


def effort_for(profile: Profile, route: Route, asked: object) -> str | None:
    """Return the effort to send to a route, or None to send none.

    The profile's is the ceiling; a client may ask for less. The route gets the nearest lower one that its
    model knows, or its lowest where all are higher.
    """
    if not route.reasoning_efforts:
        return None
    ceiling: str | None = profile.reasoning_effort
    if isinstance(asked, str) and asked in _DEPTH:
        ceiling = asked if ceiling is None else min(asked, ceiling, key=_DEPTH.__getitem__)
    if ceiling is None:
        return None
    best: str = route.reasoning_efforts[0]  # the weakest
    for effort in route.reasoning_efforts:
        if _DEPTH[effort] <= _DEPTH[ceiling]:
            best = effort
    return best
