"""How often somebody may try what can be guessed or sends mail, counted for all workers together."""

from __future__ import annotations

import math
import time

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter
from werkzeug.exceptions import TooManyRequests

from service.accounts import addresses
from service.services import services
from service.signing_in.networks import network_of

SIGN_IN_BY_ADDRESS = RateLimitItemPerMinute(30, 15, namespace="sign-in-address")
SIGN_IN_BY_ACCOUNT = RateLimitItemPerMinute(10, 15, namespace="sign-in-account")
SIGN_IN_BY_KNOWN_BROWSER = RateLimitItemPerMinute(10, 15, namespace="sign-in-known-browser")
# Whoever once had the password may have made many browsers known: together they guess no faster than this.
SIGN_IN_BY_KNOWN_BROWSERS = RateLimitItemPerMinute(30, 15, namespace="sign-in-known-browsers")
# A code has a million values, three of which are right at a time: 20 tries a day find one in 45 years or so.
CODE_BY_ACCOUNT = RateLimitItemPerMinute(5, 15, namespace="code-account")
CODE_BY_ACCOUNT_A_DAY = RateLimitItemPerDay(20, namespace="code-account-day")
CODE_BY_ADDRESS = RateLimitItemPerMinute(30, 15, namespace="code-address")
PROOF_BY_BROWSER = RateLimitItemPerMinute(10, 15, namespace="present-password")
SIGN_UP_BY_ADDRESS = RateLimitItemPerHour(20, namespace="sign-up-address")
RESET_BY_ADDRESS = RateLimitItemPerHour(20, namespace="reset-address")
RESET_BY_ACCOUNT = RateLimitItemPerHour(5, namespace="reset-account")
CONFIRMATION_BY_ADDRESS = RateLimitItemPerHour(20, namespace="confirmation-address")
CONFIRMATION_BY_ACCOUNT = RateLimitItemPerHour(5, namespace="confirmation-account")

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


def sign_in_attempt(address: str, email: str, known_browser: str | None = None) -> Attempt:
    """Count a try to sign in; 15 minutes.

    By network address and by account; but of a ``known_browser`` of this account by itself
    (``service.signing_in.known_browsers``), so that strangers who guess keep no member out.
    """
    account_key = _account(email)
    if known_browser is not None:
        return Attempt((SIGN_IN_BY_KNOWN_BROWSER, known_browser), (SIGN_IN_BY_KNOWN_BROWSERS, account_key))
    return Attempt((SIGN_IN_BY_ADDRESS, network_of(address)), (SIGN_IN_BY_ACCOUNT, account_key))


def code_attempt(address: str, account_id: int, *, browser_is_known: bool) -> Attempt:
    """Count a try to give the code of the two-step sign-in, by account and network address; 15 minutes and a day.

    Only whoever gave the right password gets here. Known browsers of the account have a count of their own.
    """
    who = f"{account_id}/{'known' if browser_is_known else 'new'}"
    by_account = (CODE_BY_ACCOUNT, who), (CODE_BY_ACCOUNT_A_DAY, who)
    return Attempt(*by_account) if browser_is_known else Attempt((CODE_BY_ADDRESS, network_of(address)), *by_account)


def proof_attempt(account_id: int, browser_id: int) -> Attempt:
    """Count a try to prove by the password who sits at a signed-in browser; 15 minutes.

    By the sign-in alone: strangers who guess at the sign-in page are not to keep a member from the own account.
    """
    return Attempt((PROOF_BY_BROWSER, f"{account_id}/{browser_id}"))


def sign_up_attempt(address: str) -> Attempt:
    """Count a try to sign up, by network address; an hour."""
    return Attempt((SIGN_UP_BY_ADDRESS, network_of(address)))


def reset_attempt(address: str, email: str) -> Attempt:
    """Count a wish for a reset mail, by network address and by the e-mail address, known here or not; an hour."""
    return Attempt((RESET_BY_ADDRESS, network_of(address)), (RESET_BY_ACCOUNT, _account(email)))


def confirmation_attempt(address: str, email: str) -> Attempt:
    """Count a wish for a confirmation mail, by network address and by the e-mail address; an hour."""
    return Attempt((CONFIRMATION_BY_ADDRESS, network_of(address)), (CONFIRMATION_BY_ACCOUNT, _account(email)))


def chosen_password_attempt(pending_id: int) -> Attempt:
    """Count a try to give the password of a sign-up whose link is opened in another browser; 15 minutes."""
    return Attempt((PROOF_BY_BROWSER, f"sign-up/{pending_id}"))


def _account(email: str) -> str:
    return addresses.address_hash(email).hex()


def _limiter() -> FixedWindowRateLimiter:
    return FixedWindowRateLimiter(services().counters)
