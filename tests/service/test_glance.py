"""What a start sees of a database at a glance: enough to pass a prepared one by, and never more than is sure."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from models.glance import Glance, glance, newest_migration
from service.keys import Keyring
from tests.conftest import GatewayFactory
from tests.harness.gateway import SECRET_KEY, Gateway
from tests.harness.processes import ROOT

pytestmark = pytest.mark.sqlite_only


@pytest.fixture(scope="module")
def stopped(module_gateway_factory: GatewayFactory) -> Gateway:
    """A gateway with one account, which has ended."""
    gateway = module_gateway_factory("sqlite")
    gateway.accounts(1, plan="free")
    gateway.stop()
    return gateway


@pytest.fixture
def database(stopped: Gateway, tmp_path: Path) -> Path:
    """A copy of its database, with the lock file beside it."""
    path = tmp_path / "copy.db"
    with sqlite3.connect(stopped.database_url.removeprefix("sqlite:///")) as source, sqlite3.connect(path) as copy:
        source.backup(copy)
    source.close()
    copy.close()
    path.chmod(0o600)
    path.with_name("copy.db.migrating").touch()
    return path


def at(path: Path) -> Glance | None:
    return glance(f"sqlite:///{path}")


def changed(path: Path, statement: str) -> Path:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
    return path


def test_prepared_database_is_known_at_a_glance(database: Path) -> None:
    assert at(database) == Glance(
        revision=newest_migration(ROOT / "migrations" / "versions"),
        key_fingerprint=Keyring(SECRET_KEY).fingerprint,
        plans=frozenset({"free"}),
        has_operator=False,
    )


def test_operator_and_deleted_operator_are_told_apart(database: Path) -> None:
    with_operator = at(changed(database, "UPDATE accounts SET is_operator = 1"))
    assert with_operator is not None
    assert with_operator.has_operator
    without = at(changed(database, "UPDATE accounts SET deleted_at = '2026-01-01 00:00:00.000000'"))
    assert without is not None
    assert not without.has_operator


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no database at all" * 500),
        lambda path: path.chmod(0o644),
        lambda path: path.chmod(0o400),
        lambda path: path.with_name("copy.db.migrating").unlink(),
        lambda path: changed(path, "DELETE FROM alembic_version"),
        lambda path: changed(path, "DELETE FROM installation_facts"),
        lambda path: changed(path, "ALTER TABLE subscriptions RENAME TO others"),
    ],
)
def test_what_is_not_as_expected_is_left_to_the_preparation(database: Path, spoil: Callable[[Path], object]) -> None:
    spoil(database)
    assert at(database) is None


def test_database_that_somebody_migrates_is_left_to_the_preparation(database: Path) -> None:
    with database.with_name("copy.db.migrating").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert at(database) is None
    assert at(database) is not None


def test_second_start_serves_without_preparing_again(stopped: Gateway) -> None:
    path = Path(stopped.database_url.removeprefix("sqlite:///"))
    changed(path, "UPDATE accounts SET is_operator = 1")
    lock = path.with_name(path.name + ".migrating")
    prepared_at = lock.stat().st_mtime_ns
    stopped.start()
    assert requests.get(f"{stopped.url}/readyz", timeout=10).status_code == 200
    stopped.stop()
    assert lock.stat().st_mtime_ns == prepared_at
