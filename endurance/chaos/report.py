"""The table on the screen, the JSON document, and the block of docs/chaos.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from endurance.chaos.scenario import Outcome

PAGE = Path(__file__).resolve().parents[2] / "docs" / "chaos.md"
BEGIN, END = "<!-- figures: make chaos ARGS=--publish -->", "<!-- end of figures -->"


def told(outcome: Outcome) -> str:
    """Return a scenario's lines."""
    head = f"{'PASS' if outcome.is_met else 'FAIL'}  {outcome.scenario.name}: {outcome.scenario.title}"
    lines = [f"{head} ({outcome.seconds:.0f} s)"]
    lines += [f"      {line}" for each in outcome.expectations for line in str(each).splitlines()]
    lines += [f"      {line}" for line in outcome.trouble.splitlines()]
    return "\n".join(lines)


def summary(outcomes: Sequence[Outcome]) -> str:
    """Return the last line."""
    met = sum(outcome.is_met for outcome in outcomes)
    checked = sum(len(outcome.expectations) for outcome in outcomes)
    seconds = sum(outcome.seconds for outcome in outcomes)
    return f"{met} of {len(outcomes)} scenarios as expected; {checked} expectations checked in {seconds:.0f} s"


def document(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the run for JSON."""
    return {"met": all(each.is_met for each in outcomes), "scenarios": [each.document() for each in outcomes]}


def write_json(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write the run's document."""
    path.write_text(json.dumps(document(outcomes), indent=2) + "\n", encoding="utf-8")


def publish(outcomes: Sequence[Outcome], machine: str) -> None:
    """Put the run between the markers of docs/chaos.md."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{block(outcomes, machine)}\n{END}{after}", encoding="utf-8")


def block(outcomes: Sequence[Outcome], machine: str) -> str:
    """Return the run as Markdown."""
    parts = [f"Run of {datetime.now(UTC):%d %b %Y}, {machine}: {summary(outcomes)}."]
    for outcome in outcomes:
        scenario = outcome.scenario
        rows = "\n".join(
            f"| {each.says} | {'yes' if each.is_met else '**no**'} | {each.found.replace('|', '/')} |"
            for each in outcome.expectations
        )
        table = f"| expected | met | found |\n|---|---|---|\n{rows}"
        parts.append(f"### {scenario.title} (`{scenario.name}`)\n\n{scenario.done}\n\n{table}")
    return "\n\n".join(parts)
