"""Runs migrations; called by Flask-Migrate. On SQLite with the application's own engine, on MySQL with another one.

A migration of a large table takes longer than any request may wait for an answer. But it must not queue for long
behind somebody's open transaction: every request would queue behind the migration
(https://mariadb.com/kb/en/metadata-locking/).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context
from flask import current_app

LOCK_WAIT_S = 10
WRITER_WAIT_MS = 30_000  # for the write lock of a SQLite file, beside a service that still serves on it

migrate = current_app.extensions["migrate"]
engine = migrate.db.engine
if engine.dialect.name != "sqlite":
    engine = sa.create_engine(
        engine.url,
        poolclass=sa.NullPool,
        connect_args={
            "connect_timeout": 5,
            "charset": "utf8mb4",
            "init_command": f"SET SESSION lock_wait_timeout = {LOCK_WAIT_S}",
        },
    )

with engine.execution_options(writes=True).connect() as connection:
    if engine.dialect.name == "sqlite":
        # Waiting inside the library stops nobody here: a migration is a process of its own.
        connection.connection.driver_connection.execute(f"PRAGMA busy_timeout = {WRITER_WAIT_MS}")
    context.configure(
        connection=connection,
        target_metadata=migrate.db.metadata,
        **migrate.configure_args,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
    if engine.dialect.name == "sqlite":
        connection.connection.driver_connection.execute("PRAGMA busy_timeout = 0")
