"""What the state after a run may differ in from the state before it, and what is called a leak."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from endurance.processes import Look
from endurance.state import Still
from endurance.steadiness import SETTLED, judge, steepest_slope

LOOK = Look(1, 80.0, 90.0, 1.0, 0.1, 20, 4, 0, 5, 3)
STILL = Still(
    master=replace(LOOK, pss_mb=18.0, upstreams=0, databases=0, fds=9),
    workers=[LOOK, LOOK],
    greenlets=[{"_keep_tidy": 1, "_keep_lease": 1}] * 2,
    breakers=Counter({"closed": 8, "open": 0, "half_open": 0}),
    open_attempts=0,
    open_rows=0,
    upstream_requests=0,
)


def sample(at_s: float, pss_mb: float = 80.0, **more: Any) -> dict[str, Any]:
    fields = {"at_s": at_s, "phase": "mixed", "lag_s": 0.01, "starved_s": 0.01, "wal_mb": 4.0}
    return {**fields, "workers": [{"pid": 1, "pss_mb": pss_mb}], **more}


SAMPLES = [sample(number * 5.0) for number in range(120)]


def unmet(after: Still, samples: list[dict[str, Any]] = SAMPLES) -> list[str]:
    found = judge(STILL, after, samples, growth=SETTLED, had_kills=False)
    return [each.says for each in found if not each.is_met]


def workers(**changes: Any) -> Still:
    return replace(STILL, workers=[LOOK, replace(LOOK, **changes)])


def test_state_that_is_where_it_began_is_met() -> None:
    assert unmet(STILL) == []
    assert unmet(workers(fds=25, upstreams=9, databases=4, pss_mb=82.0)) == [], "kept connections are no leak"


def test_connection_that_closed_only_after_the_state_before_was_noted_is_no_leak() -> None:
    assert unmet(replace(STILL, greenlets=[{"_keep_tidy": 1}, {"_keep_lease": 1}])) == []


@pytest.mark.parametrize(
    ("after", "says"),
    [
        (workers(fds=21), "File descriptors"),
        (workers(fds=21, clients=1), "No client's connection"),
        (workers(pss_mb=95.0), "Memory of each worker"),
        (workers(threads=14), "Threads"),
        (replace(STILL, greenlets=[{"_keep_tidy": 1, "_keep_lease": 1, "forgotten": 3}] * 2), "Greenlets"),
        (replace(STILL, greenlets=[None, None]), "Greenlets"),
        (replace(STILL, open_rows=1), "No reservation"),
        (replace(STILL, open_attempts=1), "Nothing runs at an upstream"),
        (replace(STILL, upstream_requests=1), "Nothing runs at an upstream"),
        (replace(STILL, breakers=Counter({"closed": 7, "open": 1, "half_open": 0})), "All breakers"),
        (replace(STILL, breakers=Counter()), "All breakers"),
    ],
)
def test_what_is_left_behind_is_found(after: Still, says: str) -> None:
    assert [each for each in unmet(after) if each.startswith(says)]


def test_loop_that_is_late_and_log_that_grows_are_found() -> None:
    late = [sample(each["at_s"], lag_s=0.6) for each in SAMPLES]
    assert [each.split(" ")[0] for each in unmet(STILL, late)] == ["The"]
    assert unmet(STILL, [sample(each["at_s"], lag_s=0.6, starved_s=0.5) for each in SAMPLES]) == []
    assert [each.split("'")[0] for each in unmet(STILL, [*SAMPLES, sample(700, wal_mb=190.0)])] == ["SQLite"]


def test_memory_that_rises_all_the_time_is_found_in_a_run_that_is_long_enough() -> None:
    rising = [sample(number * 10.0, 80 + number * 0.05) for number in range(240)]
    slope = steepest_slope(rising)
    assert slope == pytest.approx(18.0)
    assert [each for each in unmet(STILL, rising) if each.startswith("Memory of no worker rises")]
    assert steepest_slope(rising[:100]) is None
    assert steepest_slope([sample(number * 10.0) for number in range(240)]) == pytest.approx(0)
