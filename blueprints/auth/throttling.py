"""How often somebody may try to sign in or sign up, counted for all workers together."""

from __future__ import annotations

import math
import time
from ipaddress import IPv6Address, ip_address

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter
from werkzeug.exceptions import TooManyRequests

from service import addresses
from service.services import services

SIGN_IN_BY_ADDRESS = RateLimitItemPerMinute(30, 15, namespace="sign-in-address")
SIGN_IN_BY_ACCOUNT = RateLimitItemPerMinute(10, 15, namespace="sign-in-account")
PROOF_BY_BROWSER = RateLimitItemPerMinute(10, 15, namespace="present-password")
SIGN_UP_BY_ADDRESS = RateLimitItemPerHour(20, namespace="sign-up-address")

Limit = tuple[RateLimitItem, str]


class Attempt:
    """One try, counted before its outcome is known: of many at the same moment none slips through."""

    def __init__(self, *limits: Limit) -> None:
        """Count the try.

        Raises:
            TooManyRequests: one of the limits is used up.
        """
        self._limits = limits
        limiter = _limiter()
        for item, who in limits:
            if not limiter.hit(item, who):
                ends_at = limiter.get_window_stats(item, who).reset_time
                seconds = max(1, math.ceil(ends_at - time.time()))
                minutes = math.ceil(seconds / 60)
                raise TooManyRequests(
                    f"Try again in {minutes} minute{'' if minutes == 1 else 's'}.",
                    retry_after=seconds,
                )

    def succeeded(self) -> None:
        """Take the count back: only wrong passwords are to count."""
        for item, who in self._limits:
            services().counters.incr(item.key_for(who), item.get_expiry(), -1)


def sign_in_attempt(address: str, email: str) -> Attempt:
    """Count a try to sign in, by network address and by account; 15 minutes each."""
    account_key = addresses.address_hash(email).hex()
    return Attempt((SIGN_IN_BY_ADDRESS, _network(address)), (SIGN_IN_BY_ACCOUNT, account_key))


def proof_attempt(account_id: int, browser_id: int) -> Attempt:
    """Count a try to prove by the password who sits at a signed-in browser; 15 minutes.

    By the sign-in alone: strangers who guess at the sign-in page are not to keep a member from the own account.
    """
    return Attempt((PROOF_BY_BROWSER, f"{account_id}/{browser_id}"))


def sign_up_attempt(address: str) -> Attempt:
    """Count a try to sign up, by network address; an hour."""
    return Attempt((SIGN_UP_BY_ADDRESS, _network(address)))


def _network(address: str) -> str:
    """Return what an address is counted as: itself, or the /64 that one IPv6 subscriber chooses addresses from."""
    try:
        parsed = ip_address(address)
    except ValueError:  # of a socket that has none
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"


def _limiter() -> FixedWindowRateLimiter:
    return FixedWindowRateLimiter(services().counters)
