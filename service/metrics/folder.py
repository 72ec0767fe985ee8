"""Where the workers of one gunicorn master leave what they know for each other: small files, a folder for each master.

``worker-<pid>.json`` is written by a worker, whole and in one step (``worker_file``). ``ended.json`` is written by
masters alone: the counts of all workers that have ended, so that sums never go back and a thousand reloads leave
one file. ``lock`` is locked for as long as the master or a worker of it lives: a folder whose lock is free was left
behind by a crash, and the next start removes it. A master that takes over from another one (SIGUSR2) shares its folder.

Standard library only: the gunicorn master loads this.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

_PREFIX = "smart-route-"
REMEMBERED_S = 60.0
"""So long is a worker's file known to be in ``ended.json``, for readers who saw the file just before it went."""

SHARED = "SMARTROUTE_WORKERS_FOLDER"
"""The variable by which a master tells the one that takes over from it where the folder is."""

# State of this process: the folder of its master, and the lock that says that it is in use.
_current: list[tuple[Path, IO[str]]] = []


def make(instance: Path, shared: str | None = None) -> str | None:
    """Make this master's folder below the instance folder, or take the ``shared`` one of the master before it.

    What crashes left behind is removed. Where nothing can be written there, the folder lies among the system's
    temporary files. Returns what went wrong, or None; the service runs without a folder too, each worker then knows
    of itself alone.
    """
    if shared and _take(Path(shared)):
        return None
    trouble = ""
    for root in (instance / "workers", Path(tempfile.gettempdir())):
        try:
            root.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(root)
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
            lock = (folder / "unlocked").open("w", encoding="ascii")
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            (folder / "unlocked").rename(folder / "lock")  # others look for this name, and then it is locked
        except OSError as error:
            trouble = str(error)
            continue
        _current[:] = [(folder, lock)]
        return None
    return trouble


def hand_on(environment: dict[str, str]) -> None:
    """Tell a master that is started with this environment, to take over from this one, where the folder is."""
    environment[SHARED] = str(current() or "")


def current() -> Path | None:
    """Return the folder of this process's master; None for a process that has none."""
    return _current[-1][0] if _current else None


def remove() -> None:
    """Remove the folder at a clean end, unless another master shares it; called in the master, its workers gone."""
    while _current:
        folder, lock = _current.pop()
        with lock, contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


def name_of(pid: int) -> str:
    """Return the name of a worker's file."""
    return f"worker-{pid}.json"


def write(path: Path, text: bytes) -> None:
    """Replace a file in one step: whoever reads it gets the old text or the new one.

    Raises:
        OSError: it could not be written; the old one stays.
    """
    draft = path.with_name(f".{path.name}")
    draft.write_bytes(text)
    draft.replace(path)


def add_ended(pid: int) -> None:
    """Add the counts of a worker that has ended to those of all ended ones, and remove its file (master alone)."""
    folder = current()
    if folder is None:
        return
    worker, sum_path = folder / name_of(pid), folder / "ended.json"
    left = _read(worker)
    if left is not None:
        # A full disk: the counts of one worker are lost, nothing else.
        with contextlib.suppress(OSError), (folder / "ended.lock").open("w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two masters may share the folder
            _add(left, sum_path)
    with contextlib.suppress(OSError):
        worker.unlink(missing_ok=True)  # whoever has a file is taken for a living worker
        (folder / f".{worker.name}").unlink(missing_ok=True)


def _add(left: dict[str, Any], sum_path: Path) -> None:
    now = time.monotonic()
    known = _read(sum_path) or {}
    total = Sum(known)
    total.add(left)
    merged = {name: at for name, at in known.get("merged", {}).items() if now - at < REMEMBERED_S}
    merged[str(left["name"])] = now
    write(sum_path, json.dumps({**total.told(), "merged": merged}).encode("ascii"))


def read_all(folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return what every living worker wrote last, and the counts of the ended ones."""
    # In this order: a file that goes between the two looks is in the sum that is read behind it.
    workers = [found for path in sorted(folder.glob("worker-*.json")) if (found := _read(path)) is not None]
    ended = _read(folder / "ended.json") or {}
    merged = ended.get("merged", {})
    return [worker for worker in workers if worker["name"] not in merged], ended


class Sum:
    """Counts of several processes added up, family by family."""

    def __init__(self, told: dict[str, Any] | None = None) -> None:
        """Begin with what one process told, if given."""
        self.cells: dict[str, dict[tuple[str, ...], list[float]]] = {}
        if told:
            self.add(told)

    def add(self, told: dict[str, Any]) -> None:
        """Add what a process told of its counts."""
        for family, labels, numbers in _series(told):
            cell = self.cells.setdefault(family, {}).setdefault(labels, [0.0] * len(numbers))
            if len(cell) == len(numbers):  # another release may count in other classes
                for place, number in enumerate(numbers):
                    cell[place] += number

    def told(self) -> dict[str, Any]:
        """Return the counts as ``add`` takes them."""
        return tell(self.cells)


def tell(cells: dict[str, dict[tuple[str, ...], list[float]]]) -> dict[str, Any]:
    """Return counts as values of JSON, whose keys must be texts."""
    return {"counts": {family: [[labels, cell] for labels, cell in each.items()] for family, each in cells.items()}}


def _series(told: dict[str, Any]) -> Iterator[tuple[str, tuple[str, ...], list[float]]]:
    for family, each in told.get("counts", {}).items():
        for labels, numbers in each:
            yield family, tuple(labels), numbers


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _take(folder: Path) -> bool:
    try:
        lock = (folder / "lock").open("r+", encoding="ascii")
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    _current[:] = [(folder, lock)]
    return True


def _remove_abandoned(root: Path) -> None:
    for folder in root.glob(f"{_PREFIX}*"):
        # Others' folders and those in use, or just being made, are no business of ours.
        with contextlib.suppress(OSError), (folder / "lock").open("r+", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
