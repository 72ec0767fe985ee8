"""The operators' search finds exactly what a look at every row would, whatever has been added up so far."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from models import usage_ranges, usage_search
from models.calendar_windows import Calendar
from models.usage_filter import Wanted
from models.usage_ranges import Ranges
from models.usage_search import newest, page_after, page_before
from models.usage_summing import sum_up
from tests.models.ledger import Ledger
from tests.usage import history
from tests.usage.history import add_up

CALENDAR = Calendar(ZoneInfo("Europe/Berlin"))
START, END = datetime(2023, 5, 1, tzinfo=UTC), datetime(2023, 5, 21, tzinfo=UTC)
Row = dict[str, Any]

FITS: dict[str, Callable[[Row], bool]] = {
    "counted": lambda row: row["counted"],
    "given_back": lambda row: row["reason"] == "no_output",
    "fault": lambda row: row["status"] in ("failed", "interrupted"),
    "error": lambda row: row["error_code"] is not None,
    "cancelled": lambda row: row["status"] == "cancelled",
}


@pytest.fixture
def small_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at at once is little."""
    monkeypatch.setattr(usage_search, "LOOKED_AT_ONCE", 40)
    monkeypatch.setattr(usage_search, "MOST_LOOKED_AT", 120)
    monkeypatch.setattr(usage_search, "LONGEST_LOOK_S", 60.0)


@pytest.fixture
def written(ledger: Ledger, small_looks: None) -> list[Row]:
    """Rows of two accounts, one error among them that happened once."""
    made = []
    for number, account in enumerate(ledger.add_accounts(2)):
        times = history.moments(START, END, 160, seed=number)
        made += list(history.rows(account, CALENDAR, times, seed=number))
    made.sort(key=lambda row: row["started_at"])
    rare = next(row for row in made[90:] if row["status"] == "failed")
    rare["error_code"] = f"hardly_ever_{secrets.token_hex(4)}"
    history.write(ledger.storage, made)
    return made


def test_every_filter_finds_what_fits_before_and_after_rows_are_added_up(ledger: Ledger, written: list[Row]) -> None:
    chance = random.Random(3)
    for step in (lambda: None, lambda: add_up(ledger), lambda: bring_up(ledger)):
        step()
        for _ in range(8):
            check(ledger, written, drawn(chance, written))


def test_imported_rows_whose_numbers_have_gaps_are_found_before_they_are_added_up(ledger: Ledger) -> None:
    [account] = ledger.add_accounts(1)
    made = list(history.rows(account, CALENDAR, history.moments(START, END, 30, seed=5), seed=5))
    for row in made:
        row["seq"] = 5_000 + 3 * row["seq"]
    history.write(ledger.storage, made)
    for step in (lambda: None, lambda: add_up(ledger), lambda: bring_up(ledger)):
        step()
        for wanted in (Wanted(account_id=account, alias="smart-route"), Wanted(account_id=account, outcome="counted")):
            check(ledger, made, wanted)


@pytest.mark.parametrize("order", ["any", "older after newer", "some newer"])
def test_rows_in_no_order_of_time_are_found_before_and_after_they_are_added_up(
    ledger: Ledger, small_looks: None, order: str
) -> None:
    chance = random.Random(order)
    account, other = ledger.add_accounts(2)
    times = history.moments(START, END, 240, seed=6)
    if order == "any":
        chance.shuffle(times)
    elif order == "older after newer":
        times = times[150:] + times[:150]
    else:
        times = times[:120] + times[180:] + times[120:180]
    made = list(history.rows(account, CALENDAR, times, seed=6))
    history.write(ledger.storage, history.rows(other, CALENDAR, history.moments(START, END, 60, seed=7), seed=7))
    history.write(ledger.storage, made[:150])
    add_up(ledger)
    history.write(ledger.storage, made[150:])
    for step in (lambda: None, lambda: add_up(ledger), lambda: bring_up(ledger)):
        step()
        for _ in range(4):
            check(ledger, made, msgspec.structs.replace(drawn(chance, made), account_id=account))
        wanted = Wanted(account_id=account, since=START)
        check(ledger, made, wanted)
        assert gone_back(ledger, wanted) == {row["request_id"] for row in made}
        check(ledger, made, Wanted(account_id=account, until=times[7]))


def test_day_of_a_long_history_in_no_order_is_found_with_few_looks(ledger: Ledger, account: int) -> None:
    times = [START + timedelta(minutes=8 * (number * 1871 % 3600)) for number in range(3600)]
    times[3000:] = sorted(times[3000:])
    history.write(ledger.storage, history.rows(account, CALENDAR, times, seed=6))
    add_up(ledger)
    day = START + timedelta(days=4)
    wanted = Wanted(account_id=account, since=day, until=day + timedelta(days=1))
    ranges = Ranges(ledger.storage, wanted)
    found = list(newest(ledger.storage, wanted))
    assert len(found) == 180
    assert sum(each.high - each.low for each in ranges.descending(ranges.end)) < 3600
    page = page_before(ledger.storage, wanted, None, 180)
    assert (len(page.requests), page.older_than) == (180, None)


