"""A run in words: the verdict and its figures, for the terminal and for the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from endurance.steadiness import percentile


def report(document: dict[str, Any]) -> str:
    """Return the text for the terminal."""
    lines = []
    for each in document["expectations"]:
        lines.append(f"{'PASS' if each['is_met'] else 'FAIL'}  {each['says']}: {each['found']}")
        lines += [f"        {example}" for example in each["examples"]]
    failed = sum(not each["is_met"] for each in document["expectations"])
    verdict = "PASS" if document["is_passed"] else "FAIL"
    lines.append(f"{verdict}: {len(document['expectations']) - failed} of {len(document['expectations'])} met")
    return "\n".join([*summary(document), "", *lines])


def summary(document: dict[str, Any]) -> list[str]:
    """Return what ran, in some lines."""
    plan, loaded = document["plan"], _loaded(document)
    killed = f", {document['killed']} workers killed by kill -9" if document["killed"] else ""
    at_most = max(each["open_requests"] for each in loaded)
    return [
        f"{plan['minutes']:g} minutes of mixed load on {document['began']}, "
        f"{plan['database']}, {plan['workers']} workers, {plan['rate']:g} scenarios begun a second",
        f"{document['requests']:,} requests, {_middle(loaded, 'requests_per_s'):.0f} a second; "
        f"{_middle(loaded, 'open_requests'):.0f} open at once, {at_most} at most; "
        f"one upstream stopped {document['outages']} times{killed}",
        f"CPU of the gateway: {_cpu_share(loaded):.0%} of a core",
    ]


def table(document: dict[str, Any]) -> list[str]:
    """Return the expectations as a table of Markdown."""
    rows = [
        f"| {'yes' if each['is_met'] else '**no**'} | {_cell(each['says'])} | {_cell(each['found'])} |"
        for each in document["expectations"]
    ]
    return ["| met | expectation | found |", "|---|---|---|", *rows]


def _loaded(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in document["samples"] if each["phase"] == "mixed"] or document["samples"]


def _middle(samples: Sequence[dict[str, Any]], name: str) -> float:
    return percentile([each[name] for each in samples], 0.5)


def _cpu_share(samples: Sequence[dict[str, Any]]) -> float:
    """Share of one core over the time between samples that have the same workers."""
    used = seconds = 0.0
    for before, after in pairwise(samples):
        was = {each["pid"]: each["cpu_s"] for each in before["workers"]}
        if set(was) == {each["pid"] for each in after["workers"]}:
            used += sum(each["cpu_s"] - was[each["pid"]] for each in after["workers"])
            seconds += after["at_s"] - before["at_s"]
    return used / seconds if seconds else 0.0


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
