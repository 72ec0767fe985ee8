"""The table for the README: what a newcomer asks first, of Smart Route and its peers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.answers import NAME_LET_THROUGH
from benchmarks.goals import dig, of_load, responses_x_chat, streams_per_100_mb
from benchmarks.tables import NONE, markdown, shown
from benchmarks.targets import GATEWAY, LITELLM, NGINX, PORTKEY

COLUMNS = (GATEWAY, NGINX, LITELLM, PORTKEY)
Cell = Callable[[dict[str, Any], str], str]


def readme_table(document: dict[str, Any]) -> str:
    """Return the table, and a line that says where and when."""
    machine = document["machine"]
    rows = [[title, *(cell(document, target) for target in COLUMNS)] for title, cell in ROWS]
    versions = document["versions"]
    heads = ["one worker each", *(f"{name} {versions.get(name, '')}".strip() for name in COLUMNS)]
    left_out = [
        f"— in {name}'s column: its callers got no answer under the load *{load['title']}* ({why})."
        for load in document.get("loads", {}).values()
        for name, why in load["left_out"].items()
    ]
    where = (
        f"{document['begun'][:10]}, {machine['cores']} cores shared by all, Python {machine['python']}, over loopback."
    )
    return "\n\n".join([markdown(heads, rows), *left_out, where])


def _figure(load: str, *keys: str) -> Cell:
    return lambda document, target: shown(of_load(load, *keys, target=target)(document))


def _two(load: str, timing: str, first: str, second: str) -> Cell:
    def cell(document: dict[str, Any], target: str) -> str:
        values = [of_load(load, "timings_ms", timing, key, target=target)(document) for key in (first, second)]
        return " / ".join(map(shown, values))

    return cell


def _naming(document: dict[str, Any], target: str) -> str:
    """How many of a target's answers hold a name of the upstream; nginx is not asked to hide it."""
    answers = document["answers"].get(target, 0)
    if target == NGINX or not answers:
        return NONE
    faults = document.get("lacked", {}).get(target, {})
    return f"{sum(count for fault, count in faults.items() if fault.endswith(NAME_LET_THROUGH)) / answers:.0%}"


def _part(part: str, *keys: str) -> Cell:
    return lambda document, target: shown(dig(document, part, target, *keys))


ROWS: tuple[tuple[str, Cell], ...] = (
    ("JSON, requests a second, x LiteLLM", _figure("json", "per_second_x_litellm", "median")),
    ("JSON, CPU of a request, µs", _figure("json", "cpu_us_least")),
    ("JSON at 40 a second, added p50 / p99, ms", _two("rate", "latency", "added_p50", "added_p99")),
    ("SSE burst, events a second, x LiteLLM", _figure("burst", "per_second_x_litellm", "median")),
    ("SSE at a model's pace, CPU of an event, µs", _figure("paced", "cpu_us_least")),
    ("SSE at a model's pace, delay of an event p50 / p99, ms", _two("paced", "delay", "p50", "p99")),
    ("Responses over chat, CPU of an event, x chat", lambda each, name: shown(responses_x_chat(each, "paced", name))),
    ("slow streams held per 100 MB", lambda each, name: shown(streams_per_100_mb(each, name))),
    ("idle memory, MB", _part("memory", "idle_mb")),
    ("cold start to the first answer, s", _part("cold_start_s")),
    ("installed, MB", _part("installed_mb")),
    ("answers that name the upstream's model, id or server", _naming),
)
