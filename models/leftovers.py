"""What nobody asks for any more and no other rule deletes: links that are long over, tokens that left no trace."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from .base import utcnow
from .one_time_link import OneTimeLink
from .service_token import ServiceToken
from .storage import Storage
from .throttle import ThrottleCounter
from .usage_log import UsageLog

PORTION = 500
KEPT_FOR = timedelta(days=30)
"""So long an expired link, or a revoked token without a request, is told from one that never was."""


def forget_leftovers(storage: Storage) -> int:
    """Delete a bounded number of each kind; return the greatest of these numbers."""
    return max(_forget_links(storage), _forget_tokens(storage), _forget_counters(storage))


def _forget_links(storage: Storage) -> int:
    over = sa.select(OneTimeLink.id).where(OneTimeLink.expires_at < utcnow() - KEPT_FOR)
    return _delete(storage, OneTimeLink.id, over)


def _forget_tokens(storage: Storage) -> int:
    used = sa.select(UsageLog.id).where(UsageLog.token_id == ServiceToken.id)
    over = sa.select(ServiceToken.id).where(
        ServiceToken.live_account_id.is_(None), ServiceToken.revoked_at < utcnow() - KEPT_FOR, ~sa.exists(used)
    )
    return _delete(storage, ServiceToken.id, over)


def _forget_counters(storage: Storage) -> int:
    over = sa.select(ThrottleCounter.key_digest).where(ThrottleCounter.expires_at < utcnow().timestamp())
    return _delete(storage, ThrottleCounter.key_digest, over)


def _delete(storage: Storage, key: Any, wanted: Any) -> int:
    keys = storage.read(lambda connection: list(connection.scalars(wanted.limit(PORTION))))
    if keys:
        gone = sa.delete(key.class_).where(key.in_(keys))
        storage.write(lambda connection: connection.execute(gone))
    return len(keys)
