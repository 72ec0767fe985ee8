"""Passwords: what one may look like, hashing and verifying with argon2id off the event loop."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, TypeVar, cast

import gevent

if TYPE_CHECKING:
    from argon2 import PasswordHasher

T = TypeVar("T")

LEAST_CHARACTERS = 10
MOST_BYTES = 1024

# Of no password: verified when there is none, so that an unknown address takes as long as a known one.
_NOBODYS_HASH = "$argon2id$v=19$m=19456,t=2,p=1$HbcNeaN7oTIYegcOQ7v5fg$vv7RdpnY5bIOOX1mV124z9IsrVLEU+uIr6QmeLnzhVg"
# Each takes 19 MiB and a core; under gevent this is a cooperative lock, so whoever waits holds up nobody.
_two_at_once = threading.BoundedSemaphore(2)


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher  # which a worker that serves the API alone never needs

    # Source: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id
    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # memory in KiB


class UnfitPassword(ValueError):
    """A password that cannot be used; the text says what is expected."""


def check_fit(password: str) -> None:
    """Refuse what is too short to be safe or too long to be one.

    Raises:
        UnfitPassword: with a sentence for whoever chose it.
    """
    try:
        size = len(password.encode())
    except UnicodeEncodeError as error:
        raise UnfitPassword("Use characters of valid Unicode text.") from error
    # Before it is normalised: that takes quadratic time on text made of combining marks.
    if size > MOST_BYTES or len(_normal(password).encode()) > MOST_BYTES:
        raise UnfitPassword(f"Use at most {MOST_BYTES} bytes.")
    if len(_normal(password)) < LEAST_CHARACTERS:
        raise UnfitPassword(f"Use at least {LEAST_CHARACTERS} characters.")


def generate() -> str:
    """Return a new password of 120 random bits."""
    return secrets.token_urlsafe(15)


def hashed(password: str) -> str:
    """Return the argon2id hash to store.

    Raises:
        UnfitPassword: see ``check_fit``.
    """
    check_fit(password)
    hasher = _hasher()
    return _off_the_loop(lambda: hasher.hash(_normal(password)))


def is_right(stored_hash: str | None, password: str) -> bool:
    """Tell whether ``password`` made ``stored_hash``; takes as long when there is no hash."""
    try:
        check_fit(password)
    except UnfitPassword:
        password, stored_hash = "", None

    from argon2.exceptions import InvalidHashError, VerificationError

    hasher = _hasher()

    def verify() -> bool:
        try:
            return hasher.verify(stored_hash or _NOBODYS_HASH, _normal(password))
        except (VerificationError, InvalidHashError):
            return False

    return _off_the_loop(verify) and stored_hash is not None


def needs_rehash(stored_hash: str) -> bool:
    """Tell whether a hash was made with other parameters than those in use."""
    return _hasher().check_needs_rehash(stored_hash)


def _normal(password: str) -> str:
    # The same key press gives one or two code points, depending on the system.
    return unicodedata.normalize("NFC", password)


def _off_the_loop(work: Callable[[], T]) -> T:
    with _two_at_once:
        return cast(T, gevent.get_hub().threadpool.apply(work))
