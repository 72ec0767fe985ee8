"""Which migration the database has, asked often and cheaply; ``service.database.schema`` is for who changes it."""

from __future__ import annotations

import sqlalchemy as sa

from .prepared import Prepared
from .storage import Storage

_REVISION = Prepared(sa.select(sa.column("version_num")).select_from(sa.table("alembic_version")))


def schema_revision(storage: Storage) -> str | None:
    """Return the revision; None for a database whose tables were never made by migrations.

    Raises:
        StorageUnavailable: the database did not answer in time.
    """
    row = storage.read(lambda connection: _REVISION.first(connection, {}), is_lone=True)
    return None if row is None else str(row[0])
