"""Whose requests an operator looks for."""

from __future__ import annotations

from msgspec.structs import replace

from models import account
from models.usage_filter import Wanted
from service.accounts.addresses import address_hash
from service.services import services


def wanted_of(wanted: Wanted, whose: str | int | None) -> Wanted | None:
    """Return the filter for one account, by its number or its address; None where nobody has that address.

    Raises:
        StorageUnavailable: the database did not answer in time.
    """
    if whose is None:
        return wanted
    if isinstance(whose, int):
        return replace(wanted, account_id=whose)
    email_hash = address_hash(whose.lower())
    found = services().storage.read_session(lambda session: account.find_by_email_hash(session, email_hash))
    return None if found is None or found.deleted_at is not None else replace(wanted, account_id=found.id)
