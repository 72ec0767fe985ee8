"""Histories of an account: rows of the usage log as admissions of many days would have left them."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from models import usage_log as log
from models import usage_totals
from models.calendar_windows import Calendar
from models.storage import Storage
from models.usage_log import UsageLog
from tests.models.ledger import Ledger

ALIASES = ["smart-route-mini", "smart-route", "smart-route-deep"]
CLIENTS = ["codex_cli_rs/0.80", "curl/8.5.0", "OpenAI/Python 1.9", "Kilo-Code/5.2", None]
ERROR_CODES = {
    log.FAILED: ["upstream_error", "upstream_timeout", "no_upstream"],
    log.INTERRUPTED: ["stream_interrupted", "worker_lost"],
    log.CANCELLED: ["client_gone"],
}


def moments(start: datetime, end: datetime, count: int, seed: int) -> list[datetime]:
    """Instants of a span, in order, some of them exactly at a full hour."""
    chance = random.Random(seed)
    seconds = (end - start).total_seconds()
    drawn = [start + timedelta(seconds=chance.uniform(0, seconds)) for _ in range(count)]
    at_hours = [each.replace(minute=0, second=0, microsecond=0) for each in drawn[: count // 10]]
    return sorted(max(start, each) for each in [*at_hours, *drawn[count // 10 :]])


def rows(
    account_id: int,
    calendar: Calendar,
    times: Sequence[datetime],
    *,
    first_seq: int = 1,
    seed: int = 1,
    aliases: Sequence[str] = ALIASES,
) -> Iterator[dict[str, Any]]:
    """Yield closed rows of all kinds at ``times``."""
    chance = random.Random(seed)
    mark = secrets.token_hex(4)
    for seq, started_at in enumerate(times, start=first_seq):
        windows = calendar.at(started_at)
        yield {
            "account_id": account_id,
            "seq": seq,
            "token_id": account_id,
            "request_id": f"req_{mark}_{account_id}_{seq}",
            "started_at": started_at,
            "day_start": windows.day.start,
            "month_start": windows.month.start,
            "day_prompts": 0,
            "month_prompts": 0,
            "turn": None,
            "step": 0,
            "claim": None,
            "owner_id": None,
            "endpoint": chance.choice(["chat/completions", "responses", "completions"]),
            "client_name": chance.choice(CLIENTS),
            "tokens_estimated": False,
            **_served(chance, aliases),
            **_ended(chance),
        }


def unclosed(row: dict[str, Any], owner_id: int) -> dict[str, Any]:
    """The same row while its request is under way."""
    nothing_yet = dict.fromkeys(
        ["upstream", "upstream_model", "error_code", "prompt_tokens", "completion_tokens", "cached_tokens",
         "reasoning_tokens", "first_output_ms", "duration_ms", "cost"]
    )  # fmt: skip
    open_row = {"status": log.OPEN, "counted": True, "kind": log.PROMPT, "reason": log.COUNTED_RESERVED}
    return {**row, **nothing_yet, **open_row, "owner_id": owner_id}


def write(storage: Storage, made: Iterable[dict[str, Any]], portion: int = 2_000) -> None:
    """Insert rows."""
    waiting: list[dict[str, Any]] = []
    for row in made:
        waiting.append(row)
        if len(waiting) == portion:
            _insert(storage, waiting)
            waiting = []
    if waiting:
        _insert(storage, waiting)


def add_up(ledger: Ledger) -> None:
    """Do what housekeeping does in one round."""
    for _ in usage_totals.total_up(ledger.storage):
        pass


def _insert(storage: Storage, values: list[dict[str, Any]]) -> None:
    storage.write(lambda connection: connection.execute(sa.insert(UsageLog), values))


def _served(chance: random.Random, aliases: Sequence[str]) -> dict[str, Any]:
    alias = chance.choice(aliases)
    return {"alias_asked": chance.choice([alias, alias, None, "smart-route-ultra"]), "alias_served": alias}


def _ended(chance: random.Random) -> dict[str, Any]:
    status = chance.choices([log.COMPLETED, log.FAILED, log.CANCELLED, log.INTERRUPTED], [92, 3, 3, 2])[0]
    kind = chance.choices([log.PROMPT, log.CONTINUATION], [3, 2])[0]
    had_output = status in (log.COMPLETED, log.INTERRUPTED) or (status == log.CANCELLED and chance.random() < 0.7)
    first_output_ms = round(chance.lognormvariate(6.4, 0.6)) if had_output else None
    prompt_tokens = round(chance.lognormvariate(7, 1.2)) if had_output else None
    reached = had_output or chance.random() < 0.5
    with_output = log.COUNTED_OUTPUT if kind == log.PROMPT else log.CONTINUED
    reason = with_output if had_output else log.GIVEN_BACK
    return {
        "status": status,
        "kind": kind,
        "counted": reason == log.COUNTED_OUTPUT,
        "reason": reason,
        "error_code": chance.choice(ERROR_CODES[status]) if status in ERROR_CODES else None,
        "upstream": chance.choice(["east", "west"]) if reached else None,
        "upstream_model": "qwen3:8b" if reached else None,
        "attempts": chance.choice([1, 1, 1, 2]) if reached else 0,
        "prompt_tokens": prompt_tokens,
        "completion_tokens": round(chance.lognormvariate(5.5, 1)) if had_output else None,
        "cached_tokens": round((prompt_tokens or 0) * chance.random() * 0.7) if had_output else None,
        "reasoning_tokens": round(chance.lognormvariate(4, 1)) if had_output and chance.random() < 0.5 else None,
        "first_output_ms": first_output_ms,
        "duration_ms": (first_output_ms or 300) + round(chance.lognormvariate(7.5, 0.8)),
        "cost": chance.uniform(0.0001, 0.02) if had_output and chance.random() < 0.8 else None,
    }
