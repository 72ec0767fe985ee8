"""How each database is connected to, so that neither ever stops the event loop.

SQLite: WAL (readers and the one writer do not wait for each other), foreign keys on, and no busy wait
inside the library: a C call that waits would stop every stream of the worker, so ``storage`` waits in
Python instead, where other greenlets run on. Checkpoints (which call fsync) belong to the housekeeper's
thread; the automatic one stays only as a stop for a log that grows all the same.

MySQL and MariaDB: READ COMMITTED, because a snapshot that is older than the account's lock would admit
more prompts than the quota has left. Several statements may go in one message, for ``mysql_transactions``; every
value of every statement is escaped by the driver.

Sources: https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html#pragma_synchronous,
https://dev.mysql.com/doc/refman/8.0/en/innodb-transaction-isolation-levels.html
"""

from __future__ import annotations

import math
import sqlite3
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import PoolResetState

from .mysql_transactions import BEGINS, is_in_transaction

WAL_AUTOCHECKPOINT_PAGES = 20_000  # of 4 KiB: 80 MB
POOL_SIZE = 10  # connections kept open by a worker
POOL_OVERFLOW = 10  # further ones under load
POOL_WAIT_S = 10.0  # then the request is answered 503
ROW_LOCK_WAIT_S = 5  # of MySQL; its own 50 s are longer than any request waits
IDLE_TRANSACTION_S = 8  # shorter than requests wait; transactions of a worker stand still for milliseconds

# SQLite's mathematics are a choice of who builds it. Source: https://www.sqlite.org/lang_mathfunc.html
_HAS_LOG2 = ("ENABLE_MATH_FUNCTIONS",) in sqlite3.connect(":memory:").execute("PRAGMA compile_options").fetchall()

_SERVES = "ends transactions that stand still"  # an execution option of an engine
# Of MariaDB alone; MySQL, which has no such setting, takes it for a comment.
# Source: https://mariadb.com/kb/en/server-system-variables/#idle_transaction_timeout
_END_IDLE = " /*M!100300 , idle_transaction_timeout = {} */"


def engine_options(url: str) -> dict[str, Any]:
    """Return the ``SQLALCHEMY_ENGINE_OPTIONS`` for a database URL."""
    pool = {
        "pool_size": POOL_SIZE,
        "max_overflow": POOL_OVERFLOW,
        "pool_timeout": POOL_WAIT_S,
        "hide_parameters": True,  # errors are logged, and values are nobody's business there
    }
    if sa.make_url(url).get_backend_name() == "sqlite":
        return {**pool, "connect_args": {"timeout": 0, "check_same_thread": False}}
    from pymysql.constants import CLIENT  # only where it is needed: a service on SQLite stays smaller

    return {
        **pool,
        "isolation_level": "READ COMMITTED",
        "pool_recycle": 1800,
        "pool_reset_on_return": None,  # see ``_returned``
        "connect_args": {
            **mysql_password(sa.make_url(url)),
            "connect_timeout": 5,
            "read_timeout": 30,
            "write_timeout": 30,
            "charset": "utf8mb4",
            "client_flag": CLIENT.MULTI_STATEMENTS | CLIENT.FOUND_ROWS,
            "init_command": f"SET SESSION innodb_lock_wait_timeout = {ROW_LOCK_WAIT_S}",
        },
    }


def mysql_password(url: sa.URL) -> dict[str, bytes]:
    """Return the connect argument with the password as UTF-8, as the server has it; the driver would take Latin-1."""
    return {} if url.password is None else {"password": str(url.password).encode()}


def prepare_engine(engine: sa.Engine) -> None:
    """Install the connection settings; call once for each engine, before its first connection."""
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    else:
        _prepare_mysql(engine)


def end_idle_transactions(engine: sa.Engine) -> None:
    """Have the server end transactions that stand still, for a process that serves; call before it connects.

    A machine that loses its power or its network in the middle of one says no goodbye: the server would keep the
    account's row locked for hours. What copies or saves a whole database may stand still for longer. Whoever comes
    back finds the connection closed, and ``Storage`` repeats the transaction.
    """
    engine.update_execution_options(**{_SERVES: True})


def _prepare_sqlite(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transaction handling begins too late (at the first write) and never IMMEDIATE.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA wal_autocheckpoint={WAL_AUTOCHECKPOINT_PAGES}")
        if not _HAS_LOG2:
            connection.create_function("log2", 1, math.log2, deterministic=True)

    @sa.event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        driver = connection.connection.driver_connection
        if isinstance(driver, sqlite3.Connection) and driver.in_transaction:
            return  # begun by SqliteTransactions
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare_mysql(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "do_connect")
    def _connect(_dialect: object, _record: object, arguments: list[Any], named: dict[str, Any]) -> Any:
        from .mysql_driver import MysqlConnection  # only here: see ``engine_options``

        if engine.get_execution_options().get(_SERVES):
            named = {**named, "init_command": named["init_command"] + _END_IDLE.format(IDLE_TRANSACTION_S)}
        return MysqlConnection(*arguments, **named)

    @sa.event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        driver: Any = connection.connection.driver_connection
        # Only the connections of MysqlTransactions commit each statement by themselves.
        if driver.get_autocommit() and connection.info.pop(BEGINS, False):
            connection.exec_driver_sql("BEGIN")

    @sa.event.listens_for(engine, "reset")
    def _returned(driver: Any, _record: object, state: PoolResetState) -> None:
        # The pool's own ROLLBACK would be one more message after each transaction; the server has told with its
        # last answer whether one is open.
        if not state.terminate_only and is_in_transaction(driver):
            driver.rollback()
