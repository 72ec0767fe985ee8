"""The estimate of how long a route takes: it follows what is measured, and is not believed for ever."""

from __future__ import annotations

from routing.pace import MEASURE_AGAIN_S, MEASURING_S, Pace


def test_first_time_is_the_estimate() -> None:
    pace = Pace()
    pace.measured(0, 0.5)
    assert pace.seconds == 0.5


def test_estimate_moves_towards_what_is_measured_and_one_outlier_does_not_take_it_along() -> None:
    pace = Pace()
    for second in range(20):
        pace.measured(second, 1.0)
    pace.measured(20, 10.0)
    assert pace.seconds is not None
    assert 1.5 < pace.seconds < 2.5
    for second in range(21, 61):
        pace.measured(second, 10.0)
    assert pace.seconds > 9


def test_time_after_a_long_silence_says_nearly_all() -> None:
    pace = Pace()
    pace.measured(0, 10.0)
    pace.measured(600, 1.0)
    assert pace.seconds is not None
    assert pace.seconds < 1.1


def test_unknown_or_old_pace_wants_one_measurement_at_a_time() -> None:
    pace = Pace()
    assert pace.wants_measuring(0)
    pace.begin(0)
    assert not pace.wants_measuring(1)
    assert pace.wants_measuring(MEASURING_S)  # that one never came back
    pace.measured(MEASURING_S, 1.0)
    assert not pace.wants_measuring(MEASURING_S + MEASURE_AGAIN_S)
    assert pace.wants_measuring(MEASURING_S + MEASURE_AGAIN_S + 1)
