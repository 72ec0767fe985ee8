"""``python -m endurance [--minutes N] ...``: run, print what was expected and found, exit 1 if anything was not met."""

from __future__ import annotations

import argparse
import json
import resource
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from endurance.picture import picture
from endurance.publish import publish
from endurance.report import report
from endurance.soak import Plan, soak
from tests.harness.processes import Processes


def main() -> int:
    """Run; return the exit code."""
    arguments = _arguments()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start what runs in the background without it
    plan = Plan(arguments.minutes, arguments.rate, arguments.workers, arguments.database, arguments.kill_every)
    processes = Processes()
    try:
        document = soak(plan, processes, lambda text: print(f"... {time.strftime('%X')} {text}", file=sys.stderr))
    except KeyboardInterrupt:
        print("endurance: ended before its time, nothing was judged", file=sys.stderr)
        return 130
    finally:
        processes.close()
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "endurance.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (arguments.output / "endurance.svg").write_text(picture(document), encoding="utf-8")
    if arguments.publish:
        publish(document)
    print(report(document))
    print(f"figures and picture: {arguments.output}")
    return 0 if document["is_passed"] else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m endurance", description="See docs/endurance.md.")
    parser.add_argument("--minutes", type=float, default=10, help="of mixed load, the warm-up included (10)")
    parser.add_argument("--rate", type=float, default=30, help="scenarios begun a second (30)")
    parser.add_argument("--workers", type=int, default=2, help="of the gateway (2)")
    parser.add_argument("--database", choices=["sqlite", "mariadb"], default="sqlite")
    parser.add_argument("--kill-every", type=float, default=0, metavar="S", help="kill -9 a worker every S seconds")
    parser.add_argument(
        "--output", type=Path, default=Path("instance/endurance"), help="folder for figures and picture"
    )
    parser.add_argument("--publish", action="store_true", help="write figures and picture into docs/ as well")
    return parser.parse_args()


def _end(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
