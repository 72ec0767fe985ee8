"""Which requests an operator looks for, as conditions on rows of the usage log and on what was added up of them.

A condition on a total is true wherever the rows in it may fit; so days whose totals do not fulfil it can be passed
over, and nothing else can.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from . import usage_log as log
from .usage_log import UsageLog

Condition = sa.ColumnElement[bool]

# outcome
COUNTED = "counted"
GIVEN_BACK = "given_back"
RUNNING = "running"
FAULT = "fault"
ERROR = "error"
OUTCOMES = (COUNTED, GIVEN_BACK, log.COMPLETED, FAULT, log.FAILED, log.INTERRUPTED, log.CANCELLED, ERROR, RUNNING)
"""``fault`` is failed or interrupted, ``error`` has any error code, ``running`` is not closed yet."""


class Wanted(Struct, frozen=True):
    """What the requests have in common; None is any."""

    account_id: int | None = None
    alias: str | None = None
    upstream: str | None = None
    outcome: str | None = None
    """One of ``OUTCOMES``."""
    error_code: str | None = None
    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Not itself among them."""

    @property
    def picks(self) -> bool:
        """Tell whether it asks for more than an account and a span of time, so that rows must be looked through."""
        return any((self.alias, self.upstream, self.outcome, self.error_code, self.kind))


def row_conditions(wanted: Wanted) -> list[Condition]:
    """Return what a row of the log must fulfil."""
    conditions: list[Condition] = []
    if wanted.account_id is not None:
        conditions.append(UsageLog.account_id == wanted.account_id)
    if wanted.alias is not None:
        conditions.append(UsageLog.alias_served == wanted.alias)
    if wanted.upstream is not None:
        conditions.append(UsageLog.upstream == wanted.upstream)
    if wanted.outcome is not None:
        conditions.append(_outcome_of_row(wanted.outcome))
    if wanted.error_code is not None:
        conditions.append(UsageLog.error_code == wanted.error_code)
    if wanted.kind is not None:
        conditions.append(UsageLog.kind == wanted.kind)
    if wanted.since is not None:
        conditions.append(UsageLog.started_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(UsageLog.started_at < wanted.until)
    return conditions


def total_conditions(wanted: Wanted, totals: Any) -> list[Condition]:
    """Return what a row of ``totals`` (``UsageTotal`` or ``UsageSum``) fulfils if a fitting request may be in it."""
    conditions: list[Condition] = []
    if wanted.alias is not None:
        conditions.append(totals.alias_served == wanted.alias)
    if wanted.upstream is not None:
        conditions.append(totals.upstream == wanted.upstream)
    if wanted.outcome is not None:
        conditions.append(_outcome_of_total(wanted.outcome, totals))
    if wanted.error_code is not None:
        # An underscore of the code stands for any letter here, which lets too much through and nothing be missed.
        conditions.append(totals.error_codes.like(f'%"{wanted.error_code}"%'))
    if wanted.kind is not None:
        conditions.append((totals.prompts if wanted.kind == log.PROMPT else totals.continuations) > 0)
    return conditions


def _outcome_of_row(outcome: str) -> Condition:
    if outcome == RUNNING:
        return UsageLog.status.in_([log.OPEN, log.STARTED])
    if outcome == COUNTED:
        return sa.and_(UsageLog.counted, UsageLog.status.not_in([log.OPEN, log.STARTED]))
    if outcome == GIVEN_BACK:
        return UsageLog.reason == log.GIVEN_BACK
    if outcome == FAULT:
        return UsageLog.status.in_([log.FAILED, log.INTERRUPTED])
    if outcome == ERROR:
        return UsageLog.error_code.is_not(None)
    return UsageLog.status == outcome


def _outcome_of_total(outcome: str, totals: Any) -> Condition:
    if outcome == RUNNING:
        return sa.false()  # only closed rows are added up
    columns: dict[str, Condition] = {
        COUNTED: totals.counted > 0,
        GIVEN_BACK: totals.failed + totals.cancelled > 0,
        FAULT: totals.failed + totals.interrupted > 0,
        ERROR: totals.error_codes != "{}",
    }
    column: Condition = columns[outcome] if outcome in columns else getattr(totals, outcome) > 0
    return column
