"""Can a route do what a request needs? Sources of the rules: docs/routing.md, "Eligible"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from catalog.model import Route

from .features import Features

WhyNot = Literal["context_length", "modality", "tools", "structured_output"]

# The estimate of tokens may be off by so much: a prompt is refused only beyond it.
TOLERANCE = 1.25


def eligible(routes: Sequence[Route], features: Features) -> dict[int, WhyNot]:
    """Return why routes cannot take a request, by their place in ``routes``; what is not in there can.

    Where no route's window holds the estimated prompt, the widest ones stand in while the estimate may still be
    wrong: the upstream then has the last word.
    """
    unfit: dict[int, WhyNot] = {}
    for place, route in enumerate(routes):
        why = _cannot(route, features)
        if why is not None:
            unfit[place] = why
    if len(unfit) == len(routes):
        too_narrow = [place for place, why in unfit.items() if why == "context_length"]
        widest = max((routes[place].context_length or 0 for place in too_narrow), default=0)
        if features.prompt_tokens <= widest * TOLERANCE:
            for place in too_narrow:
                if routes[place].context_length == widest:
                    del unfit[place]
    return unfit


def _cannot(route: Route, features: Features) -> WhyNot | None:
    if not features.modalities.issubset(route.input):
        return "modality"
    if features.tools and not route.tools:
        return "tools"
    if features.structured_output and not route.structured_output:
        return "structured_output"
    if route.context_length is not None and features.prompt_tokens > route.context_length:
        return "context_length"
    return None
