"""The usage log: one row for every admitted request, and what each column means.

Quotas are computed from this table and from nothing else (``quota``); rows are opened, marked and closed
by ``reservation``. It never holds what was asked or answered.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import BigId, UtcDateTime, db

# kind
PROMPT = "prompt"
CONTINUATION = "continuation"

# status, in the order of a row's life
OPEN = "open"  # reserved; no output has left
STARTED = "started"  # marked: the first output may have left
COMPLETED = "completed"
INTERRUPTED = "interrupted"  # the upstream or the worker broke after the first output
CANCELLED = "cancelled"  # the client left
FAILED = "failed"  # nothing was delivered

# reason: why the row counts, or does not
COUNTED_RESERVED = "reserved"
COUNTED_OUTPUT = "output"
GIVEN_BACK = "no_output"
CONTINUED = "continuation"


class UsageLog(db.Model):  # type: ignore[name-defined, misc]
    """One admitted request.

    ``seq`` numbers the rows of an account without gaps in the order of admission. ``day_prompts`` and
    ``month_prompts`` are the running numbers: how many prompts of the account, this row included, count
    in the day and the month that begin at ``day_start`` and ``month_start``. Only the newest row's
    numbers are kept true when an older row is given back; see docs/quotas.md.
    """

    __tablename__ = "usage_log"
    __table_args__ = (
        sa.UniqueConstraint("account_id", "seq"),
        sa.Index("ix_usage_log_account_id_started_at", "account_id", "started_at"),
        sa.Index("ix_usage_log_turn", "turn"),
        # Most rows have neither. SQLite would write them into both indexes all the same, when they are opened and again
        # when they are closed; MySQL knows no indexes over some rows alone. https://sqlite.org/partialindex.html
        sa.Index("uq_usage_log_claim", "claim", unique=True, sqlite_where=sa.text("claim IS NOT NULL")),
        sa.Index(
            "ix_usage_log_owner_id_account_id", "owner_id", "account_id", sqlite_where=sa.text("owner_id IS NOT NULL")
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"))
    seq: Mapped[int] = mapped_column(sa.BigInteger)
    token_id: Mapped[int | None] = mapped_column(sa.ForeignKey("service_tokens.id"), index=True)
    request_id: Mapped[str] = mapped_column(sa.String(40), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(12))
    counted: Mapped[bool]
    reason: Mapped[str] = mapped_column(sa.String(32))
    status: Mapped[str] = mapped_column(sa.String(12))
    # The user's turn that the row belongs to, and which of its answers the row stands for: 0 is the prompt's.
    turn: Mapped[str | None] = mapped_column(sa.String(16))
    step: Mapped[int] = mapped_column(default=0, server_default="0")
    # Held by the one continuation that may stand at its place; null where it failed or was cut.
    claim: Mapped[str | None] = mapped_column(sa.String(32))
    # The gateway worker that answers for the row while it is open or started; null once it is closed.
    owner_id: Mapped[int | None] = mapped_column(sa.BigInteger)

    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    day_start: Mapped[datetime] = mapped_column(UtcDateTime)
    month_start: Mapped[datetime] = mapped_column(UtcDateTime)
    day_prompts: Mapped[int]
    month_prompts: Mapped[int]

    endpoint: Mapped[str] = mapped_column(sa.String(32))
    alias_asked: Mapped[str | None] = mapped_column(sa.String(128))
    alias_served: Mapped[str] = mapped_column(sa.String(128))
    client_name: Mapped[str | None] = mapped_column(sa.String(64))

    upstream: Mapped[str | None] = mapped_column(sa.String(64))
    upstream_model: Mapped[str | None] = mapped_column(sa.String(200))
    attempts: Mapped[int] = mapped_column(default=0)
    error_code: Mapped[str | None] = mapped_column(sa.String(64))
    prompt_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    cached_tokens: Mapped[int | None]
    reasoning_tokens: Mapped[int | None]
    tokens_estimated: Mapped[bool] = mapped_column(default=False)
    first_output_ms: Mapped[int | None]
    duration_ms: Mapped[int | None]
    cost: Mapped[float | None] = mapped_column(sa.Double)
    # The routing receipt, JSON for operators alone: docs/routing.md, "Receipts".
    routing: Mapped[str | None] = mapped_column(sa.Text)
