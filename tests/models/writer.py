"""One gateway worker's worth of writers: ``python -m tests.models.writer URL`` with a JSON plan on standard input.

The plan: ``account_ids``, ``attempts`` (for each account), ``daily`` (the limit) and ``closings`` (whether some of
the rows are marked, settled and given back meanwhile). It says ``ready``, waits for a line, and prints as JSON
how many were admitted, refused and given back of each account.
"""

# ruff: noqa: E402  (gevent must patch before anything else is imported)

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import json
import random
import secrets
import sys
from collections import Counter

import gevent
from gevent.pool import Pool

from models import reservation
from models.quota import Limits
from models.reservation import Reserved
from tests.models.ledger import DONE, FAILED, Ledger

GREENLETS = 60


def main() -> None:
    """Run the plan."""
    plan = json.loads(sys.stdin.readline())
    ledger = Ledger(sys.argv[1], make_tables=False)
    ledger.storage.clock = None
    limits = Limits(daily=plan["daily"], monthly=None)
    chance = random.Random(plan["seed"])
    told: dict[int, Counter[str]] = {account_id: Counter() for account_id in plan["account_ids"]}

    def ask(account_id: int) -> None:
        request = ledger.request(account_id, f"req_{secrets.token_hex(16)}")
        decision = reservation.reserve(ledger.storage, request, limits, ledger.calendar, 1 + plan["seed"])
        if not isinstance(decision, Reserved):
            told[account_id]["refused"] += 1
            return
        told[account_id]["admitted"] += 1
        if not plan["closings"]:
            return
        gevent.sleep(chance.random() / 50)
        if chance.random() < 0.5:
            assert reservation.give_back(ledger.storage, account_id, decision.row_id, FAILED)
            told[account_id]["given back"] += 1
        else:
            assert reservation.mark(ledger.storage, decision.row_id)
            assert reservation.settle(ledger.storage, decision.row_id, DONE)

    asked = [account_id for account_id in plan["account_ids"] for _ in range(plan["attempts"])]
    chance.shuffle(asked)
    print("ready", flush=True)
    sys.stdin.readline()
    pool = Pool(GREENLETS)
    greenlets = [pool.spawn(ask, account_id) for account_id in asked]
    gevent.joinall(greenlets, raise_error=True)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
