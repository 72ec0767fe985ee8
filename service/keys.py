"""The keys of the service: one for each purpose, all derived from ``SECRET_KEY``.

Knowing one derived key tells nothing about another or about the secret (HKDF, RFC 5869).
"""

from __future__ import annotations

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12


class WrongKey(Exception):
    """Something was sealed with another ``SECRET_KEY`` or has been altered."""


class Keyring:
    """Derives keys from the secret and does what they are for."""

    def __init__(self, secret: str) -> None:
        """Derive from ``secret``; it is not kept."""
        master = secret.encode()

        def derive(purpose: str) -> bytes:
            return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"smart-route {purpose}".encode()).derive(master)

        self.session_key = derive("session cookies")
        self.fingerprint = derive("fingerprint").hex()[:32]
        self._tokens = AESGCM(derive("service tokens"))
        self._addresses = derive("e-mail addresses")

    def seal_token(self, token: str, account_id: int) -> bytes:
        """Encrypt a service token; it can be opened for the same account only."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._tokens.encrypt(nonce, token.encode(), str(account_id).encode())

    def open_token(self, sealed: bytes, account_id: int) -> str:
        """Decrypt a service token.

        Raises:
            WrongKey: it was sealed with another key, for another account, or altered.
        """
        try:
            nonce, box = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            return self._tokens.decrypt(nonce, box, str(account_id).encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise WrongKey("this token was sealed with another SECRET_KEY") from error

    def email_hash(self, email: str) -> bytes:
        """Return the 32 bytes by which an address is found, also after its account was deleted."""
        return hmac.digest(self._addresses, normal_email(email).encode(), hashlib.sha256)


def normal_email(email: str) -> str:
    """Return an address as it is stored and compared: trimmed, lower case."""
    return email.strip().lower()
