"""How the pictures of the usage page are measured out, and how figures are written there."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from blueprints.usage.chart import BASELINE, TOP, chart_of
from blueprints.usage.first_output import times_of
from models.usage_tally import Tally, step_of
from readable import duration, rounded, scale
from service.reports.usage_report import Day, Report


def report(*days: dict[str, int]) -> Report:
    """Days with so many requests by each alias, from 1 March on."""
    first = date(2026, 3, 1)
    made = [
        Day(first + timedelta(days=number), {alias: Tally(requests=count) for alias, count in day.items()})
        for number, day in enumerate(days)
    ]
    aliases = sorted({alias for day in days for alias in day})
    return Report(made, {alias: Tally() for alias in aliases}, Tally())


@pytest.mark.parametrize(
    ("most", "expected"),
    [(0, (1, 1)), (1, (1, 1)), (4, (1, 4)), (5, (2, 6)), (41, (20, 60)), (200, (50, 200)), (999_999, (500_000, 10**6))],
)
def test_scale_has_round_numbers_and_room_for_the_highest_day(most: int, expected: tuple[int, int]) -> None:
    assert scale(most) == expected


def test_parts_of_a_bar_stand_on_each_other_from_the_ground_up() -> None:
    chart = chart_of(report({"a": 30, "b": 10}, {}, {"b": 20}))
    first, second, third = chart.bars
    low, high = first.parts
    assert low.y + low.height == BASELINE
    assert high.y + high.height < low.y
    assert high.y >= TOP
    assert low.height > 2.5 * high.height
    assert (second.parts, [part.alias for part in third.parts]) == ([], ["b"])
    assert third.room_x + third.room_width == pytest.approx(100, abs=0.01)
    assert [bar.label for bar in chart.bars] == ["", "", "Today"]


def test_one_request_beside_a_million_can_still_be_seen() -> None:
    small = chart_of(report({"a": 1_000_000}, {"a": 1})).bars[1].parts[0]
    assert small.height >= 2


def test_times_lie_on_one_line_from_power_of_ten_to_power_of_ten() -> None:
    with_times = report({"a": 1})
    with_times.by_alias["a"] = Tally(first_output={step_of(300): 19, step_of(5_000): 2})
    scale = times_of(with_times)
    assert scale is not None
    [line] = scale.lines
    assert [text for _, text in scale.marks] == ["100 ms", "1 s", "10 s"]
    assert [x for x, _ in scale.marks] == [0, 50, 100]
    assert line.median_x == pytest.approx(23.9, abs=1)
    assert line.p95_x == pytest.approx(85, abs=1)
    assert times_of(report({"a": 1})) is None


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [(None, "—"), (0, "0 ms"), (999, "999 ms"), (1_000, "1.0 s"), (59_949, "59.9 s"),
     (59_950, "1 min"), (125_000, "2 min 5 s")],
)  # fmt: skip
def test_durations_are_written_in_their_largest_units(milliseconds: int | None, words: str) -> None:
    assert duration(milliseconds) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0"), (999, "999"), (1_000, "1.00 k"), (12_345, "12.3 k"), (999_499, "999 k"), (999_500, "1.00 M"),
     (5_680_000, "5.68 M"), (1_999_000_000_000, "1,999 G")],
)  # fmt: skip
def test_large_numbers_are_rounded_to_three_digits(number: int, words: str) -> None:
    assert rounded(number) == words
