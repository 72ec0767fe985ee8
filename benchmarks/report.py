"""The document of a run as tables, ratios first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = Sequence[str]


def report(document: dict[str, Any]) -> str:
    """Return the whole text; parts that a void run did not reach are left out."""
    loads = document.get("loads", {})
    parts = [_head(document)]
    if "json" in loads:
        parts.append(_closed(loads["json"], "request"))
    if "rate" in loads:
        parts.append(_timed(loads["rate"], {"latency": "latency"}))
    if "paced" in loads:
        names = {"first": "first event", "delay": "event delay"}
        parts += [_timed(loads["paced"], names), _cpu(loads["paced"], "event")]
    if "burst" in loads:
        parts.append(_closed(loads["burst"], "event"))
    if "memory" in document:
        parts.append(_memory(document))
    parts += [_admission(name, rows) for name, rows in document.get("admission", {}).items()]
    if "books" in document:
        parts.append(_generator(loads))
    parts.append(_verdict(document))
    return "\n\n".join(parts)


def _head(document: dict[str, Any]) -> str:
    machine = document["machine"]
    return (
        f"{document['begun']}: {machine['cores']} cores, {machine['memory_gib']:.0f} GiB, Python"
        f" {machine['python']}; {document['seconds']:.0f} s; other programs used"
        f" {document['neighbours_cores']:.1f} cores meanwhile.\n"
        "Ratios (x nginx) are medians over rounds, quartiles in brackets; CPU is the least of all rounds."
    )


def _closed(load: dict[str, Any], unit: str) -> str:
    heads = ["target", f"{unit}s/s x nginx", "CPU x nginx", f"CPU us/{unit}", f"{unit}s/s"]
    rows = [
        [
            name,
            _ratio(figures["per_second_ratio"]),
            f"{figures['cpu_ratio']:.2f}",
            f"{figures['cpu_us_least']:.1f}",
            f"{figures['per_second']:,.0f}",
        ]
        for name, figures in load["targets"].items()
    ]
    return table(_title(load), heads, rows)


def _timed(load: dict[str, Any], names: dict[str, str]) -> str:
    heads = ["target"]
    for shown in names.values():
        heads += [f"{shown}: +p50 ms", "+p99 ms", "p50 ms", "p99 ms"]
    rows = []
    for name, figures in load["targets"].items():
        row = [name]
        for key in names:
            timing = figures["timings_ms"][key]
            row += [f"{timing['added_p50']:+.2f}", f"{timing['added_p99']:+.2f}"]
            row += [f"{timing['p50']:.2f}", f"{timing['p99']:.2f}"]
        rows.append(row)
    return table(f"{_title(load)}; + is added over direct", heads, rows)


def _cpu(load: dict[str, Any], unit: str) -> str:
    rows = [
        [name, f"{figures['cpu_ratio']:.2f}", f"{figures['cpu_us_least']:.1f}"]
        for name, figures in load["targets"].items()
    ]
    return table(f"{load['title']}: CPU", ["target", "CPU x nginx", f"CPU us/{unit}"], rows)


def _memory(document: dict[str, Any]) -> str:
    rows = [
        [name, *(f"{memory[key]:.1f}" for key in ("idle_mb", "loaded_mb", "per_100_streams_mb") if key in memory)]
        for name, memory in document["memory"].items()
    ]
    streams = document["size"]["streams_held"]
    heads = ["target", "idle", "after the loads", f"per 100 of {streams} slow streams"]
    return table("Memory, MB PSS, master and one worker", heads, rows)


def _admission(database: str, figures: list[dict[str, Any]]) -> str:
    rows = [
        [
            f"{each['rows']:,}",
            _ratio(each["reserve_ratio"]),
            _ratio(each["settle_ratio"]),
            f"{each['reserve_us_least']:.0f}",
            f"{each['settle_us_least']:.0f}",
        ]
        for each in figures
    ]
    heads = ["rows of the account", "reserve x empty", "settle x empty", "reserve us", "settle us"]
    return table(f"Admission alone on {database}", heads, rows)


def _generator(loads: dict[str, Any]) -> str:
    rows = []
    for key, unit in (("json", "request"), ("burst", "event")):
        for name, figures in loads[key]["targets"].items():
            own_us = figures["generator_cpu_us_least"]
            row = [f"{key}, {name}", f"{figures['generator_share']:.0%}", f"{own_us:.2f}"]
            rows.append([*row, unit, f"{1e6 / own_us:,.0f}", f"{1e6 / own_us / figures['per_second']:.1f}"])
    heads = ["load", "share of a core", "CPU us", "for each", "its ceiling, 1/s", "ceiling x what was served"]
    return table("The load generator itself", heads, rows)


def _verdict(document: dict[str, Any]) -> str:
    lines = [f"Answers read: {document['answers']}"]
    if "books" in document:
        lines.append(f"The gateway's books: {document['books']}")
    if document["wrong"]:
        lines += [f"WRONG: {what}: {count}" for what, count in sorted(document["wrong"].items())]
        lines.append("VOID: with wrong answers no figure above means anything.")
    else:
        lines.append("Wrong answers: 0")
    return "\n".join(lines)


def _title(load: dict[str, Any]) -> str:
    return f"{load['title']} ({load['rounds']} rounds)"


def _ratio(value: dict[str, float]) -> str:
    return f"{value['median']:.3f} ({value['q1']:.3f}-{value['q3']:.3f})"


def table(title: str, heads: Row, rows: Sequence[Row]) -> str:
    """Return rows as columns under a title, the first to the left, figures to the right."""
    widths = [max(len(line[place]) for line in [heads, *rows]) for place in range(len(heads))]
    lines = [
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in [heads, *rows]
    ]
    return "\n".join([title, *(f"  {line}" for line in lines)])
