"""The indexes of a SQLite file: the same whether migrations made them or the models did, and back again."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

import models.all_tables  # noqa: F401  (create_all makes every table)
from models.base import db
from models.engine import prepare_engine
from tests.upgrade.fixture import earlier_database
from tests.upgrade.test_failures import House

MIGRATION = importlib.import_module("migrations.versions.0016_indexes_of_open_rows")
OVER_FEW_ROWS = {
    "ix_usage_log_owner_id_account_id": (
        "CREATE INDEX ix_usage_log_owner_id_account_id ON usage_log (owner_id, account_id) WHERE owner_id IS NOT NULL"
    ),
    "uq_usage_log_claim": "CREATE UNIQUE INDEX uq_usage_log_claim ON usage_log (claim) WHERE claim IS NOT NULL",
}

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sa.Connection]:
    """A transaction on a new file that was made of the models."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'new.db'}")
    prepare_engine(engine)
    with engine.execution_options(writes=True).begin() as connection:
        db.metadata.create_all(connection)
        yield connection
    engine.dispose()


def indexes(connection: sa.Connection) -> dict[str, str]:
    """Every index that a statement made, with the statement."""
    made = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    return {name: " ".join(sql.split()) for name, sql in made}


def test_upgraded_file_has_the_indexes_of_a_new_one(
    request: pytest.FixtureRequest, tmp_path: Path, connection: sa.Connection
) -> None:
    url = earlier_database(request, "0009", "sqlite", tmp_path)
    code, said = House(url, tmp_path).start()
    assert code == 0, said
    upgraded = sa.create_engine(url)
    with upgraded.connect() as other:
        assert indexes(other) == indexes(connection)
    upgraded.dispose()


def test_indexes_over_few_rows_become_those_over_all_and_back(connection: sa.Connection) -> None:
    new = indexes(connection)
    assert OVER_FEW_ROWS.items() <= new.items()
    with Operations.context(MigrationContext.configure(connection)):
        MIGRATION.downgrade()
        old = indexes(connection)
        assert {name: statement for name, statement in old.items() if name not in new or statement != new[name]} == {
            "ix_usage_log_owner_id": "CREATE INDEX ix_usage_log_owner_id ON usage_log (owner_id)",
            "uq_usage_log_claim": "CREATE UNIQUE INDEX uq_usage_log_claim ON usage_log (claim)",
        }
        MIGRATION.upgrade()
    assert indexes(connection) == new
