"""The document of a run as text: the goals first, then a table for each load, ratios before absolute figures."""

from __future__ import annotations

from typing import Any

from benchmarks.goals import goal_rows, ratio, responses_x_chat, streams_per_100_mb
from benchmarks.report_closing import absent, generator, verdict
from benchmarks.tables import NONE, Row, shown, signed, spread, table

CLOSED = ("json", "prompts", "image", "burst")
TIMED = {
    "rate": {"latency": "latency"},
    "paced": {"first": "first event", "delay": "event delay"},
    "responses-paced": {"first": "first event", "delay": "event delay"},
}
TOGETHER = {"beside": {"alone": "alone", "beside": "beside"}}


def report(document: dict[str, Any]) -> str:
    """Return the whole text; parts that were not measured, or that a void run did not reach, are left out."""
    loads = document.get("loads", {})
    parts = [_head(document), table("The goals", GOAL_HEADS, list(goal_rows(document)))]
    for name, load in loads.items():
        if name in CLOSED:
            parts.append(_closed(load))
        if name in TIMED:
            parts.append(_timed(load, TIMED[name]))
        if name in ("paced", "responses-paced"):
            parts.append(_cpu(load))
        if name in TOGETHER:
            parts.append(_together(load, TOGETHER[name]))
        if name == "lock":
            parts.append(_lock(load))
        if name == "responses-burst":
            parts += [_closed(load), _translated(document)]
        if name == "workers":
            parts.append(_workers(load))
    if "held" in document:
        parts.append(_held(document))
    if "memory" in document:
        parts.append(_weights(document))
    parts += [_quota_check(name, rows) for name, rows in document.get("admission", {}).items()]
    parts += [generator(loads), absent(document), verdict(document)]
    return "\n\n".join(part for part in parts if part)


GOAL_HEADS = ["", "Smart Route", "floor", "goal", "stretch", "reached"]


def _head(document: dict[str, Any]) -> str:
    machine = document["machine"]
    programs = "; ".join(f"{name} {version}" for name, version in document.get("versions", {}).items())
    return (
        f"{document['begun']}: {machine['cores']} cores, {machine['memory_gib']:.0f} GiB, Python"
        f" {machine['python']}; {document['seconds']:.0f} s; other programs used"
        f" {document['neighbours_cores']:.1f} cores meanwhile.\n"
        f"{programs}\n"
        "Ratios are medians over rounds, quartiles in brackets; CPU is the least of all rounds; PSS counts shared pages"
        " once."
    )


def _closed(load: dict[str, Any]) -> str:
    unit = load["unit"]
    heads = [
        "target", f"{unit}s/s x LiteLLM", "x nginx", "CPU x nginx", "x LiteLLM", f"CPU us/{unit}", f"{unit}s/s",
    ]  # fmt: skip
    rows: list[Row] = [
        [
            name,
            spread(figures["per_second_x_litellm"]),
            spread(figures["per_second_x_nginx"]),
            shown(figures["cpu_x_nginx"]),
            shown(figures["cpu_x_litellm"]),
            shown(figures["cpu_us_least"]),
            shown(figures["per_second"]),
        ]
        for name, figures in load["targets"].items()
    ]
    return _with_missing(load, table(_title(load), heads, rows))


def _timed(load: dict[str, Any], names: dict[str, str]) -> str:
    heads = ["target"]
    for text in names.values():
        heads += [f"{text}: +p50 ms", "+p99 ms", "p50 ms", "p99 ms"]
    rows = []
    for name, figures in load["targets"].items():
        row = [name]
        for key in names:
            timing = figures["timings_ms"][key]
            row += [signed(timing.get("added_p50")), signed(timing.get("added_p99"))]
            row += [shown(timing["p50"]), shown(timing["p99"])]
        rows.append(row)
    return _with_missing(load, table(f"{_title(load)}; + is added over direct", heads, rows))


def _cpu(load: dict[str, Any]) -> str:
    rows = [
        [name, shown(figures["cpu_x_nginx"]), shown(figures["cpu_x_litellm"]), shown(figures["cpu_us_least"])]
        for name, figures in load["targets"].items()
    ]
    heads = ["target", "CPU x nginx", "x LiteLLM", "CPU us/event"]
    return table(f"{load['title']}: CPU", heads, rows)


