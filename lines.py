"""The line of each alias: the number of its colour and the letter in its ring, the same on every page and chart."""

from __future__ import annotations

from functools import lru_cache

# The colours stand in static/styles/00-tokens.css: those of the shipped aliases, then further ones.
COLOURS = 12
_SHIPPED = {
    "smart-route-mini": (0, "m"),
    "smart-route": (1, "s"),
    "smart-route-focus": (2, "f"),
    "smart-route-deep": (3, "d"),
    "smart-route-ultra": (4, "u"),
    "smart-route-turbo": (5, "t"),
    "smart-route-infinite": (6, "∞"),
}


@lru_cache(maxsize=8)
def line_colours(aliases: tuple[str, ...]) -> dict[str, int]:
    """Return the colour of each alias: shipped ones keep theirs, others take the next free one, round and round.

    Args:
        aliases: all of the catalog, in its order.
    """
    colours = {alias: _SHIPPED[alias][0] for alias in aliases if alias in _SHIPPED}
    free = [number for number in range(COLOURS) if number not in colours.values()]
    others = [alias for alias in aliases if alias not in _SHIPPED]
    for place, alias in enumerate(others):
        colours[alias] = free[place % len(free)]
    return colours


@lru_cache(maxsize=8)
def line_letters(aliases: tuple[str, ...]) -> dict[str, str]:
    """Return the letter of each alias: for others than shipped ones the first of its last word that is free."""
    letters = {alias: _SHIPPED[alias][1] for alias in aliases if alias in _SHIPPED}
    for alias in aliases:
        if alias not in letters:
            word = [character for character in alias.rpartition("-")[2] or alias if character.isalnum()]
            taken = set(letters.values())
            letters[alias] = next((letter for letter in word if letter not in taken), word[0] if word else "·")
    return letters
