"""What is kept of a route to be shown."""

from __future__ import annotations

from routing.record import MINUTES, RouteRecord

NOW = 6000.0


def test_attempts_under_way_are_counted_by_kind() -> None:
    record = RouteRecord()
    record.begun(stream=True)
    record.begun(stream=True)
    record.begun(stream=False)
    record.ended(NOW, "completed", stream=True, failed=False)
    assert (record.told()["open_streams"], record.told()["open_answers"]) == (1, 1)


def test_only_the_last_minutes_are_kept_and_the_counts_go_on() -> None:
    record = RouteRecord()
    for minute in range(100):
        record.begun(stream=False)
        record.ended(NOW + 60 * minute, "completed", stream=False, failed=False)
    told = record.told()
    assert told["ends"] == {"completed": 100}
    assert [each["minute"] for each in told["minutes"]] == list(range(200 - MINUTES, 200))


def test_only_a_failure_of_the_upstream_is_the_last_failure() -> None:
    record = RouteRecord()
    record.ended(NOW, "context_length_exceeded", stream=False, failed=False)
    assert record.told()["last_failure"] is None
    record.ended(NOW, "upstream_error", stream=False, failed=True)
    record.ended(NOW, "completed", stream=False, failed=False)
    told = record.told()
    assert told["last_failure"][0] == "upstream_error"
    assert (told["minutes"][0]["ends"], told["minutes"][0]["failures"]) == (3, 1)


def test_times_fall_into_classes_that_are_ten_per_cent_wide() -> None:
    record = RouteRecord()
    for seconds in (0.0, 0.5, 0.51, 40.0):
        record.output(NOW, seconds, stream=True)
    [(shortest, _), (half, twice), (longest, _)] = sorted(record.told()["minutes"][0]["streams"])
    assert shortest <= 1
    assert twice == 2
    assert 475 <= half <= 525
    assert 38_000 <= longest <= 42_000
