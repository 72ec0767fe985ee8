"""How a service token looks: ``sr_`` + 27 random characters + 6 of checksum, all base 62.

27 characters of 62 hold 160.7 bits. The checksum lets a mistyped or cut token be refused without a look
into the database, and lets secret scanners tell a token from a random word. Source of the form:
https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib

PREFIX = "sr_"
RANDOM_CHARACTERS = 27
CHECKSUM_CHARACTERS = 6
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

_FORM = re.compile(rf"{PREFIX}([0-9A-Za-z]{{{RANDOM_CHARACTERS}}})([0-9A-Za-z]{{{CHECKSUM_CHARACTERS}}})")


def generate() -> str:
    """Return a new token of 36 characters."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS))
    return PREFIX + body + _checksum(body)


def is_well_formed(token: str) -> bool:
    """Tell whether prefix, length, alphabet and checksum are right; says nothing about who owns it."""
    match = _FORM.fullmatch(token)
    return match is not None and match[2] == _checksum(match[1])


def digest(token: str) -> bytes:
    """Return the 32 bytes by which the database finds a token (SHA-256)."""
    return hashlib.sha256(token.encode()).digest()


def masked(token: str) -> str:
    """Return the token with all but its ends hidden, for a page."""
    return f"{token[:7]}{'•' * 8}{token[-4:]}"


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    characters = []
    for _ in range(CHECKSUM_CHARACTERS):
        number, place = divmod(number, len(ALPHABET))
        characters.append(ALPHABET[place])
    return "".join(reversed(characters))
