"""Where the service of a database listens at the moment: a small file that commands in another shell can read.

One file for each database, so that several services may run from one checkout. The master writes it when it
listens and removes it when it ends; one that a crash left behind names a process that is gone, and counts for nothing.
Standard library only, since the master and every command load this.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from urllib.parse import urlsplit

from config import Settings


def note(settings: Settings) -> None:
    """Write down the port of this process; a folder that cannot be written costs the commands this help alone."""
    path = _path(settings)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    text = json.dumps({"port": settings.port, "pid": os.getpid(), "started": _started(os.getpid())})
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob("running-*.json"):
            if _port_in(left) is None:
                left.unlink(missing_ok=True)
        draft.write_text(text, encoding="ascii")
        draft.replace(path)


def forget(settings: Settings) -> None:
    """Remove the file at a clean end, unless another service has written its own there since."""
    path = _path(settings)
    with contextlib.suppress(OSError):
        if _read(path).get("pid") == os.getpid():
            path.unlink()


def find(settings: Settings) -> int | None:
    """Return the TCP port of the service that runs on this database; None: none is known to run."""
    return _port_in(_path(settings))


def _path(settings: Settings) -> Path:
    # The password is no part of which database it is, and does not belong into a file's name, even hashed.
    parts = urlsplit(settings.database_url)
    name = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return settings.instance_dir / f"running-{hashlib.sha256(name.encode()).hexdigest()[:16]}.json"


def _port_in(path: Path) -> int | None:
    known = _read(path)
    port, pid = known.get("port"), known.get("pid")
    if not isinstance(port, int) or not isinstance(pid, int) or known.get("started") is None:
        return None
    return port if _started(pid) == known["started"] else None


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _started(pid: int) -> int | None:
    """Return when a living process began, in clock ticks since the boot: its number alone may be another's by now."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        # Field 22, counted behind the program's name, which may hold blanks: proc_pid_stat(5).
        fields = line.rpartition(")")[2].split()
        return None if fields[0] in ("Z", "X") else int(fields[19])
    except (OSError, IndexError, ValueError):
        return None
