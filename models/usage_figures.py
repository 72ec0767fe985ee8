"""The figures that totals and sums of the usage log have in common, as columns of both tables."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column


class UsageFigures:
    """What rows of the usage log add up to. docs/usage.md says what each means."""

    requests: Mapped[int]
    prompts: Mapped[int]
    continuations: Mapped[int]
    counted: Mapped[int]
    completed: Mapped[int]
    interrupted: Mapped[int]
    cancelled: Mapped[int]
    failed: Mapped[int]
    prompt_tokens: Mapped[int] = mapped_column(sa.BigInteger)
    completion_tokens: Mapped[int] = mapped_column(sa.BigInteger)
    cached_tokens: Mapped[int] = mapped_column(sa.BigInteger)
    reasoning_tokens: Mapped[int] = mapped_column(sa.BigInteger)
    cost: Mapped[float | None] = mapped_column(sa.Double)
    duration_ms: Mapped[int] = mapped_column(sa.BigInteger)
    timed: Mapped[int]
    # JSON objects: code -> rows; step of the time to first output -> rows.
    error_codes: Mapped[str] = mapped_column(sa.Text)
    first_output: Mapped[str] = mapped_column(sa.Text)
