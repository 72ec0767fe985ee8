"""Browsers that have signed in to an account before, told by a signed cookie of their own that outlives the sign-in.

It signs nobody in. It only lets the throttle tell a member's own browser from strangers who guess at the
account's password. Source: https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from itsdangerous import BadData, URLSafeTimedSerializer

from service.accounts.addresses import address_hash
from service.services import services

KEPT_FOR = timedelta(days=180)
MOST_ACCOUNTS = 4
"""Accounts that one browser is known to; a further one makes it forget the first."""
_ADDRESS_CHARACTERS = 32


def known_as(cookie: str | None, email: str) -> str | None:
    """Return the random name by which the browser of ``cookie`` is known to the account; None to strangers."""
    return _read(cookie).get(_key(email))


def made_known(cookie: str | None, email: str) -> str:
    """Return the cookie of a browser that has just signed in; what it was known as it stays."""
    names = _read(cookie)
    key = _key(email)
    name = names.pop(key, None) or secrets.token_hex(8)
    kept = dict(list(names.items())[-(MOST_ACCOUNTS - 1) :])
    return _serializer().dumps({**kept, key: name})


def _read(cookie: str | None) -> dict[str, str]:
    if not cookie:
        return {}
    try:
        names: dict[str, str] = _serializer().loads(cookie, max_age=int(KEPT_FOR.total_seconds()))
    except (BadData, UnicodeError):
        return {}
    return names


def _key(email: str) -> str:
    return address_hash(email).hex()[:_ADDRESS_CHARACTERS]


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(services().keyring.known_browser_key)
