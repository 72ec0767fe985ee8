"""Who is alive, who is gone, and what becomes of the rows of the latter."""

from __future__ import annotations

from models import lease, reservation
from models.lease import Watch
from tests.models.ledger import DONE, Ledger

ME, OTHER = 1, 2


def looks(watch: Watch, *seen: tuple[float, dict[int, int]]) -> list[list[int]]:
    """What each look, at its time, says is gone."""
    return [watch.silent(beats, now) for now, beats in seen]


def test_owner_is_gone_after_thirty_seconds_without_a_beat() -> None:
    watch = Watch()
    told = looks(watch, *((10.0 * turn, {ME: turn, OTHER: 5}) for turn in range(5)))
    assert told == [[], [], [], [OTHER], [OTHER]]


def test_owner_that_moves_is_never_gone() -> None:
    watch = Watch()
    assert looks(watch, *((10.0 * turn, {OTHER: turn // 2}) for turn in range(20))) == [[]] * 20


def test_time_in_which_nobody_could_renew_is_no_silence() -> None:
    watch = Watch()
    # The database was away for 25 s: the other one has had no chance to renew since.
    told = looks(watch, (0.0, {OTHER: 5}), (10.0, {OTHER: 5}), (35.0, {OTHER: 5}), (45.0, {OTHER: 6}))
    assert told == [[]] * 4


def test_owner_gone_before_the_database_went_away_is_found_later() -> None:
    watch = Watch()
    times = [0.0, 10.0, 50.0, 60.0, 70.0, 80.0]
    assert looks(watch, *((now, {OTHER: 5}) for now in times)) == [[]] * 5 + [[OTHER]]


def test_lease_counts_its_renewals_and_ends(ledger: Ledger) -> None:
    beats = []
    for _ in range(3):
        lease.renew(ledger.storage, OTHER, "here", 4711)
        beats.append(lease.leases(ledger.storage)[OTHER].beat)
    assert [beat - beats[0] for beat in beats] == [0, 1, 2]
    assert lease.leases(ledger.storage) == {OTHER: lease.Lease(beat=beats[2], host="here", pid=4711)}
    assert lease.end(ledger.storage, OTHER) == 0
    assert lease.leases(ledger.storage) == {}


def test_lease_that_was_renewed_meanwhile_is_not_taken_away(ledger: Ledger) -> None:
    lease.renew(ledger.storage, OTHER, "here", 4711)
    seen = lease.leases(ledger.storage)[OTHER].beat
    lease.renew(ledger.storage, OTHER, "here", 4711)
    assert not lease.void(ledger.storage, OTHER, seen)
    assert lease.void(ledger.storage, OTHER, seen + 1)
    assert lease.leases(ledger.storage) == {}


def test_owner_that_comes_back_after_its_first_beat_and_a_long_silence_is_watched_anew(ledger: Ledger) -> None:
    watch = Watch()

    def look(now: float) -> list[int]:
        return watch.silent({owner: each.beat for owner, each in lease.leases(ledger.storage).items()}, now)

    lease.renew(ledger.storage, OTHER, "here", 4711)
    seen = lease.leases(ledger.storage)[OTHER].beat
    assert [look(10.0 * turn) for turn in range(4)] == [[], [], [], [OTHER]]
    assert lease.void(ledger.storage, OTHER, seen)
    lease.renew(ledger.storage, OTHER, "here", 4711)
    assert look(40.0) == []
    assert not lease.void(ledger.storage, OTHER, seen)


def test_rows_without_a_lease_are_seen_until_they_are_closed(ledger: Ledger, account: int) -> None:
    ledger.admit(account, owner_id=OTHER)
    assert lease.leases(ledger.storage) == {OTHER: lease.Lease(0, "", 0)}
    assert lease.void(ledger.storage, OTHER, 0)
    lease.renew(ledger.storage, OTHER, "here", 4711)
    assert not lease.void(ledger.storage, OTHER, 0)  # it has come back


def test_sweep_counts_what_was_marked_and_gives_the_rest_back(ledger: Ledger, account: int) -> None:
    unmarked, marked, living, done = (ledger.admit(account, owner_id=owner) for owner in (OTHER, OTHER, ME, OTHER))
    reservation.mark(ledger.storage, marked)
    reservation.settle(ledger.storage, done, DONE)
    assert lease.sweep(ledger.storage, OTHER) == 2
    assert ledger.statuses([unmarked, marked, living, done]) == ["failed", "interrupted", "open", "completed"]
    assert {ledger.row(row_id).error_code for row_id in (unmarked, marked)} == {"worker_lost"}
    assert ledger.used(account) == (3, 3)
    assert lease.sweep(ledger.storage, OTHER) == 0


def test_owner_that_was_swept_by_mistake_cannot_use_its_row_any_more(ledger: Ledger, account: int) -> None:
    row_id = ledger.admit(account, owner_id=OTHER)
    lease.sweep(ledger.storage, OTHER)
    assert not reservation.mark(ledger.storage, row_id)
    assert not reservation.settle(ledger.storage, row_id, DONE)
    assert ledger.used(account) == (0, 0)


def test_open_rows_are_found_without_reading_the_closed_ones(ledger: Ledger, account: int) -> None:
    for _ in range(200):
        reservation.settle(ledger.storage, ledger.admit(account), DONE)
    ledger.admit(account)
    explain = "EXPLAIN QUERY PLAN " if ledger.storage.is_sqlite else "EXPLAIN "
    text = explain + str(lease.OPEN_OWNERS.compile(ledger.engine))
    plan = ledger.storage.read(lambda connection: connection.exec_driver_sql(text).mappings().all())
    if ledger.storage.is_sqlite:
        assert "USING COVERING INDEX ix_usage_log_owner_id_account_id (owner_id>?)" in str(plan)
    else:
        assert (plan[0]["key"], plan[0]["type"]) == ("ix_usage_log_owner_id_account_id", "range")
