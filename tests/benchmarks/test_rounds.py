"""How rounds take turns, what is quoted of them, and how a peer's failures differ from Smart Route's."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from benchmarks.calls import chat
from benchmarks.house import House
from benchmarks.ledger import Ledger
from benchmarks.loads import JsonClosedLoop, Round
from benchmarks.rounds import in_turns, measure, summary
from benchmarks.targets import ALIAS, DIRECT, GATEWAY, LITELLM, NGINX, Target
from tests.harness.gateway import Gateway

ALL = (DIRECT, NGINX, GATEWAY, LITELLM)


class Unanswerable(JsonClosedLoop):
    """What the upstream refuses."""

    def request(self, target: Target) -> bytes:
        return chat(target, "[[sing 3]]")


def house_of(direct: Target) -> House:
    """A house whose servers are all the upstream itself, under other names."""
    nginx, gateway, peer = (replace(direct, name=name, alias=ALIAS) for name in (NGINX, GATEWAY, LITELLM))
    return House(direct, replace(nginx, alias=None), gateway, cast("Gateway", None), [peer])


def test_each_round_begins_with_another_target() -> None:
    order: list[str] = []
    in_turns(["a", "b", "c"], 4, order.append)
    assert "".join(order) == "abcbcacababc"


def test_ratios_are_taken_within_a_round_and_cpu_is_the_least_of_all() -> None:
    def rounds(units: list[int], cpu_s: float) -> list[Round]:
        return [Round(each, 1.0, cpu_s * (number + 1), 0.1) for number, each in enumerate(units)]

    results = [rounds([200, 20, 2000], 0.1), rounds([100, 10, 1000], 0.2), rounds([50, 4, 300], 0.3)]
    figures = summary(dict(zip(ALL, [*results, rounds([5, 1, 10], 0.3)], strict=True)))
    ours = figures[GATEWAY]
    assert ours["per_second_x_nginx"]["median"] == pytest.approx(0.4)
    assert ours["per_second_x_litellm"]["median"] == pytest.approx(10)
    assert ours["cpu_us_least"] == pytest.approx(0.9 / 300 * 1e6)
    assert ours["cpu_x_nginx"] == pytest.approx((0.9 / 300) / (0.6 / 1000))


def test_without_a_base_there_is_no_ratio() -> None:
    figures = summary({GATEWAY: [Round(10, 1.0, 0.1, 0.1)]})
    assert figures[GATEWAY]["per_second_x_litellm"] is None
    assert figures[GATEWAY]["cpu_x_nginx"] is None


def test_added_times_are_over_direct() -> None:
    def rounds(milliseconds: list[int]) -> list[Round]:
        return [Round(1, 1.0, 0.1, 0.1, timings_ms={"latency": [each - 1, each, each + 1]}) for each in milliseconds]

    figures = summary(dict(zip(ALL, map(rounds, ([1, 9], [2, 10], [4, 14], [9, 9])), strict=True)))
    assert figures[GATEWAY]["timings_ms"]["latency"]["added_p50"] == 4
    assert figures[DIRECT]["timings_ms"]["latency"]["added_p99"] == 0


def test_a_name_let_through_is_wrong_of_smart_route_and_noted_of_a_peer(direct: Target) -> None:
    ledger = Ledger()
    measure([JsonClosedLoop(0.02)], house_of(direct), ledger, 1)
    assert set(ledger.wrong) == {"Smart Route: model is not the alias", "Smart Route: upstream's name let through"}
    assert set(ledger.lacked[LITELLM]) == {
        "whole answer: model is not the alias",
        "whole answer: upstream's name let through",
    }


def test_a_peer_that_gives_no_answer_is_left_out_and_the_run_goes_on(direct: Target) -> None:
    ledger = Ledger()
    house = house_of(direct)
    figures = measure([Unanswerable(0.02)], house, ledger, 2, house.peers)["json"]
    assert figures["left_out"] == {LITELLM: "status 400"}
    assert figures["targets"] == {}
    assert not ledger.wrong
