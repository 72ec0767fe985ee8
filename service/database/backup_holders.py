"""Who uses the database besides this command: nothing may be put in its place meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from models import whole_database
from models.base import db
from models.sqlite_file import SIDE_FILES
from models.storage import StorageUnavailable
from service.process.not_ready import NotReady
from service.process.running_workers import running_workers
from service.services import services

_SHOWN = 3


def refuse_if_used(purpose: str, own: set[int]) -> None:
    """Refuse ``purpose`` while a gateway or anybody else uses the database; ``own`` are MySQL connections of ours.

    Raises:
        NotReady: it is used; the sentence says by whom.
    """
    users = holders(own)
    if users:
        verb = "uses" if len(users) == 1 else "use"
        more = f" and {len(users) - _SHOWN} more" if len(users) > _SHOWN else ""
        raise NotReady(f"{purpose} takes a stopped service, and {', '.join(users[:_SHOWN])}{more} {verb} the database")


def holders(own: set[int]) -> list[str]:
    """Return who uses the database, in words."""
    services().storage.let_go()  # what this process keeps open would be found too
    path = db.engine.url.database
    if services().storage.is_sqlite:
        return list(dict.fromkeys([*_processes_with(Path(path or "")), *_workers(Path(path or ""))]))
    with db.engine.connect() as connection:
        own = own | {whole_database.connection_number(connection)}
        connected = [f"a connection of {name}" for name in whole_database.other_connections(connection, own)]
    return [*connected, *_workers(None)]


def _workers(file: Path | None) -> list[str]:
    """Return gateway workers by their leases; of a damaged file none, as a restore is for such."""
    if file is not None and not file.exists():
        return []
    try:
        return running_workers(services().storage)
    except (StorageUnavailable, DBAPIError):  # no such table either, while a restore is half done
        return []
    finally:
        services().storage.let_go()


def _processes_with(file: Path) -> list[str]:
    """Return the processes of this machine that have a file, or its log, open; as far as they may be seen."""
    wanted = set()
    for each in (file, *(file.with_name(file.name + suffix) for suffix in SIDE_FILES)):
        try:
            status = each.stat()
        except OSError:
            continue
        wanted.add((status.st_dev, status.st_ino))
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if wanted and int(process.name) != os.getpid() and _opened(process / "fd") & wanted:
            found.append(f"process {process.name}")
    return found


def _opened(folder: Path) -> set[tuple[int, int]]:
    opened = set()
    try:
        for descriptor in folder.iterdir():
            try:
                status = descriptor.stat()
            except OSError:
                continue
            opened.add((status.st_dev, status.st_ino))
    except OSError:  # somebody else's process, or one that has ended
        pass
    return opened
