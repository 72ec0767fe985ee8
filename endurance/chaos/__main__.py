"""``python -m endurance.chaos``: play the scenarios one after the other and say what was as expected."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

from endurance.chaos import clients_from_hell, clock, flood, private_mounts, processes, report, storage, upstreams
from endurance.chaos.scenario import SCENARIOS, NotPossible, Outcome, Scenario, Stage, outcome_of
from tests.harness.processes import Processes

PARTS = (processes, storage, clock, upstreams, clients_from_hell, flood)  # importing them fills SCENARIOS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; 0 if everything was as expected."""
    options = _options(arguments)
    chosen = _chosen(options.only)
    if options.list:
        for each in chosen:
            print(f"{each.name}: {each.title}")
            for says in each.expects.values():
                print(f"    {says}")
        return 0
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start what runs in the background without it
    private_mounts.enter()  # before any thread
    outcomes = []
    for each in chosen:
        outcomes.append(play(each))
        print(report.told(outcomes[-1]), flush=True)
    print(report.summary(outcomes))
    if options.json:
        report.write_json(options.json, outcomes)
    if options.publish:
        report.publish(outcomes, f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    return 0 if all(outcome.is_met for outcome in outcomes) else 1


def play(scenario: Scenario) -> Outcome:
    """Play one scenario in processes of its own; they end with it, however it ends."""
    processes = Processes()
    stage = Stage(processes, scenario)
    began = time.monotonic()
    trouble = ""
    try:
        scenario.play(stage)
    except NotPossible as error:
        trouble = f"not possible here: {error}"
    except Exception:
        trouble = traceback.format_exc()
    finally:
        outcome = outcome_of(stage, time.monotonic() - began, trouble)
        faults = [] if outcome.is_met else _faults(processes.folder)
        processes.close()
    return replace(outcome, trouble="\n".join([outcome.trouble, *faults]).strip())


def _faults(folder: Path) -> list[str]:
    """Return the first fault that each gateway wrote down, with some lines around it."""
    found = []
    for log in folder.glob("gateway-*/stderr.log"):
        before, trace, after = log.read_text(errors="replace").partition("Traceback")
        if trace:
            found += ["", *before.splitlines()[-2:], trace + after.splitlines()[0], *after.splitlines()[1:60]]
    return found


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--only", metavar="NAMES", help="beginnings of names, with commas between: flood,disk")
    parser.add_argument("--list", action="store_true", help="list scenarios and expectations, and play none")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    parser.add_argument("--publish", action="store_true", help="put the results into docs/chaos.md")
    return parser.parse_args(arguments)


def _chosen(only: str | None) -> list[Scenario]:
    if only is None:
        return SCENARIOS
    chosen = []
    for beginning in only.split(","):
        fitting = [each for each in SCENARIOS if each.name.startswith(beginning.strip())]
        if not fitting or not beginning.strip():
            raise SystemExit(
                f"no scenario begins with {beginning!r}; there are: {', '.join(s.name for s in SCENARIOS)}"
            )
        chosen += [each for each in fitting if each not in chosen]
    return chosen


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
