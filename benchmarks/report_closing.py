"""The end of the report: whether the generator or the upstream was the limit, what answers lacked, the verdict."""

from __future__ import annotations

from typing import Any

from benchmarks.tables import NONE, shown, table

RATED = ("json", "prompts", "image", "burst")
LIMIT_SHARE = 0.85  # of a core; above this a program may itself be what sets the pace


def generator(loads: dict[str, Any]) -> str:
    """How busy the load generator and the upstream were, and the rate at which the generator would be the limit."""
    rows = []
    for key in RATED:
        for name, figures in loads.get(key, {}).get("targets", {}).items():
            own_us = figures["generator_cpu_us_least"]
            shares = [figures["cpu_share"], figures["generator_share"], figures["upstream_share"]]
            ceiling = 1e6 / own_us
            row = [f"{key}, {name}", *(f"{share:.0%}" for share in shares), shown(own_us), f"{ceiling:,.0f}"]
            rows.append([*row, f"{ceiling / figures['per_second']:.1f}", _limit(*shares)])
    if not rows:
        return ""
    heads = [
        "load, target", "target: of a core", "generator", "upstream", "generator's CPU us/unit", "its ceiling, 1/s",
        "ceiling x served", "limit",
    ]  # fmt: skip
    return table("Who was the limit", heads, rows)


def _limit(target: float, own: float, upstream: float) -> str:
    """Which program was (nearly) never idle; none: the machine's cores were shared out, or the load left room."""
    shares = {"target": target, "generator": own, "upstream": upstream}
    busiest = max(shares, key=lambda name: shares[name])
    return busiest if shares[busiest] > LIMIT_SHARE else NONE


def absent(document: dict[str, Any]) -> str:
    """Say which peers did not take part, and what the answers of the others lacked."""
    lines = [f"  {name} did not take part: it {why}." for name, why in document.get("absent", {}).items()]
    for name, faults in document.get("lacked", {}).items():
        answers = document["answers"][name]
        lines += [f"  {name}, {fault}: {count:,}" for fault, count in sorted(faults.items())]
        lines.append(f"  ({name}: of {answers:,} answers)")
    return "\n".join(["The peers, and what their answers lacked", *lines]) if lines else ""


def verdict(document: dict[str, Any]) -> str:
    """How many answers were read, the gateway's books, what was wrong."""
    lines = [f"Answers read: {_counts(document['answers'])}"]
    for name, books in document.get("books", {}).items():
        lines.append(f"The books of {name}: {_counts(books)}")
    if document["wrong"]:
        lines += [f"WRONG: {what}: {count}" for what, count in sorted(document["wrong"].items())]
        lines.append("VOID: with wrong answers no figure above means anything.")
    else:
        lines.append("Wrong answers: 0")
    return "\n".join(lines)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
