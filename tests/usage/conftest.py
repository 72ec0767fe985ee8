"""Ledgers whose usage logs hold what a test wrote, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.accounts.house import open_house
from tests.conftest import DATABASES, new_database
from tests.harness.processes import Processes
from tests.models.ledger import Ledger
from tests.usage.member import Member


@pytest.fixture(params=DATABASES, scope="module")
def shared_ledger(request: pytest.FixtureRequest, processes: Processes) -> Iterator[Ledger]:
    """One ledger of each database for the tests of a module: making tables takes longer than most of them."""
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


@pytest.fixture(params=DATABASES, scope="session")
def app(request: pytest.FixtureRequest, processes: Processes) -> Iterator[Flask]:
    """One application on each of the two databases for all tests."""
    with open_house(new_database(request, request.param, processes.new_folder("house"))) as app:
        yield app


@pytest.fixture
def member(app: Flask) -> Member:
    """A member of the test's own who has sent nothing yet."""
    return Member(app)


@pytest.fixture(scope="session")
def reader(app: Flask) -> Member:
    """A member who only looks."""
    return Member(app)
