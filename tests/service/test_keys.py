"""The keys derived from ``SECRET_KEY``: what a database was written with must be opened by every later version."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from service.keys import Keyring, WrongKey

SECRETS = [
    "sixteen letters!",
    "a much longer secret than one block of the hash function has " * 3,
    "schlüsselschlüssel",
]


def derived(secret: str, purpose: str) -> bytes:
    """The key of one purpose, as the library derives it (RFC 5869)."""
    info = f"smart-route {purpose}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret.encode())


@pytest.mark.parametrize("secret", SECRETS)
def test_keys_are_those_of_the_standard_derivation(secret: str) -> None:
    keyring = Keyring(secret)
    assert keyring.session_key == derived(secret, "session cookies")
    assert keyring.known_browser_key == derived(secret, "known browsers")
    assert keyring.fingerprint == derived(secret, "fingerprint").hex()[:32]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_token_that_any_version_has_sealed_is_opened(secret: str) -> None:
    nonce = bytes(range(12))
    sealed = nonce + AESGCM(derived(secret, "service tokens")).encrypt(nonce, b"sr_token", b"7")
    assert Keyring(secret).open_token(sealed, 7) == "sr_token"


@pytest.mark.parametrize("sealed", [b"", b"short", Keyring(SECRETS[0]).seal_token("sr_token", 8), bytes(60)])
def test_what_is_sealed_for_another_account_or_altered_is_refused(sealed: bytes) -> None:
    keyring = Keyring(SECRETS[0])
    with pytest.raises(WrongKey):
        keyring.open_token(sealed, 7)
    assert keyring.unseal(sealed, 7) is None
