"""The catalog in force, handed from the gunicorn master to its workers.

Module state, on purpose and with one writer: the master reads the file at start and on SIGHUP, keeps the old
catalog when the new file is wrong, and then forks workers that inherit this variable. A worker never writes
it, so every request of a worker sees one catalog, and workers that are finishing their streams keep theirs.
Reading the file in each worker instead would let a half-saved file stop a worker that the master respawns.
"""

from __future__ import annotations

from catalog.model import Catalog

_in_force: Catalog | None = None


def accept(catalog: Catalog) -> None:
    """Put a catalog in force for every worker forked from now on; called in the master alone."""
    global _in_force
    _in_force = catalog


def accepted() -> Catalog | None:
    """The catalog in force, or None in a process without a master (commands, tests)."""
    return _in_force
