"""``python -m benchmarks [--quick] [--json FILE]``: measure, print the tables, exit 1 if an answer was wrong."""

from __future__ import annotations

import argparse
import json
import resource
import sys
from pathlib import Path

from benchmarks.report import report
from benchmarks.run import FULL, QUICK, run


def main() -> int:
    """Run the benchmarks; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="See docs/benchmarks.md.")
    parser.add_argument("--quick", action="store_true", help="a smoke test: its figures mean nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    document = run(QUICK if arguments.quick else FULL, lambda text: print(f"... {text}", file=sys.stderr, flush=True))
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(report(document))
    return 1 if document["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
