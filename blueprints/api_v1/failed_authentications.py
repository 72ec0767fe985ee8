"""How often an address may send tokens that are wrong. Nothing else of the API is limited by address.

It is asked only after a token is known to be wrong, so the members behind one address with whoever guesses notice
nothing. Each worker counts for itself, in bounded memory: a failure costs no write.
"""

from __future__ import annotations

import math
import time
from functools import cached_property
from typing import TYPE_CHECKING

from service.signing_in.networks import network_of

from .errors import TooManyWrongTokens

if TYPE_CHECKING:
    from limits.strategies import FixedWindowRateLimiter

ALLOWED_A_MINUTE = 60
MOST_ADDRESSES = 20_000


class FailedAuthentications:
    """The counters of one worker."""

    def count(self, address: str) -> None:
        """Count one failure.

        Raises:
            TooManyWrongTokens: there were too many in this minute.
        """
        from limits import RateLimitItemPerMinute  # large, and needed by this alone

        network, allowed = network_of(address), RateLimitItemPerMinute(ALLOWED_A_MINUTE, namespace="wrong-token")
        if not self._limiter.hit(allowed, network):
            ends_at = self._limiter.get_window_stats(allowed, network).reset_time
            raise TooManyWrongTokens(retry_after=max(1, math.ceil(ends_at - time.time())))

    @cached_property
    def _limiter(self) -> FixedWindowRateLimiter:
        from limits.strategies import FixedWindowRateLimiter

        from service.signing_in.bounded_counters import BoundedCounters

        return FixedWindowRateLimiter(BoundedCounters(MOST_ADDRESSES))
