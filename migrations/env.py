"""Runs migrations; called by Flask-Migrate. On SQLite with the application's own engine, on MySQL with another one.

A migration of a large table takes longer than any request may wait for an answer. But it must not queue for long
behind somebody's open transaction: every request would queue behind the migration
(https://mariadb.com/kb/en/metadata-locking/).

SQLite runs all migrations, and what ``around`` checks after them, in one transaction. MySQL and MariaDB commit each
change of a table at once, so an upgrade that was killed leaves a part of a migration; the next run finds that part
done already, and goes on behind it.
"""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import Any

import sqlalchemy as sa
from alembic import context
from alembic.ddl.mysql import MySQLImpl
from flask import current_app

from models.engine import mysql_password

LOCK_WAIT_S = 10
WRITER_WAIT_MS = 30_000  # for the write lock of a SQLite file, beside a service that still serves on it
# What MySQL says of a table, column, key, foreign key or trigger that is there already, or dropped already.
DONE_ALREADY = {1050, 1060, 1061, 1091, 1359, 1826}

log = logging.getLogger("smartroute.migrations")


class ResumableMySQL(MySQLImpl):
    """Passes over what an interrupted run of the same migration has done; verification finds what only looks so."""

    __dialect__ = "mysql"

    def _exec(self, construct: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return super()._exec(construct, *arguments, **options)
        except sa.exc.DBAPIError as error:
            if error.orig is None or error.orig.args[0] not in DONE_ALREADY:
                raise
            log.warning("done already: %s", error.orig.args[-1])
            return None


migrate = current_app.extensions["migrate"]
engine = migrate.db.engine
is_sqlite = engine.dialect.name == "sqlite"
if not is_sqlite:
    engine = sa.create_engine(
        engine.url,
        poolclass=sa.NullPool,
        connect_args={
            **mysql_password(engine.url),
            "connect_timeout": 5,
            "charset": "utf8mb4",
            "init_command": f"SET SESSION lock_wait_timeout = {LOCK_WAIT_S}",
        },
    )
around = context.config.attributes.get("around", nullcontext)

with engine.execution_options(writes=True).connect() as connection:
    if is_sqlite:
        # Waiting inside the library stops nobody here: a migration is a process of its own.
        connection.connection.driver_connection.execute(f"PRAGMA busy_timeout = {WRITER_WAIT_MS}")
        connection.begin()  # before alembic looks: else it would commit after each migration
    context.configure(
        connection=connection,
        target_metadata=migrate.db.metadata,
        transaction_per_migration=not is_sqlite,
        **migrate.configure_args,
    )
    with around(connection), context.begin_transaction():
        context.run_migrations()
    connection.commit()
    if is_sqlite:
        connection.connection.driver_connection.execute("PRAGMA busy_timeout = 0")
