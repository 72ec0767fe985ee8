"""The table of the counters for rate limits, which all workers and machines share."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import db


class ThrottleCounter(db.Model):  # type: ignore[name-defined, misc]
    """How often something was tried in the window that ends at ``expires_at`` (Unix seconds)."""

    __tablename__ = "throttle_counters"

    key_digest: Mapped[bytes] = mapped_column(sa.LargeBinary(32).with_variant(sa.BINARY(32), "mysql"), primary_key=True)
    tries: Mapped[int]
    expires_at: Mapped[float] = mapped_column(sa.Float(53), index=True)
