"""How often somebody may try what can be guessed or sends mail, counted for all workers together."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from msgspec import Struct
from werkzeug.exceptions import TooManyRequests

from service.accounts import addresses
from service.services import services
from service.signing_in.networks import network_of

if TYPE_CHECKING:
    from limits import RateLimitItem

HOUR = 60
DAY = 24 * HOUR


class Limit(Struct):
    """So many tries in so many minutes, of whatever is counted by this name."""

    amount: int
    minutes: int
    name: str

    @property
    def item(self) -> RateLimitItem:
        """The limit as the library knows it."""
        from limits import RateLimitItemPerMinute  # large, and most workers serve the API alone

        return RateLimitItemPerMinute(self.amount, self.minutes, namespace=self.name)


SIGN_IN_BY_ADDRESS = Limit(30, 15, "sign-in-address")
SIGN_IN_BY_ACCOUNT = Limit(10, 15, "sign-in-account")
SIGN_IN_BY_KNOWN_BROWSER = Limit(10, 15, "sign-in-known-browser")
# Whoever once had the password may have made many browsers known: together they guess no faster than this.
SIGN_IN_BY_KNOWN_BROWSERS = Limit(30, 15, "sign-in-known-browsers")
# A code has a million values, three of which are right at a time: 20 tries a day find one in 45 years or so.
CODE_BY_ACCOUNT = Limit(5, 15, "code-account")
CODE_BY_ACCOUNT_A_DAY = Limit(20, DAY, "code-account-day")
CODE_BY_ADDRESS = Limit(30, 15, "code-address")
PROOF_BY_BROWSER = Limit(10, 15, "present-password")
SIGN_UP_BY_ADDRESS = Limit(20, HOUR, "sign-up-address")
RESET_BY_ADDRESS = Limit(20, HOUR, "reset-address")
RESET_BY_ACCOUNT = Limit(5, HOUR, "reset-account")
CONFIRMATION_BY_ADDRESS = Limit(20, HOUR, "confirmation-address")
CONFIRMATION_BY_ACCOUNT = Limit(5, HOUR, "confirmation-account")


class Attempt:
    """One try, counted before its outcome is known: of many at the same moment none slips through."""

    def __init__(self, *limits: tuple[Limit, str]) -> None:
        """Count the try.

        Raises:
            TooManyRequests: one of the limits is used up.
        """
        from limits.strategies import FixedWindowRateLimiter  # see Limit.item

        from models.database_counters import DatabaseCounters

        self._counters = DatabaseCounters(services().storage)
        self._counted = [(limit.item, who) for limit, who in limits]
        limiter = FixedWindowRateLimiter(self._counters)
        for item, who in self._counted:
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
        for item, who in self._counted:
            self._counters.incr(item.key_for(who), item.get_expiry(), -1)


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
