"""Whether the tables are those that this version works with, and which revisions it knows."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from models.base import db
from models.verification import Unsound

# Told by alembic where a name alone says the same: MySQL makes an index for each foreign key by itself.
_TOLD = 3


@lru_cache(maxsize=4)
def known_revisions(folder: Path) -> tuple[str, ...]:
    """Return the revisions that the code has migrations to, oldest first; the last is its own."""
    script = ScriptDirectory(str(folder))
    return tuple(reversed([each.revision for each in script.walk_revisions()]))


def check_schema(connection: Any) -> None:
    """Hold the tables against the models.

    Raises:
        Unsound: they differ.
    """
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    differences = compare_metadata(context, db.metadata)
    if differences:
        told = "; ".join(_in_short(each) for each in differences[:_TOLD])
        raise Unsound(f"its tables are not those of this version: {told}")


def _in_short(difference: Any) -> str:
    """Return a difference in short; alembic tells it as a tuple, or as a list of those."""
    first = difference[0] if isinstance(difference, list) else difference
    names = [str(getattr(part, "name", part)) for part in first if part is not None and not isinstance(part, dict)]
    return " ".join(names)[:120]
