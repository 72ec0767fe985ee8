"""An upstream that comes and goes."""

from __future__ import annotations

import time

from endurance import seen
from endurance.chaos.crowd import Crowd, tally
from endurance.chaos.place import place, told_of
from endurance.chaos.scenario import Stage, scenario
from tests.harness.processes import wait_until

FLAPS = 6
BREAKER_S = 60.0  # the longest that a route is left out


@scenario(
    "upstream-flaps",
    "The first of two upstreams comes and goes",
    done=f"Two routes in order. The first one's upstream is killed and started again {FLAPS} times, a second away and a"
    " second there.",
    expects={
        "whole": "Nobody who waits for a whole answer notices: the second route serves",
        "streams": "A stream that has begun on it ends with a proper error event, never with a bare cut",
        "closes": f"Within {BREAKER_S:g} s after it stays the first route is used again",
        "books": "The books balance",
    },
)
def upstream_flaps(stage: Stage) -> None:
    """East flaps, west stays."""
    with place(stage.processes, upstreams=2, workers=1) as here:
        with Crowd(here.gateway.port, here.members, gap_s=0.1, streams=1) as crowd:
            for _ in range(FLAPS):
                time.sleep(1)
                here.upstreams.stop("east")
                time.sleep(1)
                here.upstreams.start("east")
            stays_at = time.monotonic()
            wait_until(
                "the first route is used",
                lambda: len(here.upstreams.running["east"].requests()) >= 20,
                timeout_s=BREAKER_S + 20,
                pause_s=0.2,
            )
            closed_s = time.monotonic() - stays_at
        notes = crowd.notes
        short = [each for _, each, _ in notes.short]
        failed = [each for each in short if each.how != seen.COMPLETE]
        stage.check("whole", len(short) > 200 and not failed, tally(short), [str(each) for each in failed])
        bare = [each for each in notes.streams if each.how not in (seen.COMPLETE, seen.BROKEN) or each.code == "silent"]
        stage.check("streams", not bare, tally(notes.streams), [str(each) for each in bare])
        stage.check("closes", closed_s <= BREAKER_S, f"after {closed_s:.1f} s")
        stage.check("books", *told_of(here.books(notes.seen)))
