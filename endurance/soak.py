"""The run: warm up, rest and note where everything is, load for its time, calm down, rest, and compare."""

from __future__ import annotations

import http.client
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from endurance.books import balance
from endurance.expectations import SHOWN, Expectation, none_of
from endurance.house import House, Load, running_house
from endurance.kills import killing
from endurance.ledger import Ledger
from endurance.processes import Places
from endurance.reported import report_against
from endurance.seen import Seen, read_notes
from endurance.standing import used_of
from endurance.state import Sampler, Still, breakers_not_closed, look_when_still, until
from endurance.steadiness import FRESH, SETTLED, judge
from endurance.traffic import every_scenario
from tests.harness.processes import Processes

Say = Callable[[str], None]

SETTLED_AFTER_S = 100.0
"""Of warm-up: from then on memory is held to the narrow bound."""
QUIET_WITHIN_S = 120.0
CLOSED_WITHIN_S = 150.0
SWEPT_WITHIN_S = 60.0
EVERY_SCENARIO_FROM_S = 300.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how hard. Times are seconds."""

    minutes: float = 10.0
    rate: float = 30.0
    """Scenarios begun a second; most are one request, some are four."""
    workers: int = 2
    database: str = "sqlite"
    kill_every_s: float = 0.0
    """0: nobody is killed."""

    @property
    def loaded_s(self) -> float:
        """All of the mixed load, the warm-up included."""
        return self.minutes * 60

    @property
    def warm_s(self) -> float:
        """The warm-up."""
        return _within(3, self.loaded_s * 0.2, 180)

    @property
    def rest_s(self) -> float:
        """How long to wait, with nothing to do, before a state is noted: housekeeping has its turn."""
        return _within(2, self.loaded_s * 0.1, 60)

    @property
    def sample_every_s(self) -> float:
        """Between two samples."""
        return _within(1, self.loaded_s / 600, 5)

    @property
    def dawdle_s(self) -> float:
        """How long a slow reader takes at most."""
        return _within(2, self.loaded_s * 0.1, 30)

    @property
    def outage_every_s(self) -> float:
        """Between two stops of the upstream that comes and goes."""
        return _within(5, self.loaded_s / 10, 60)

    @property
    def daily_of_spender(self) -> int:
        """A quota that the traffic uses up within about the warm-up."""
        return max(4, min(100, int(self.warm_s * self.rate * 0.01)))


def soak(plan: Plan, processes: Processes, say: Say) -> dict[str, Any]:
    """Run; return the document: plan, figures, samples, what was expected and found."""
    began = time.time()
    places = Places(gateway=0, upstreams=(), folder=processes.new_folder("census"))
    with ExitStack() as running:
        house = running.enter_context(
            running_house(
                processes,
                database=plan.database,
                workers=plan.workers,
                daily_of_spender=plan.daily_of_spender,
                env=places.environment(),
            )
        )
        _find_places(places, house)
        load = Load(house, house.settings(plan.rate, dawdle_s=plan.dawdle_s))
        running.callback(load.stop, 0)  # of a run that ends before its time
        sampler = running.enter_context(Sampler(house, load, places, plan.sample_every_s))
        before, killed = _load(plan, house, load, sampler, places, say)
        _calm_down(plan, house, load, sampler, say)
        after = look_when_still(house, places)
        code = load.stop()
        say("reading the books")
        found = _judge(plan, house, load, before, after, sampler, killed)
        found.append(Expectation("The load process ended in order", code == 0, f"exit code {code} {load.trouble()}"))
        if house.gateway.worker_pids() != [look.pid for look in before.workers] and not killed:
            found.append(Expectation("No worker was replaced", False, f"workers {house.gateway.worker_pids()}"))
        samples = sampler.samples
        seen = list(read_notes(load.notes))
    return {
        "plan": asdict(plan),
        "began": datetime.fromtimestamp(began, UTC).isoformat(timespec="seconds"),
        "took_s": round(time.time() - began),
        "killed": killed,
        "outages": house.demos.outages,
        "requests": len(seen),
        "answers": _answers(seen),
        "expectations": [each.document() for each in found],
        "is_passed": all(each.is_met for each in found),
        "samples": samples,
        "sample_troubles": sampler.troubles,
    }


def _load(plan: Plan, house: House, load: Load, sampler: Sampler, places: Places, say: Say) -> tuple[Still, int]:
    say(f"warm-up, {plan.warm_s:g} s")
    _mode(load, sampler, "mixed", "warm-up")
    with house.demos.flapping(plan.outage_every_s):
        time.sleep(plan.warm_s)
    _rest(plan, load, sampler, say)
    before = look_when_still(house, places)
    seconds = plan.loaded_s - plan.warm_s
    say(f"mixed load, {seconds:g} s")
    _mode(load, sampler, "mixed", "mixed")
    with house.demos.flapping(plan.outage_every_s), killing(house, plan.kill_every_s, say) as killed:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(60.0, left))
            say(f"{max(0.0, end - time.monotonic()):.0f} s left, {load.progress()}")
    return before, len(killed)


def _calm_down(plan: Plan, house: House, load: Load, sampler: Sampler, say: Say) -> None:
    say("calm load until the breakers are closed")
    _mode(load, sampler, "calm", "calm")
    time.sleep(2)
    until(lambda: _breakers_are_closed(house), CLOSED_WITHIN_S, 1.5)
    load.say("rest")
    _rest(plan, load, sampler, say)
    until(lambda: Ledger(house.gateway.database_url).open_rows() == 0, SWEPT_WITHIN_S)


def _breakers_are_closed(house: House) -> bool:
    try:
        return breakers_not_closed(house) == 0
    except (OSError, http.client.HTTPException):  # it does not answer now, and is asked again
        return False


def _rest(plan: Plan, load: Load, sampler: Sampler, say: Say) -> None:
    say(f"rest, {plan.rest_s:g} s")
    _mode(load, sampler, "pause", "rest")
    load.wait_until_quiet(QUIET_WITHIN_S)
    time.sleep(plan.rest_s)


def _mode(load: Load, sampler: Sampler, word: str, phase: str) -> None:
    sampler.phase = phase
    load.say(word)


def _judge(
    plan: Plan, house: House, load: Load, before: Still, after: Still, sampler: Sampler, killed: int
) -> list[Expectation]:
    ledger = Ledger(house.gateway.database_url)
    seen = list(read_notes(load.notes))
    used = used_of(house)
    limits = {house.spender.email: house.daily_of_spender}
    rows = ledger.rows()
    found = balance(seen, rows, used, had_kills=bool(killed), limits=limits)
    added_up, wrong = ledger.wrong_totals()
    found.append(none_of("Totals of the days equal their rows", wrong, f"{added_up} rows added up"))
    days, wrong = ledger.wrong_sums()
    found.append(none_of("Sums of the house equal its totals", wrong, f"{days} days summed up"))
    found.append(none_of("The operator's report is the rows", *report_against(house, rows)))
    growth = SETTLED if plan.warm_s >= SETTLED_AFTER_S else FRESH
    found += judge(before, after, sampler.samples, growth=growth, had_kills=bool(killed))
    found.append(_sampled(plan, sampler))
    if plan.loaded_s >= EVERY_SCENARIO_FROM_S:
        missing = every_scenario() - {each.scenario for each in seen}
        found.append(none_of("Every kind of traffic took part", missing, f"{len(every_scenario())} kinds"))
    return found


def _sampled(plan: Plan, sampler: Sampler) -> Expectation:
    taken = sum(each["phase"] == "mixed" for each in sampler.samples)
    wanted = (plan.loaded_s - plan.warm_s) / (plan.sample_every_s + 1)  # a busy machine needs time for one
    return Expectation(
        "Samples were taken all along", taken >= wanted / 2, f"{taken} under load", tuple(sampler.troubles[:SHOWN])
    )


def _find_places(places: Places, house: House) -> None:
    places.gateway = house.gateway.port
    places.upstreams = list(house.demos.ports.values())
    url = house.gateway.database_url
    if url.startswith("sqlite:///"):
        places.database_file = str(Path(url.removeprefix("sqlite:///")))
    else:
        places.database_port = int(url.rpartition(":")[2].partition("/")[0])


def _answers(seen: list[Seen]) -> dict[str, dict[str, int]]:
    """Return how often each scenario ended how."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for each in seen:
        found[each.scenario][f"{each.how}:{each.code}" if each.code else each.how] += 1
    return {scenario: dict(ends.most_common()) for scenario, ends in sorted(found.items())}


def _within(least: float, value: float, most: float) -> float:
    return max(least, min(value, most))
