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

_TOLD = 3
# What is there and not wanted harms nobody: a table of something else, an index that an operator added.
_HARMLESS = "remove_"


@lru_cache(maxsize=4)
def known_revisions(folder: Path) -> tuple[str, ...]:
    """Return the revisions that the code has migrations to, oldest first; the last is its own."""
    script = ScriptDirectory(str(folder))
    return tuple(reversed([each.revision for each in script.walk_revisions()]))


def check_schema(connection: Any) -> None:
    """Hold the tables against the models: nothing that they need may be missing.

    Types are not compared: servers and their versions call the same one by different names.

    Raises:
        Unsound: they differ.
    """
    context = MigrationContext.configure(connection, opts={"compare_type": False})
    found = [_in_short(each) for each in compare_metadata(context, db.metadata)]
    missing = [each for each in found if not each.startswith(_HARMLESS)]
    if missing:
        told = "; ".join(missing[:_TOLD])
        raise Unsound(f"its tables are not those of this version: {told}")


def _in_short(difference: Any) -> str:
    """Return a difference in short; alembic tells it as a tuple, or as a list of those."""
    first = difference[0] if isinstance(difference, list) else difference
    names = [str(getattr(part, "name", part)) for part in first if part is not None and not isinstance(part, dict)]
    return " ".join(names)[:120]
