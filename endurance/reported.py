"""What ``flask usage report`` tells the operator, held against the rows: totals, and what is not in them yet."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from endurance import seen
from endurance.house import House
from endurance.ledger import Row

FIGURES = (
    "requests", "prompts", "prompts_counted", "continuations", "completed", "interrupted", "cancelled", "failed",
    "prompt_tokens", "completion_tokens",
)  # fmt: skip


def report_against(house: House, rows: Sequence[Row]) -> tuple[list[str], str]:
    """Ask for the report by account; return where it differs from the rows, and what was looked at."""
    done = house.gateway.flask("usage", "report", "--by", "account", "--json")
    if done.returncode != 0:
        return [done.stdout + done.stderr], "no report"
    told = {each["account"]: each for each in json.loads(done.stdout)["rows"]}
    return list(differences(told, rows)), f"{len(told)} accounts"


def differences(told: Mapping[str, Mapping[str, Any]], rows: Sequence[Row]) -> Iterator[str]:
    """Name each figure of each account that is not the sum of its rows."""
    wanted: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        wanted[row.account].update(
            {
                "requests": 1,
                "prompts": row.kind == seen.PROMPT,
                "prompts_counted": row.counted,
                "continuations": row.kind == seen.CONTINUATION,
                row.status: 1,
                "prompt_tokens": row.prompt_tokens or 0,
                "completion_tokens": row.completion_tokens or 0,
            }
        )
    for account in {*told, *wanted}:
        for name in FIGURES:
            figure = told.get(account, {}).get(name, 0)
            if figure != wanted[account][name]:
                yield f"{account}: {name} {figure}, of the rows {wanted[account][name]}"
