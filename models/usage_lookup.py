"""One row of the usage log by its request id, with all that operators may see of it; never what was asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, NotRequired, TypedDict

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from .account import Account
from .storage import Storage
from .usage_log import UsageLog


class LoggedRequest(NamedTuple):
    """The row as it is; ``docs/routing.md`` and ``UsageLog`` say what the columns mean."""

    request_id: str
    account_id: int
    started_at: datetime
    endpoint: str
    client_name: str | None
    alias_asked: str | None
    alias_served: str
    kind: str
    counted: bool
    reason: str
    status: str
    error_code: str | None
    upstream: str | None
    upstream_model: str | None
    attempts: int
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    tokens_estimated: bool
    first_output_ms: int | None
    duration_ms: int | None
    cost: float | None


class AttemptTold(TypedDict):
    """One attempt of a receipt; times in milliseconds since the request came."""

    route: str
    at: int
    effort: NotRequired[str]
    output: NotRequired[int]
    end: NotRequired[int]
    how: NotRequired[str]


class ReceiptTold(TypedDict):
    """A routing receipt. docs/routing.md, "Receipts"."""

    reason: str | None
    speed: str
    tokens: int
    routes: list[str]
    passed_over: list[tuple[str, str]]
    attempts: list[AttemptTold]


class FoundRequest(Struct, frozen=True):
    """A row, whose it is (None: the account was deleted), and its routing receipt (None: it has none)."""

    row: LoggedRequest
    account_email: str | None
    routing: ReceiptTold | None


_COLUMNS: tuple[sa.ColumnElement[Any], ...] = tuple(getattr(UsageLog, name) for name in LoggedRequest._fields)


def find_request(storage: Storage, request_id: str) -> FoundRequest | None:
    """Return the row of a request id; None where there is none.

    Raises:
        StorageUnavailable: the database did not answer in time.
    """
    wanted = (
        sa.select(*_COLUMNS, Account.email, UsageLog.routing)
        .outerjoin(Account, Account.id == UsageLog.account_id)
        .where(UsageLog.request_id == request_id)
    )
    found = storage.read(lambda connection: connection.execute(wanted).first())
    if found is None:
        return None
    *values, email, routing = found
    return FoundRequest(LoggedRequest(*values), email, _receipt(routing))


def _receipt(text: str | None) -> ReceiptTold | None:
    """Read a receipt; a row that an older release wrote has none, and what another program wrote may be none."""
    try:
        return msgspec.json.decode(text, type=ReceiptTold) if text else None
    except (ValueError, RecursionError):
        return None
