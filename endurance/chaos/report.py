"""The table on the screen, the JSON document, and the block of docs/chaos.md."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from endurance.chaos.scenario import SCENARIOS, Outcome

PAGE = Path(__file__).resolve().parents[2] / "docs" / "chaos.md"
_NAME = re.compile(r"\(`([a-z-]+)`\)$", re.MULTILINE)
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
    """Put the run between the markers of docs/chaos.md; scenarios that were not played keep what stands there."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(published(text, outcomes, f"{datetime.now(UTC):%d %b %Y}, {machine}"), encoding="utf-8")


def published(text: str, outcomes: Sequence[Outcome], where: str) -> str:
    """Return the page with the run in it; ``where`` says when and on what."""
    before, _, rest = text.partition(BEGIN)
    block, _, after = rest.partition(END)
    parts = {_NAME.findall(part)[0]: part.strip() for part in block.split("\n### ")[1:]}
    parts |= {outcome.scenario.name: _part(outcome, where) for outcome in outcomes}
    known = [each.name for each in SCENARIOS if each.name in parts]
    shown = "\n\n".join(f"### {parts[name]}" for name in known)
    return f"{before}{BEGIN}\n\n{shown}\n\n{END}{after}"


def _part(outcome: Outcome, where: str) -> str:
    scenario = outcome.scenario
    rows = "\n".join(
        f"| {each.says} | {'yes' if each.is_met else '**no**'} | {each.found.replace('|', '/')} |"
        for each in outcome.expectations
    )
    return (
        f"{scenario.title} (`{scenario.name}`)\n\n{scenario.done} {where}, {outcome.seconds:.0f} s.\n\n"
        f"| expected | met | found |\n|---|---|---|\n{rows}"
    )
