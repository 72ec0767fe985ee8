"""When a route is left out, for how long, and who may try it again."""

from __future__ import annotations

import pytest

from routing.breaker import (
    FIRST_PAUSE_S,
    LEAST_FAILURES,
    LONGEST_PAUSE_S,
    LONGEST_TRIAL_S,
    WINDOW_ATTEMPTS,
    WINDOW_S,
    Breaker,
)

NOW = 100.0


def opened(now: float = NOW) -> Breaker:
    breaker = Breaker()
    for _ in range(LEAST_FAILURES):
        breaker.failed(now, object())
    return breaker


def trial(breaker: Breaker, now: float) -> object:
    assert breaker.wait_s(now) == 0
    who = object()
    breaker.enter(now, who)
    return who


def test_five_failures_open_it_and_four_do_not() -> None:
    breaker = Breaker()
    for _ in range(LEAST_FAILURES - 1):
        breaker.failed(NOW, object())
    assert breaker.state(NOW) == "closed"
    breaker.failed(NOW, object())
    assert (breaker.state(NOW), breaker.wait_s(NOW)) == ("open", FIRST_PAUSE_S)


def test_busy_route_that_dies_is_left_out_after_its_last_few_attempts() -> None:
    breaker = Breaker()
    for _ in range(1000):
        breaker.succeeded(NOW, object())
    for _ in range(WINDOW_ATTEMPTS // 2):
        assert breaker.state(NOW) == "closed"
        breaker.failed(NOW, object())
    assert breaker.state(NOW) == "open"


def test_failures_that_are_the_smaller_part_leave_it_closed() -> None:
    breaker = Breaker()
    for _ in range(6):
        breaker.succeeded(NOW, object())
    for _ in range(5):
        breaker.failed(NOW, object())
    assert breaker.state(NOW) == "closed"
    breaker.failed(NOW, object())
    assert breaker.state(NOW) == "open"


def test_failures_that_are_long_ago_no_longer_count() -> None:
    breaker = Breaker()
    for _ in range(LEAST_FAILURES - 1):
        breaker.failed(NOW, object())
    breaker.failed(NOW + WINDOW_S, object())
    assert breaker.state(NOW + WINDOW_S) == "closed"


def test_after_the_pause_one_alone_may_pass() -> None:
    breaker = opened()
    later = NOW + FIRST_PAUSE_S
    assert breaker.state(later) == "half_open"
    trial(breaker, later)
    assert breaker.wait_s(later) > 0


def test_trial_that_goes_well_closes_it_with_a_clean_slate() -> None:
    breaker = opened()
    later = NOW + FIRST_PAUSE_S
    breaker.succeeded(later, trial(breaker, later))
    assert breaker.state(later) == "closed"
    breaker.failed(later, object())
    assert breaker.state(later) == "closed"


def test_each_failed_trial_doubles_the_pause_up_to_a_minute() -> None:
    breaker, now, pauses = opened(), NOW, []
    for _ in range(6):
        pauses.append(breaker.wait_s(now))
        now += pauses[-1]
        breaker.failed(now, trial(breaker, now))
    assert pauses == [5, 10, 20, 40, LONGEST_PAUSE_S, LONGEST_PAUSE_S]


def test_pause_is_short_again_once_the_route_was_well() -> None:
    breaker, now = opened(), NOW
    for _ in range(3):
        now += breaker.wait_s(now)
        breaker.failed(now, trial(breaker, now))
    now += breaker.wait_s(now)
    breaker.succeeded(now, trial(breaker, now))
    for _ in range(LEAST_FAILURES):
        breaker.failed(now, object())
    assert breaker.wait_s(now) == FIRST_PAUSE_S


def test_trial_whose_client_left_makes_room_for_the_next() -> None:
    breaker = opened()
    later = NOW + FIRST_PAUSE_S
    breaker.left(trial(breaker, later))
    trial(breaker, later)


@pytest.mark.parametrize("how", ["succeeded", "failed"])
def test_requests_from_before_it_opened_change_nothing_any_more(how: str) -> None:
    breaker = opened()
    getattr(breaker, how)(NOW + 1, object())
    assert (breaker.state(NOW + 1), breaker.wait_s(NOW + 1)) == ("open", FIRST_PAUSE_S - 1)
    later = NOW + FIRST_PAUSE_S
    trial(breaker, later)
    getattr(breaker, how)(later, object())
    assert breaker.state(later) == "half_open"


def test_success_of_a_last_resort_closes_it_and_a_failure_leaves_its_pause_alone() -> None:
    breaker = opened()
    breaker.enter(NOW + 1, first := object())
    breaker.failed(NOW + 2, first)
    assert breaker.wait_s(NOW + 2) == FIRST_PAUSE_S - 2
    breaker.enter(NOW + 3, second := object())
    breaker.succeeded(NOW + 3, second)
    assert breaker.state(NOW + 3) == "closed"


def test_trial_that_never_tells_makes_room_after_a_minute() -> None:
    breaker = opened()
    later = NOW + FIRST_PAUSE_S
    trial(breaker, later)
    assert breaker.wait_s(later + LONGEST_TRIAL_S - 1) > 0
    second = trial(breaker, later + LONGEST_TRIAL_S)
    breaker.succeeded(later + LONGEST_TRIAL_S, second)
    assert breaker.state(later + LONGEST_TRIAL_S) == "closed"
