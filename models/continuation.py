"""Whether a request that brings back tool results continues a turn of its account, free of charge.

A turn is a prompt and the answers that continue it: step 0 answers the prompt, step n its n-th
continuation. Each answer is continued free once: ``claim`` is unique, and empty again for a continuation
that failed or was cut. docs/quotas.md has the rules.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct

from .base import UtcDateTime
from .prepared import Prepared
from .usage_log import GIVEN_BACK, UsageLog

VALID_FOR = timedelta(hours=24)


class Step(Struct, frozen=True):
    """One answer of a turn."""

    turn: str
    number: int

    @property
    def next(self) -> Step:
        """The answer that continues this one."""
        return Step(self.turn, self.number + 1)

    @property
    def claim(self) -> str:
        """What only one row may hold: the place of this answer in its turn."""
        return f"{self.turn}:{self.number}"


_TURN = Prepared(
    sa.select(
        sa.type_coerce(
            sa.func.max(sa.case((UsageLog.step == sa.bindparam("asked_step"), UsageLog.started_at))), UtcDateTime
        ),
        sa.func.coalesce(
            sa.func.sum(sa.case((sa.and_(UsageLog.step > 0, UsageLog.reason != GIVEN_BACK), 1), else_=0)), 0
        ),
        sa.func.coalesce(
            sa.func.sum(sa.case((UsageLog.claim == sa.bindparam("asked_claim"), 1), else_=0)),
            0,
        ),
    ).where(UsageLog.turn == sa.bindparam("turn"), UsageLog.account_id == sa.bindparam("account_id"))
)


def is_free(connection: sa.Connection, account_id: int, step: Step, now: datetime, at_most: int) -> bool:
    """Tell whether the answer of ``step`` may be continued free now; call it under the account's lock.

    It must have been handed out to this account within ``VALID_FOR``, not be continued already, and the
    turn must have had fewer than ``at_most`` continuations with output.
    """
    asked = {
        "account_id": account_id,
        "turn": step.turn,
        "asked_step": step.number,
        "asked_claim": step.next.claim,
    }
    found = _TURN.first(connection, asked)
    if found is None:
        return False
    handed_out_at, continued, claimed = found
    return handed_out_at is not None and now - handed_out_at < VALID_FOR and not claimed and continued < at_most
