"""The keys of the service: one for each purpose, all derived from ``SECRET_KEY``.

Knowing one derived key tells nothing about another or about the secret (HKDF, RFC 5869).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import string
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_CHECK_ALPHABET = string.ascii_letters + string.digits


class WrongKey(Exception):
    """Something was sealed with another ``SECRET_KEY`` or has been altered."""


class _Box:
    """Encrypts with one key (AES-256-GCM), for one account at a time."""

    def __init__(self, key: bytes) -> None:
        """Take 32 bytes."""
        self._key = key

    def seal(self, text: bytes, account_id: int) -> bytes:
        """Return a fresh nonce and the encrypted text."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text, str(account_id).encode())

    def open(self, sealed: bytes, account_id: int) -> bytes:
        """Return the text.

        Raises:
            WrongKey: it was sealed with another key, for another account, or altered.
        """
        from cryptography.exceptions import InvalidTag

        nonce, box = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, box, str(account_id).encode())
        except (InvalidTag, ValueError) as error:
            raise WrongKey("this was sealed with another SECRET_KEY") from error

    @cached_property
    def _cipher(self) -> AESGCM:
        # The library takes 8 MB: only a process that seals or opens something loads it.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key)


class Keyring:
    """Derives keys from the secret and does what they are for."""

    def __init__(self, secret: str) -> None:
        """Derive from ``secret``; it is not kept."""
        master = secret.encode()

        def derive(purpose: str) -> bytes:
            # HKDF with SHA-256, no salt and one block of output: RFC 5869, sections 2.2 and 2.3.
            extracted = hmac.digest(bytes(32), master, hashlib.sha256)
            return hmac.digest(extracted, f"smart-route {purpose}".encode() + b"\x01", hashlib.sha256)

        self.session_key = derive("session cookies")
        self.fingerprint = derive("fingerprint").hex()[:32]
        self._tokens = _Box(derive("service tokens"))
        self._addresses = derive("e-mail addresses")
        self._calls = derive("tool call ids")
        self._reasoning = _Box(derive("sealed reasoning"))
        self._totp_secrets = _Box(derive("totp secrets"))
        self._recovery_codes = derive("recovery codes")
        self.known_browser_key = derive("known browsers")

    def seal_token(self, token: str, account_id: int) -> bytes:
        """Encrypt a service token; it can be opened for the same account only."""
        return self._tokens.seal(token.encode(), account_id)

    def open_token(self, sealed: bytes, account_id: int) -> str:
        """Decrypt a service token.

        Raises:
            WrongKey: it was sealed with another key, for another account, or altered.
        """
        return self._tokens.open(sealed, account_id).decode()

    def seal_totp_secret(self, secret: str, account_id: int) -> bytes:
        """Encrypt what an account's codes are made from; it can be opened for the same account only."""
        return self._totp_secrets.seal(secret.encode(), account_id)

    def open_totp_secret(self, sealed: bytes, account_id: int) -> str:
        """Decrypt what an account's codes are made from.

        Raises:
            WrongKey: it was sealed with another key, for another account, or altered.
        """
        return self._totp_secrets.open(sealed, account_id).decode()

    def recovery_digest(self, code: str, account_id: int) -> bytes:
        """Return the 32 bytes by which a recovery code of an account is found."""
        return hmac.digest(self._recovery_codes, f"{account_id}:{code}".encode(), hashlib.sha256)

    def email_hash(self, email: str) -> bytes:
        """Return the 32 bytes by which an address is found, also after its account was deleted."""
        return hmac.digest(self._addresses, normal_email(email).encode(), hashlib.sha256)

    def call_check(self, account_id: int, text: str) -> str:
        """Return the 14 letters and digits that tell a call id of ours, for this account, from any other."""
        check = hmac.digest(self._calls, f"{account_id}:{text}".encode(), hashlib.sha256)
        number = int.from_bytes(check[:12], "big")
        characters = []
        for _ in range(14):
            number, place = divmod(number, len(_CHECK_ALPHABET))
            characters.append(_CHECK_ALPHABET[place])
        return "".join(characters)

    def seal(self, text: bytes, account_id: int) -> bytes:
        """Encrypt what a client keeps for us and only its own account may bring back."""
        return self._reasoning.seal(text, account_id)

    def unseal(self, sealed: bytes, account_id: int) -> bytes | None:
        """Decrypt what ``seal`` made for the same account; None for anything else."""
        try:
            return self._reasoning.open(sealed, account_id)
        except WrongKey:
            return None


def normal_email(email: str) -> str:
    """Return an address as it is stored and compared: trimmed, lower case."""
    return email.strip().lower()