@pytest.mark.parametrize("most", [0, 20])
def test_more_rows_of_a_span_than_are_looked_up_are_all_found(
    ledger: Ledger, small_looks: None, account: int, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(usage_ranges, "MOST_LOOKED_UP", most)
    times = history.moments(START, END, 200, seed=8)
    random.Random(8).shuffle(times)
    made = list(history.rows(account, CALENDAR, times, seed=8))
    history.write(ledger.storage, made)
    add_up(ledger)
    for wanted in (within(account_id=account), within(account_id=account, outcome="fault")):
        check(ledger, made, wanted)


def test_pages_go_back_as_they_came(ledger: Ledger, written: list[Row]) -> None:
    add_up(ledger)
    bring_up(ledger)
    own = written[0]["account_id"]
    for wanted in (within(alias="smart-route"), within(outcome="fault"), Wanted(account_id=own, outcome="fault")):
        assert gone_back(ledger, wanted) == {each.row.request_id for each in newest(ledger.storage, wanted)}


def test_search_for_what_hardly_ever_was_looks_at_its_days_alone(
    ledger: Ledger, written: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_search, "MOST_LOOKED_AT", 10_000)
    add_up(ledger)
    bring_up(ledger)
    rare = rare_in(written)
    page = page_before(ledger.storage, within(error_code=rare), None, 25)
    assert [each.row.error_code for each in page.requests] == [rare]
    assert page.older_than is None
    ranges = Ranges(ledger.storage, within(upstream="nobody-has-it"))
    assert sum(each.high - each.low for each in ranges.descending(ranges.end)) < len(written) / 2


def test_page_that_ends_early_says_how_far_it_looked(ledger: Ledger, written: list[Row]) -> None:
    wanted = within(error_code=rare_in(written))
    page = page_before(ledger.storage, wanted, None, 25)
    assert page.looked_back_to is not None
    while not page.requests and page.older_than is not None:
        assert page.looked_back_to is not None
        page = page_before(ledger.storage, wanted, page.older_than, 25)
    assert len(page.requests) == 1


def test_running_requests_are_found_by_their_owners(ledger: Ledger, account: int) -> None:
    made = list(history.rows(account, CALENDAR, history.moments(START, END, 30, seed=5), seed=5))
    made[10:13] = [history.unclosed(row, owner_id=9) for row in made[10:13]]
    history.write(ledger.storage, made)
    page = page_before(ledger.storage, Wanted(account_id=account, outcome="running"), None, 2)
    assert ids(page.requests) == [made[12]["request_id"], made[11]["request_id"]]
    older = page_before(ledger.storage, Wanted(account_id=account, outcome="running"), page.older_than, 2)
    assert ids(older.requests) == [made[10]["request_id"]]


def check(ledger: Ledger, written: list[Row], wanted: Wanted) -> None:
    expected = [row["request_id"] for row in written if fits(row, wanted)][::-1]
    mine = {row["request_id"] for row in written}
    found: list[str] = []
    page = page_before(ledger.storage, wanted, None, 9)
    found += ids(page.requests)
    while page.older_than is not None:
        page = page_before(ledger.storage, wanted, page.older_than, 9)
        found += ids(page.requests)
    assert [each for each in found if each in mine] == expected, wanted
    assert [each.row.request_id for each in newest(ledger.storage, wanted)] == found


def gone_back(ledger: Ledger, wanted: Wanted) -> set[str]:
    """Go to the oldest page and back; return what is seen on the way back."""
    page = page_before(ledger.storage, wanted, None, 7)
    while page.older_than is not None:
        page = page_before(ledger.storage, wanted, page.older_than, 7)
    back = ids(page.requests)
    while page.newer_than is not None:
        page = page_after(ledger.storage, wanted, page.newer_than, 7)
        back += ids(page.requests)
    return set(back)


def fits(row: Row, wanted: Wanted) -> bool:
    return (
        (wanted.account_id is None or row["account_id"] == wanted.account_id)
        and (wanted.alias is None or row["alias_served"] == wanted.alias)
        and (wanted.upstream is None or row["upstream"] == wanted.upstream)
        and (wanted.outcome is None or FITS[wanted.outcome](row))
        and (wanted.error_code is None or row["error_code"] == wanted.error_code)
        and (wanted.kind is None or row["kind"] == wanted.kind)
        and (wanted.since is None or row["started_at"] >= wanted.since)
        and (wanted.until is None or row["started_at"] < wanted.until)
    )


def drawn(chance: random.Random, written: list[Row]) -> Wanted:
    row = chance.choice(written)

    def maybe(value: Any) -> Any:
        return value if chance.random() < 0.35 else None

    since = START + timedelta(hours=chance.uniform(0, 300)) if chance.random() < 0.5 else START
    return Wanted(
        account_id=maybe(row["account_id"]),
        alias=maybe(row["alias_served"]),
        upstream=maybe(row["upstream"]),
        outcome=maybe(chance.choice(list(FITS))),
        error_code=maybe(row["error_code"] or rare_in(written)),
        kind=maybe(row["kind"]),
        since=since,
        until=since + timedelta(hours=chance.uniform(1, 200)) if chance.random() < 0.5 else END,
    )


def within(**wanted: Any) -> Wanted:
    """A filter for the rows of these tests: other tests' rows are of other times."""
    return Wanted(**wanted, since=START, until=END)


def rare_in(written: list[Row]) -> str:
    rare = (row["error_code"] for row in written if str(row["error_code"]).startswith("hardly_ever"))
    return next(rare, "nobody_had_it")


def ids(requests: list[usage_search.ListedRequest]) -> list[str]:
    return [each.row.request_id for each in requests]


def bring_up(ledger: Ledger) -> None:
    for _ in sum_up(ledger.storage):
        pass
