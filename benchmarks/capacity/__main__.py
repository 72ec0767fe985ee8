"""``python -m benchmarks.capacity [--only PARTS] [--rows N …]``: print the tables of docs/capacity.md."""

from __future__ import annotations

import argparse
import resource
import sys
from collections.abc import Callable

from benchmarks.capacity import growth, installations, one_core
from benchmarks.house import Upstream
from tests.harness.mariadb import MariaDB
from tests.harness.processes import Processes

Part = Callable[[Processes, Upstream, MariaDB, argparse.Namespace], tuple[str, int]]
PARTS: dict[str, Part] = {
    "installations": installations.compare,
    "accounts": growth.with_accounts,
    "rows": growth.with_rows,
    "streams": growth.with_streams,
    "core": one_core.carried,
}


def main() -> int:
    """Measure the parts asked for; exit 1 if any answer was wrong or any book did not balance."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description="See docs/capacity.md.")
    parser.add_argument("--only", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=6, help="of each load, in turns")
    parser.add_argument("--seconds", type=float, default=1.0, help="of a round")
    parser.add_argument("--rows", type=int, nargs="*", default=[0, 1_000_000, 10_000_000], help="of the usage log")
    parser.add_argument("--accounts", type=int, nargs="*", default=[10, 1_000, 10_000])
    parser.add_argument("--streams", type=int, nargs="*", default=[100, 500, 1_000, 2_000])
    asked = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    wrong = 0
    processes = Processes()
    try:
        upstream, server = Upstream(processes), MariaDB(processes)
        for name in asked.only.split(","):
            text, faults = PARTS[name](processes, upstream, server, asked)
            wrong += faults
            print(text, end="\n\n", flush=True)
    finally:
        processes.close()
    print(f"Wrong answers and missing rows: {wrong}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
