"""Ledgers whose usage logs hold what a test wrote, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import DATABASES, new_database
from tests.harness.processes import Processes
from tests.models.ledger import Ledger


@pytest.fixture(params=DATABASES, scope="session")
def shared_ledger(request: pytest.FixtureRequest, processes: Processes) -> Iterator[Ledger]:
    """One ledger of each database for all tests: making tables takes longer than most of them."""
    ledger = Ledger(new_database(request, request.param, processes.new_folder("ledger")))
    yield ledger
    ledger.close()


@pytest.fixture
def ledger(shared_ledger: Ledger) -> Ledger:
    """A ledger on the real clock. It has accounts of other tests."""
    shared_ledger.storage.clock = None
    return shared_ledger


@pytest.fixture
def account(ledger: Ledger) -> int:
    """An account of the test's own."""
    return ledger.add_accounts(1)[0]
