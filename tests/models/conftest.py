"""The ledger fixture, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.models.ledger import Ledger


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    """An empty ledger."""
    ledger = Ledger(database_url)
    yield ledger
    ledger.close()


@pytest.fixture
def account(ledger: Ledger) -> int:
    """One account of the ledger."""
    return ledger.add_accounts(1)[0]
