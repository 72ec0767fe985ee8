"""How often an address may send tokens that are wrong. Nothing else of the API is limited by address.

It is asked only after a token is known to be wrong, so the members behind one address with whoever guesses notice
nothing. Each worker counts for itself, in bounded memory: a failure costs no write.
"""

from __future__ import annotations

import math
import time

from limits import RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter

from service.signing_in.bounded_counters import BoundedCounters
from service.signing_in.networks import network_of

from .errors import TooManyWrongTokens

ALLOWED = RateLimitItemPerMinute(60, namespace="wrong-token")
MOST_ADDRESSES = 20_000


class FailedAuthentications:
    """The counters of one worker."""

    def __init__(self) -> None:
        """Begin with none."""
        self._limiter = FixedWindowRateLimiter(BoundedCounters(MOST_ADDRESSES))

    def count(self, address: str) -> None:
        """Count one failure.

        Raises:
            TooManyWrongTokens: there were too many in this minute.
        """
        network = network_of(address)
        if not self._limiter.hit(ALLOWED, network):
            ends_at = self._limiter.get_window_stats(ALLOWED, network).reset_time
            raise TooManyWrongTokens(retry_after=max(1, math.ceil(ends_at - time.time())))
