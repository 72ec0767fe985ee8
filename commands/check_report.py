"""How ``flask upstreams check`` tells what it found."""

from __future__ import annotations

import textwrap
from typing import Any

from commands.output import table

_HEADS = [
    "UPSTREAM", "MODEL", "DIALECT", "ANSWERS IN", "FIRST OUTPUT", "STREAM", "TOOLS", "EFFORT", "JSON", "CONTEXT",
    "VERDICT",
]  # fmt: skip
_YES_NO = {True: "yes", False: "no", None: "?"}
_WIDTH = 110


def text(told: dict[str, Any]) -> str:
    """Return a table of all routes, and below it what each of them says."""
    if told["demo"]:
        return "No upstream is configured: the built-in demo answers every alias, and there is nothing to check."
    rows = [_row(route) for route in told["routes"]]
    parts = [table(_HEADS, rows), *(_says(route) for route in told["routes"] if route["says"])]
    failing = sum(route["verdict"] == "fails" for route in told["routes"])
    count = len(told["routes"])
    verdict = "All of them can serve." if not failing else f"{failing} of {count} cannot serve."
    requests = told["requests"]
    parts.append(f"{count} {_plural(count, 'route')}, {requests} {_plural(requests, 'request')} sent. {verdict}")
    return "\n\n".join(parts)


def _row(route: dict[str, Any]) -> list[str]:
    first, window = route["first_output_ms"], route["context_length"]
    facts = ("streaming", "tools", "effort_accepted", "structured_output")
    stream, tools, takes_effort, json = (
        "-" if route["verdict"] == "fails" and route[fact] is None else _YES_NO[route[fact]] for fact in facts
    )
    return [
        route["upstream"],
        route["model"],
        route["dialect"],
        ", ".join(route["answers"]) or "-",
        "-" if first is None else f"{first:,} ms",
        stream,
        tools,
        "not sent" if route["effort"] is None else f"{route['effort']}: {takes_effort}",
        json,
        "-" if window is None else f"{window:,}",
        route["verdict"],
    ]


def _says(route: dict[str, Any]) -> str:
    lines = [
        textwrap.fill(said, _WIDTH, initial_indent="  - ", subsequent_indent="    ", break_long_words=False)
        for said in route["says"]
    ]
    return "\n".join([f"{route['upstream']}/{route['model']}: {route['verdict']}", *lines])


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"