def _translated(document: dict[str, Any]) -> str:
    names = document["loads"]["responses-burst"]["targets"]
    rows = [[name, *(shown(responses_x_chat(document, kind, name)) for kind in ("paced", "burst"))] for name in names]
    return table("CPU of an event of Responses x that of chat", ["target", "paced", "burst"], rows)


def _together(load: dict[str, Any], names: dict[str, str]) -> str:
    rows = []
    for name, figures in load["targets"].items():
        timings = [figures["timings_ms"][key] for key in names]
        rows.append([name, *(shown(timing[key]) for timing in timings for key in ("p50", "p99", "max"))])
    heads = ["target", *(head for text in names.values() for head in (f"{text}: p50 ms", "p99 ms", "max ms"))]
    return _with_missing(load, table(f"Event delay of {_title(load)}", heads, rows))


def _lock(load: dict[str, Any]) -> str:
    [timings] = [figures["timings_ms"] for figures in load["targets"].values()]
    rows = [
        [text, *(shown(timings[key][part]) for key in (name, f"{name} latency") for part in ("p50", "p99", "max"))]
        for name, text in (("free", "nobody"), ("locked", "another process"))
    ]
    heads = ["the lock is held by", "event delay: p50 ms", "p99 ms", "max ms", "request: p50 ms", "p99 ms", "max ms"]
    return table(f"Smart Route, {load['title']}", heads, rows)


def _workers(load: dict[str, Any]) -> str:
    _, one, *more = load["targets"]
    rows = []
    for name in (one, *more):
        figures, base = load["targets"][name], load["targets"][one]
        row = [ratio(figures[key], base[key]) for key in ("per_second", "cpu_us_least")]
        rows.append([name, *(shown(each) for each in (*row, figures["cpu_us_least"], figures["per_second"]))])
    heads = ["target", "requests/s x one's", "CPU x one's", "CPU us/request", "requests/s"]
    return table(_title(load), heads, rows)


def _held(document: dict[str, Any]) -> str:
    rows = []
    for name, figures in document["held"].items():
        if "failure" in figures:
            rows.append([f"{name}, {figures['streams']:,}: {figures['failure']}", *[NONE] * 7])
            continue
        first, delay = (figures["timings_ms"][key] for key in ("first", "delay"))
        times = [first["p50"], first["p99"], delay["p50"], delay["p99"], delay["max"]]
        fit = streams_per_100_mb(document, name)
        row = [f"{name}, {figures['streams']:,}", shown(fit), shown(figures["kb_per_stream"] / 10), *map(shown, times)]
        rows.append(row)
    title = next((each["title"] for each in document["held"].values() if "title" in each), "Slow streams held")
    heads = [
        "target, streams", "per 100 MB", "MB for 100", "first event: p50 ms", "p99 ms", "delay: p50 ms", "p99 ms",
        "max ms",
    ]  # fmt: skip
    return table(f"{title}; one worker", heads, rows)


def _weights(document: dict[str, Any]) -> str:
    starts, sizes = document.get("cold_start_s", {}), document.get("installed_mb", {})
    rows = [
        [name, *map(shown, (memory["idle_mb"], memory.get("loaded_mb"), starts.get(name), sizes.get(name)))]
        for name, memory in document["memory"].items()
    ]
    heads = ["target", "idle, MB PSS", "loaded, MB PSS", "cold start, s", "installed, MB"]
    return table("What each takes", heads, rows)


def _quota_check(database: str, figures: list[dict[str, Any]]) -> str:
    rows = [
        [
            f"{each['rows']:,}",
            *map(spread, (each["reserve_ratio"], each["settle_ratio"])),
            *map(shown, (each["reserve_us_least"], each["settle_us_least"])),
        ]
        for each in figures
    ]
    heads = ["rows of the account", "reserve x empty", "settle x empty", "reserve us", "settle us"]
    return table(f"Quota check (admission alone) on {database}", heads, rows)


def _title(load: dict[str, Any]) -> str:
    return f"{load['title']} ({load['rounds']} rounds)"


def _with_missing(load: dict[str, Any], text: str) -> str:
    notes = [f"  {name}: {NONE} its callers did not get the answer: {why}" for name, why in load["left_out"].items()]
    return "\n".join([text, *notes])
