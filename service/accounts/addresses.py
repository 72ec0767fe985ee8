"""E-mail addresses: which may be used, and the hash by which the database knows each."""

from __future__ import annotations

import contextlib

from service.keys import normal_email
from service.mail.address_syntax import parsed
from service.refusals import UnfitEmail
from service.services import services

EMAIL_MOST_CHARACTERS = 254


def usable_email(text: str) -> str:
    """Return an address as it is stored.

    Raises:
        UnfitEmail: it is none.
    """
    if len(text.strip()) > EMAIL_MOST_CHARACTERS:
        raise UnfitEmail(f"Use an address of at most {EMAIL_MOST_CHARACTERS} characters.")
    try:
        checked = parsed(text.strip())
    except ValueError as error:
        raise UnfitEmail("Enter an e-mail address such as name@example.org.") from error
    return normal_email(checked.normalized)


def address_hash(text: str) -> bytes:
    """Return the 32 bytes by which an address is known, however it is written; also of what is no address."""
    with contextlib.suppress(UnfitEmail):  # nobody's, and as good for counting tries
        text = usable_email(text)
    return services().keyring.email_hash(text)
