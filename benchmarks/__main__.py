"""``python -m benchmarks``: measure, print the tables, exit 1 if an answer was wrong; ``--help`` tells the rest."""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.peers import install
from benchmarks.plan import FULL, PARTS, QUICK
from benchmarks.report import report
from benchmarks.run import run
from benchmarks.targets import PEERS


def main() -> int:
    """Run the benchmarks; return the exit code."""
    arguments = _arguments()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    peers = [name for name in PEERS if name.lower() not in arguments.without]
    parts = [part for part in PARTS if part in arguments.only]

    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - begun:6.1f} s  {text}", file=sys.stderr, flush=True)

    install(peers)
    document = run(QUICK if arguments.quick else FULL, parts, peers, say)
    document["is_quick"] = arguments.quick
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(report(document))
    return 1 if document["wrong"] else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="See docs/benchmarks.md.")
    parser.add_argument("--quick", action="store_true", help="a smoke test: its figures mean nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too, for benchmarks.publish")
    parser.add_argument(
        "--only", type=_some_of(PARTS), default=PARTS, metavar="PARTS", help=f"some of: {','.join(PARTS)}"
    )
    parser.add_argument(
        "--without", type=_some_of([name.lower() for name in PEERS]), default=(), metavar="PEERS",
        help="leave out litellm, portkey or both",
    )  # fmt: skip
    return parser.parse_args()


def _some_of(names: Sequence[str]) -> Callable[[str], list[str]]:
    """Return a reader of names parted by commas, each of which must be one of ``names``."""

    def read(text: str) -> list[str]:
        chosen = text.split(",")
        for name in chosen:
            if name not in names:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(names)}")
        return chosen

    return read


if __name__ == "__main__":
    sys.exit(main())
