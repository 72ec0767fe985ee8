"""Databases of earlier releases, brought to life again."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from models.engine import prepare_engine
from tests.conftest import new_database
from tests.harness.mariadb import PASSWORD, USER, program
from tests.upgrade.record import FOLDER

# Those that were recorded lock each table, which the documented rights do not allow.
LOCKS = re.compile(r"^(?:LOCK TABLES `\w+` WRITE|UNLOCK TABLES);\n", re.MULTILINE)


def earlier_database(request: pytest.FixtureRequest, release: str, kind: str, folder: Path) -> str:
    """Fill a new database with what a gateway of an earlier schema left; gives its SQLAlchemy URL."""
    url = new_database(request, kind, folder)
    statements = (FOLDER / f"{release}.{kind}.sql").read_text(encoding="utf-8")
    if kind == "sqlite":
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.executescript(statements)
        connection.close()
        return url
    address, name = url.rpartition("/")[::2]
    command = [program("mariadb"), "--no-defaults", "--host=127.0.0.1", f"--port={address.rpartition(':')[2]}"]
    command += [f"--user={USER}", f"--password={PASSWORD}", name]
    subprocess.run(command, input=LOCKS.sub("", statements), text=True, check=True, timeout=60)
    return url


def told(release: str, kind: str) -> dict[str, Any]:
    """What the members of that gateway had, as it told them."""
    document: dict[str, Any] = json.loads((FOLDER / f"{release}.{kind}.json").read_text(encoding="utf-8"))
    return document


class Tables:
    """A look into a database behind the back of whatever serves on it."""

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url, poolclass=sa.NullPool)
        prepare_engine(self._engine)

    def scalar(self, query: str) -> Any:
        """One value."""
        with self._engine.connect() as connection:
            return connection.exec_driver_sql(query).scalar()

    @property
    def revision(self) -> str:
        """The schema's."""
        return str(self.scalar("SELECT version_num FROM alembic_version"))

    def names(self) -> set[str]:
        """All tables."""
        with self._engine.connect() as connection:
            return set(sa.inspect(connection).get_table_names())

    def execute(self, statement: str) -> None:
        """Change something."""
        with self._engine.execution_options(writes=True).begin() as connection:
            connection.exec_driver_sql(statement)
