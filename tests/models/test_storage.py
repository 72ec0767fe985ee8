"""Transactions that meet trouble: waited out where it passes, told as such where it does not."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from models import engine, reservation
from models.account import Account
from models.engine import POOL_OVERFLOW, POOL_SIZE
from models.prepared import Prepared
from models.storage import StorageUnavailable
from tests.harness.mariadb import MariaDB
from tests.harness.processes import Processes
from tests.models.ledger import DONE, NOON, ClockedStorage, Ledger

on_sqlite = pytest.mark.parametrize("shared_ledger", ["sqlite"], indirect=True)
on_mariadb = pytest.mark.parametrize("shared_ledger", ["mariadb"], indirect=True)


@contextmanager
def locked(ledger: Ledger, seconds: float) -> Iterator[None]:
    """Another program holds the write lock of the file for some time."""
    path = ledger.engine.url.database
    assert path
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    unlock = threading.Timer(seconds, other.execute, ["COMMIT"])
    unlock.start()
    try:
        yield
    finally:
        unlock.join()
        other.close()


@on_sqlite
def test_writer_waits_until_another_program_lets_go_of_the_file(ledger: Ledger, account: int) -> None:
    with locked(ledger, 0.2):
        started = time.monotonic()
        ledger.admit(account)
        assert time.monotonic() - started >= 0.15


@on_sqlite
def test_reader_does_not_wait_for_a_writer(ledger: Ledger, account: int) -> None:
    ledger.admit(account)
    with locked(ledger, 0.3):
        started = time.monotonic()
        assert ledger.used(account) == (1, 1)
        assert time.monotonic() - started < 0.2


@on_sqlite
def test_file_locked_for_too_long_is_storage_unavailable_for_all_who_wait(
    ledger: Ledger, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.storage.WAIT_S", 0.2)
    refused: list[float] = []

    def ask() -> None:
        started = time.monotonic()
        with pytest.raises(StorageUnavailable):
            ledger.reserve(account)
        refused.append(time.monotonic() - started)

    with locked(ledger, 1.0):
        threads = [threading.Thread(target=ask) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(refused) == 5
    assert max(refused) < 0.9
    assert ledger.used(account) == (0, 0)
    ledger.admit(account)


@on_sqlite
def test_full_disk_is_storage_unavailable_and_passes_when_there_is_room(ledger: Ledger, account: int) -> None:
    row_id = ledger.admit(account)
    pages = ledger.storage.read(lambda connection: connection.exec_driver_sql("PRAGMA page_count").scalar())

    def allow(most_pages: int) -> None:
        """Set the limit on new connections; those that were kept open know the old one."""
        ledger.storage = ClockedStorage(ledger.engine)
        ledger.storage.clock = NOON
        sa.event.listen(
            ledger.engine,
            "checkout",
            lambda driver, record, proxy: driver.execute(f"PRAGMA max_page_count={most_pages}"),
        )

    def fill() -> None:
        for _ in range(200):
            ledger.admit(account)

    allow(int(pages or 0))
    with pytest.raises(StorageUnavailable, match="full"):
        fill()
    allow(1_000_000)
    day, _ = ledger.used(account)
    assert reservation.settle(ledger.storage, row_id, DONE)
    ledger.admit(account)
    shown = ledger.standing(account)
    assert shown.day_used == day + 1 == ledger.counted(account, shown.windows.day)[0]


def test_damaged_file_is_storage_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "damaged.db"
    path.write_bytes(b"no database at all " * 1000)
    ledger = Ledger(f"sqlite:///{path}", make_tables=False)
    with pytest.raises(StorageUnavailable):
        ledger.used(1)
    ledger.close()


def test_fault_in_a_statement_is_not_called_storage_trouble(ledger: Ledger) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        ledger.storage.write(
            lambda connection: connection.exec_driver_sql(
                "INSERT INTO installation_facts (name, value) VALUES ('a', 'b'), ('a', 'b')"
            )
        )


def test_failed_transaction_leaves_nothing(ledger: Ledger, account: int) -> None:
    def work(connection: sa.Connection) -> None:
        connection.exec_driver_sql("UPDATE accounts SET session_epoch = 9")
        raise LookupError

    with pytest.raises(LookupError):
        ledger.storage.write(work)
    epochs = sa.select(Account.session_epoch).where(Account.id == account)
    assert ledger.storage.read(lambda connection: connection.scalar(epochs)) == 1


@on_mariadb
def test_connection_that_the_server_closed_is_replaced_unnoticed(ledger: Ledger, account: int) -> None:
    ledger.admit(account)
    own = ledger.storage.read(lambda connection: connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one())
    killer = sa.create_engine(ledger.engine.url)
    with killer.begin() as connection:
        connection.exec_driver_sql(f"KILL {own}")
    killer.dispose()
    ledger.admit(account)
    assert ledger.used(account) == (2, 2)


def test_storage_that_lets_go_has_no_connection_left(ledger: Ledger, account: int) -> None:
    ledger.admit(account)
    assert ledger.used(account) == (1, 1)
    assert ledger.engine.pool.checkedout() > 0  # type: ignore[attr-defined]
    ledger.storage.let_go()
    pool: Any = ledger.engine.pool
    assert (pool.checkedout(), pool.checkedin()) == (0, 0)
    ledger.admit(account)


@on_mariadb
def test_transaction_that_stands_still_does_not_keep_its_account_for_long(
    ledger: Ledger, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "IDLE_TRANSACTION_S", 1)
    frozen = Ledger(ledger.url, make_tables=False)
    engine.end_idle_transactions(frozen.engine)
    stands, goes_on = threading.Event(), threading.Event()
    tries: list[int | None] = []

    def stand_still(connection: sa.Connection) -> None:
        tries.append(connection.scalar(sa.select(Account.id).where(Account.id == account).with_for_update()))
        stands.set()
        assert goes_on.wait(20)
        connection.execute(sa.select(Account.id))

    standing = threading.Thread(target=frozen.storage.write, args=[stand_still])
    standing.start()
    try:
        assert stands.wait(10)
        ledger.admit(account)
    finally:
        goes_on.set()
        standing.join(20)
    assert tries == [account, account], "whoever stood still finds its transaction gone, and repeats it"
    frozen.close()


@on_mariadb
def test_connection_of_one_killed_while_rolling_back_is_used_by_nobody(ledger: Ledger, account: int) -> None:
    class Killed(BaseException):
        """What is thrown into a greenlet that is not to go on."""

    drivers: list[Any] = []
    change = Prepared(sa.update(Account).where(Account.id == sa.bindparam("account_id")).values(session_epoch=9))

    def killed() -> None:
        raise Killed

    def work(connection: sa.Connection) -> None:
        change.run(connection, {"account_id": account})
        drivers.append(connection.connection.driver_connection)
        drivers[0].rollback = killed
        raise LookupError

    with pytest.raises(Killed):
        ledger.storage.write(work)
    assert not drivers[0].open
    epochs = sa.select(Account.session_epoch).where(Account.id == account)
    assert ledger.storage.read(lambda connection: connection.scalar(epochs)) == 1


@on_mariadb
def test_crowd_of_one_account_leaves_connections_for_the_others(ledger: Ledger) -> None:
    busy, other = ledger.add_accounts(2)
    holding, let_go = threading.Event(), threading.Event()

    def hold(connection: sa.Connection) -> None:
        connection.execute(sa.select(Account.id).where(Account.id == busy).with_for_update()).one()
        holding.set()
        let_go.wait(5)

    crowd = [threading.Thread(target=ledger.storage.write, args=[hold])]
    crowd += [threading.Thread(target=ledger.admit, args=[busy]) for _ in range(2 * (POOL_SIZE + POOL_OVERFLOW))]
    crowd[0].start()
    assert holding.wait(5)
    for thread in crowd[1:]:
        thread.start()
    try:
        started = time.monotonic()
        ledger.admit(other)
        assert time.monotonic() - started < 2
    finally:
        let_go.set()
        for thread in crowd:
            thread.join()
    assert ledger.used(busy) == (len(crowd) - 1, len(crowd) - 1)


def test_database_server_that_is_away_is_told_at_once_and_found_again(processes: Processes) -> None:
    server = MariaDB(processes)
    ledger = Ledger(server.create_database())
    account = ledger.add_accounts(1)[0]
    row_id = ledger.admit(account)
    server.stop()
    started = time.monotonic()
    for _ in range(3):
        with pytest.raises(StorageUnavailable):
            ledger.reserve(account)
    assert time.monotonic() - started < 2
    server.start()
    assert reservation.settle(ledger.storage, row_id, DONE)
    ledger.admit(account)
    assert ledger.used(account) == (2, 2)
    ledger.close()
    server.stop()
