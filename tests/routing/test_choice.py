"""The order in which eligible routes are tried, and why."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from catalog.model import Profile, Route
from routing.choice import STAYS_AWAY_S
from routing.features import Features
from routing.health import LONGEST_PAUSE_S, Health
from routing.router import RoutePlan, Router
from routing.stickiness import KEPT_S, MOST_CONVERSATIONS
from tests.api.test_attempts import features, route
from tests.routing.clock import Clock


class House:
    """A router, its clock, and a profile of the given routes."""

    def __init__(self, *routes: Route) -> None:
        self.clock = Clock()
        self.router = Router(Health(self.clock))
        self.profile = Profile("a", "A", "", None, None, None, routes, 0)
        self.routes = {each.model: each for each in routes}

    def plan(self, **asked: Any) -> RoutePlan:
        return self.router.plan(self.profile, features(**asked))

    def first(self, **asked: Any) -> str:
        return self.plan(**asked).routes[0].model

    def answered(self, model: str, asked: Features) -> None:
        self.router.answered(self.profile, asked, self.routes[model])

    def measured(self, model: str, seconds: float, *, stream: bool = True) -> None:
        self.router.health.of(self.routes[model]).succeeded(object(), stream=stream, seconds=seconds)

    def break_down(self, model: str) -> None:
        for _ in range(5):
            self.router.health.of(self.routes[model]).failed(object(), stream=True, seconds=0.1)


def test_routes_of_different_orders_are_taken_in_order() -> None:
    plan = House(route("one", order=1), route("two", order=2)).plan()
    assert ([each.model for each in plan.routes], plan.reason) == (["one", "two"], "order")


def test_routes_of_one_order_share_by_weight() -> None:
    house = House(route("three", weight=3), route("one", weight=1))
    drawn = Counter(house.first() for _ in range(2000))
    assert 0.70 < drawn["three"] / 2000 < 0.80
    assert house.plan().reason == "weight"


def test_conversations_share_by_weight_too() -> None:
    house = House(route("three", weight=3), route("one", weight=1))
    drawn = Counter(house.first(conversation=number) for number in range(2000))
    assert 0.70 < drawn["three"] / 2000 < 0.80


def test_weight_of_zero_comes_last_among_equals() -> None:
    house = House(route("spare", weight=0), route("main"), route("later", order=1))
    assert {tuple(each.model for each in house.plan().routes) for _ in range(50)} == {("main", "spare", "later")}


def test_every_worker_draws_the_same_route_for_a_conversation() -> None:
    workers = [House(route("one"), route("two"), route("three")) for _ in range(3)]
    for number in range(50):
        assert len({worker.first(conversation=number, is_first_turn=False) for worker in workers}) == 1


@pytest.mark.parametrize("named", [True, False], ids=["named", "by-opening"])
def test_conversation_stays_where_it_was_answered(named: bool) -> None:
    house = House(route("one", order=1), route("two", order=2))
    asked = features(conversation=7, is_first_turn=False, is_named=named)
    house.answered("two", asked)
    plan = house.router.plan(house.profile, asked)
    assert (plan.routes[0].model, plan.reason) == ("two", "same_conversation")
    assert house.first(conversation=8, is_first_turn=False) == "one"


def test_conversations_of_two_aliases_are_kept_apart() -> None:
    house = House(route("one", order=1), route("two", order=2))
    asked = features(conversation=7, is_first_turn=False)
    house.answered("two", asked)
    other = Profile("b", "B", "", None, None, None, house.profile.routes, 1)
    assert house.router.plan(other, asked).routes[0].model == "one"


def test_conversation_leaves_a_route_that_is_left_out_and_stays_where_it_went() -> None:
    house = House(route("one", order=1), route("two", order=2))
    asked = features(conversation=7, is_first_turn=False)
    house.answered("one", asked)
    house.break_down("one")
    assert house.plan(conversation=7, is_first_turn=False).reason == "order"
    house.answered("two", asked)
    house.clock.pass_s(5)
    house.router.health.of(house.routes["one"]).enter(trial := object(), stream=True)
    house.router.health.of(house.routes["one"]).succeeded(trial, stream=True, seconds=0.1)
    assert house.first(conversation=7, is_first_turn=False) == "two"


def test_conversation_goes_back_to_its_own_route_ten_minutes_after_it_had_to_leave() -> None:
    house = House(route("one", order=1), route("two", order=2))
    asked = features(conversation=7, is_first_turn=False, is_named=True)
    for _ in range(10):
        house.answered("two", asked)
        house.clock.pass_s(STAYS_AWAY_S / 10 - 1)
        assert house.router.plan(house.profile, asked).routes[0].model == "two"
    house.clock.pass_s(10)
    assert house.router.plan(house.profile, asked).routes[0].model == "one"


def test_conversation_is_forgotten_after_an_hour_without_a_turn() -> None:
    house = House(route("one", order=1), route("two", order=2))
    house.answered("one", features(conversation=7))
    house.clock.pass_s(KEPT_S)
    assert house.plan(conversation=7, is_first_turn=False).reason == "same_conversation"
    house.clock.pass_s(1)
    assert house.plan(conversation=7, is_first_turn=False).reason == "order"


def test_only_so_many_conversations_are_remembered_and_the_oldest_goes_first() -> None:
    house = House(route("one", order=1), route("two", order=2))
    for number in range(MOST_CONVERSATIONS + 1):
        house.answered("two", features(conversation=number))
    assert house.first(conversation=0, is_first_turn=False) == "one"
    assert house.first(conversation=1, is_first_turn=False) == "two"


def test_same_opening_again_and_again_is_spread_over_the_routes() -> None:
    house = House(route("one"), route("two"))
    seen: Counter[str] = Counter()
    for _ in range(200):
        asked = features(conversation=7)
        model = house.router.plan(house.profile, asked).routes[0].model
        house.answered(model, asked)
        seen[model] += 1
    assert min(seen["one"], seen["two"]) > 50


def test_named_conversation_keeps_to_its_route_from_its_first_turn_on() -> None:
    house = House(route("one"), route("two"))
    first = house.first(conversation=7, is_named=True)
    house.answered(first, features(conversation=7, is_named=True))
    assert {house.first(conversation=7, is_named=True) for _ in range(50)} == {first}


def test_fast_plan_takes_the_route_with_the_quickest_first_output() -> None:
    house = House(route("slow", order=1), route("quick", order=2))
    house.measured("slow", 2.0)
    house.measured("quick", 0.2)
    plan = house.plan(speed="fast", stream=True)
    assert (plan.routes[0].model, plan.reason) == ("quick", "fastest")
    assert house.first(speed="standard", stream=True) == "slow"


def test_fast_plan_follows_when_the_quick_route_becomes_slow() -> None:
    house = House(route("a"), route("b"))
    house.measured("a", 0.2)
    house.measured("b", 0.5)
    assert house.first(speed="fast", stream=True) == "a"
    for _ in range(10):
        house.clock.pass_s(1)
        house.measured("a", 3.0)
    assert house.first(speed="fast", stream=True) == "b"


def test_fast_plan_measures_what_it_does_not_know_with_one_request() -> None:
    house = House(route("known"), route("new"))
    house.measured("known", 0.2)
    plan = house.plan(speed="fast", stream=True)
    assert (plan.routes[0].model, plan.reason) == ("new", "measuring")
    house.router.health.of(house.routes["new"]).enter(object(), stream=True)
    assert house.first(speed="fast", stream=True) == "known"


def test_fast_plan_looks_again_at_a_slow_route_after_a_minute() -> None:
    house = House(route("slow"), route("quick"))
    house.measured("slow", 2.0)
    house.measured("quick", 0.2)
    house.clock.pass_s(61)
    house.measured("quick", 0.2)
    assert (house.first(speed="fast", stream=True), house.plan(speed="fast", stream=True).reason) == (
        "slow",
        "measuring",
    )


def test_whole_answers_and_streams_are_measured_apart() -> None:
    house = House(route("a"), route("b"))
    for model, seconds in (("a", 0.1), ("b", 0.2)):
        house.measured(model, seconds, stream=True)
    for model, seconds in (("a", 9.0), ("b", 3.0)):
        house.measured(model, seconds, stream=False)
    assert house.first(speed="fast", stream=True) == "a"
    assert house.first(speed="fast", stream=False) == "b"


def test_fast_plan_keeps_weight_zero_for_failures() -> None:
    house = House(route("spare", weight=0), route("main"))
    house.measured("spare", 0.1)
    house.measured("main", 5.0)
    assert house.first(speed="fast", stream=True) == "main"


def test_slow_failure_makes_a_route_slow_and_a_quick_one_does_not_make_it_quick() -> None:
    house = House(route("a"), route("b"))
    house.measured("a", 0.2)
    house.measured("b", 0.5)
    house.clock.pass_s(50)
    house.router.health.of(house.routes["a"]).failed(object(), stream=True, seconds=60)
    assert house.first(speed="fast", stream=True) == "b"
    house.router.health.of(house.routes["b"]).failed(object(), stream=True, seconds=0.001)
    assert house.router.health.of(house.routes["b"]).pace(stream=True).seconds == 0.5


def test_quick_failure_of_an_unknown_route_does_not_make_it_the_fastest() -> None:
    house = House(route("unknown"), route("good"))
    house.measured("good", 0.2)
    house.router.health.of(house.routes["unknown"]).failed(object(), stream=True, seconds=0.001)
    assert house.router.health.of(house.routes["unknown"]).pace(stream=True).seconds is None


def test_pause_that_a_route_asks_for_has_a_cap() -> None:
    house = House(route("one"))
    health = house.router.health.of(house.routes["one"])
    health.rate_limited(object(), 86_400)
    assert (health.why_left_out(), health.wait_s()) == ("rate_limited", LONGEST_PAUSE_S)
    house.clock.pass_s(LONGEST_PAUSE_S)
    assert health.why_left_out() is None


def test_choice_changes_nothing_it_looks_at() -> None:
    house = House(route("known"), route("new"))
    house.measured("known", 0.2)
    assert {house.first(speed="fast", stream=True) for _ in range(5)} == {"new"}
