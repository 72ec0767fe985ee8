"""One day of a small team as rows of the usage log, to be repeated for every day of a year.

Rows are as the gateway writes them: prompts and continuations of their turns, running numbers, receipts.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from models import usage_log as log
from models.continuation import Step

ALIASES = {
    "smart-route-mini": 30, "smart-route": 40, "smart-route-focus": 8, "smart-route-deep": 12, "smart-route-ultra": 5,
    "smart-route-turbo": 5,
}  # fmt: skip
UPSTREAMS = {"east": ("fast-8b", 0.10, 0.40), "west": ("large-70b", 0.90, 2.70), "local": ("coder-32b", None, None)}
CLIENTS = ["codex_cli_rs/0.80.0", "OpenAI/Python 1.109.1", "curl/8.5.0", "Kilo-Code/5.2.0", "openai-node/6.1", None]
ENDPOINTS = {"chat/completions": 60, "responses": 35, "completions": 5}
FAULTS = {
    log.FAILED: {"upstream_timeout": 3, "upstream_error": 4, "upstream_unavailable": 2, "rate_limit_exceeded": 1},
    log.INTERRUPTED: {"upstream_incomplete": 3, "worker_lost": 1},
    log.CANCELLED: {"client_gone": 1},
}
ENDINGS = {log.COMPLETED: 920, log.CANCELLED: 40, log.FAILED: 28, log.INTERRUPTED: 12}
CONTINUED = 0.25  # of the requests


def a_day(accounts: Sequence[tuple[int, int]], rows: int, midnight: datetime, seed: int = 1) -> list[dict[str, Any]]:
    """Return the rows of one day, in order of admission; ``accounts`` are id and token, the first the busiest.

    ``id``, ``seq``, ``turn`` and running numbers begin with 1 for the day; turns are numbers in eight digits.
    """
    chance = random.Random(seed)
    shares = [1 / (place + 3) for place in range(len(accounts))]
    seqs: Counter[int] = Counter()
    counted: Counter[int] = Counter()
    last_step: dict[int, Step] = {}
    made = []
    for number in range(1, rows + 1):
        place = number - 1 if number <= len(accounts) else chance.choices(range(len(accounts)), shares)[0]
        account_id, token_id = accounts[place]
        seqs[account_id] += 1
        before = last_step.pop(account_id, None)
        continues = before is not None and chance.random() < CONTINUED * 1.6
        step = before.next if before is not None and continues else Step(f"{number:08x}", 0)
        ending = _ending(chance, is_prompt=not continues)
        if ending["status"] == log.COMPLETED:
            last_step[account_id] = step
        counted[account_id] += ending["counted"]
        made.append(
            {
                "id": number,
                "account_id": account_id,
                "seq": seqs[account_id],
                "token_id": token_id,
                "kind": log.CONTINUATION if continues else log.PROMPT,
                "turn": step.turn,
                "step": step.number,
                "is_claimed": continues and ending["status"] == log.COMPLETED,
                "started_at": midnight + timedelta(seconds=(number - 0.5) * 86_400 / rows),
                "day_prompts": counted[account_id],
                "endpoint": _one_of(chance, ENDPOINTS),
                "client_name": chance.choice(CLIENTS),
                **_aliases(chance),
                **ending,
            }
        )
    return made


def _aliases(chance: random.Random) -> dict[str, Any]:
    served = _one_of(chance, ALIASES)
    return {"alias_served": served, "alias_asked": chance.choice([served, served, None, "smart-route-infinite"])}


def _ending(chance: random.Random, *, is_prompt: bool) -> dict[str, Any]:
    status = _one_of(chance, ENDINGS)
    has_output = status != log.FAILED and not (status == log.CANCELLED and chance.random() < 0.4)
    upstream = chance.choices(list(UPSTREAMS), [6, 3, 1])[0]
    model, price_in, price_out = UPSTREAMS[upstream]
    prompt, completion = round(chance.lognormvariate(7.5, 1.2)) + 5, round(chance.lognormvariate(5.5, 1)) + 1
    first_output = round(chance.lognormvariate(6.2, 0.7)) + 30
    duration = first_output + completion * 12
    reason = log.GIVEN_BACK if not has_output else log.COUNTED_OUTPUT if is_prompt else log.CONTINUED
    fault = _one_of(chance, FAULTS[status]) if status in FAULTS else None
    receipt: dict[str, Any] = {
        "reason": "order",
        "speed": "standard",
        "tokens": prompt,
        "routes": [f"{name}/{of[0]}" for name, of in UPSTREAMS.items()],
        "passed_over": [],
        "attempts": [{"route": f"{upstream}/{model}", "at": 3, "end": duration, "how": fault or "completed"}],
    }
    if has_output:
        receipt["attempts"][0]["output"] = first_output
    cost = None if price_in is None or price_out is None else (prompt * price_in + completion * price_out) / 1e6
    return {
        "status": status,
        "counted": is_prompt and has_output,
        "reason": reason,
        "error_code": fault,
        "upstream": upstream,
        "upstream_model": model,
        "attempts": 1,
        "prompt_tokens": prompt if has_output else None,
        "completion_tokens": completion if has_output else None,
        "cached_tokens": prompt // 2 if has_output else None,
        "reasoning_tokens": completion // 3 if has_output else None,
        "tokens_estimated": status == log.INTERRUPTED,
        "first_output_ms": first_output if has_output else None,
        "duration_ms": duration,
        "cost": cost if has_output else None,
        "routing": json.dumps(receipt, separators=(",", ":")),
    }


def _one_of(chance: random.Random, shares: dict[str, int]) -> str:
    return chance.choices(list(shares), list(shares.values()))[0]
