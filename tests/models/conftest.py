"""The ledger fixture, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest

from models.calendar_windows import Calendar
from tests.conftest import DATABASES, new_database
from tests.harness.processes import Processes
from tests.models.ledger import NOON, Ledger


@pytest.fixture(params=DATABASES, scope="session")
def shared_ledger(request: pytest.FixtureRequest, processes: Processes) -> Iterator[Ledger]:
    """One ledger of each database for all tests: making tables takes longer than most of them."""
    ledger = Ledger(new_database(request, request.param, processes.new_folder("ledger")))
    yield ledger
    ledger.close()


@pytest.fixture
def ledger(shared_ledger: Ledger) -> Ledger:
    """A ledger at noon of 10 March 2026 in UTC. It has accounts of other tests, but no owner and no open row."""
    shared_ledger.storage.clock = NOON
    shared_ledger.calendar = Calendar(ZoneInfo("UTC"))
    shared_ledger.forget_owners()
    return shared_ledger


@pytest.fixture
def account(ledger: Ledger) -> int:
    """An account of the test's own."""
    return ledger.add_accounts(1)[0]
