"""Runs migrations on the application's own engine; called by Flask-Migrate."""

from __future__ import annotations

from alembic import context
from flask import current_app

migrate = current_app.extensions["migrate"]
engine = migrate.db.engine

with engine.execution_options(writes=True).connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=migrate.db.metadata,
        **migrate.configure_args,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
