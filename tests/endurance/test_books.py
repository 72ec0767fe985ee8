"""Books that are doctored do not balance: each rule of docs/quotas.md finds what breaks it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from endurance import seen
from endurance.books import Used, balance
from endurance.ledger import Row
from endurance.reported import differences
from endurance.seen import Seen

DAY, MONTH = datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
A, B = "a@example.org", "b@example.org"


def request(number: int, how: str, **more: Any) -> Seen:
    fields: dict[str, Any] = {
        "name": f"run/{number}", "scenario": "chat", "account": A, "endpoint": "chat/completions", "kind": seen.PROMPT,
        "sent_at": 0.0, "how": how, "status": 200, "request_id": f"req_{number}", "expected": [how],
    }  # fmt: skip
    if how == seen.COMPLETE:
        fields |= {"model": "mini", "has_output": True, "prompt_tokens": 3, "completion_tokens": 4}
    return Seen(**{**fields, **more})


def row(number: int, seq: int, status: str = "completed", **more: Any) -> Row:
    fields: dict[str, Any] = {
        "client_name": f"run/{number}", "request_id": f"req_{number}", "account": A, "seq": seq, "kind": seen.PROMPT,
        "status": status, "counted": status != "failed", "error_code": None, "alias_served": "mini", "prompt_tokens": 3,
        "completion_tokens": 4, "is_owned": False, "day_start": DAY, "month_start": MONTH,
    }  # fmt: skip
    return Row(**{**fields, **more})


# Whole, broken off after output, refused by upstream, refused before admission, left in silence, a continuation.
REQUESTS = [
    request(1, seen.COMPLETE),
    request(2, seen.LEFT, has_output=True),
    request(3, seen.REFUSED, code="upstream_error", status=502),
    request(4, seen.REFUSED, code="invalid_json", status=400),
    request(5, seen.LEFT, seconds=0.5, no_output_before_s=3.0),
    request(6, seen.COMPLETE, kind=seen.CONTINUATION),
    request(7, seen.CUT),
    request(8, seen.COMPLETE, account=B),
    request(9, seen.REFUSED, code="insufficient_quota", status=429, account=B),
]
ROWS = [
    row(1, 1),
    row(2, 2, "cancelled"),
    row(3, 3, "failed"),
    row(5, 4, "cancelled", counted=False),
    row(6, 5, kind=seen.CONTINUATION, counted=False),
    row(7, 6, "interrupted", error_code="worker_lost"),
    row(8, 1, account=B),
]
USED = {A: Used(3, 3, DAY, MONTH), B: Used(1, 1, DAY, MONTH)}


def unmet(requests: Sequence[Seen], rows: Sequence[Row], used: dict[str, Used] | None = None) -> set[str]:
    found = balance(requests, rows, used or USED, had_kills=True, limits={B: 1})
    assert all(each.examples for each in found if not each.is_met), "each fault is named"
    return {each.says for each in found if not each.is_met}


def with_row(number: int, **changes: Any) -> list[Row]:
    return [replace(each, **changes) if each.client_name == f"run/{number}" else each for each in ROWS]


def test_books_that_are_right_balance() -> None:
    assert unmet(REQUESTS, ROWS) == set()


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (ROWS[1:], "Each complete answer has one completed row"),
        ([*ROWS, row(1, 7)], "Each row belongs to one request"),
        ([*ROWS, row(4, 7, "failed")], "What is refused before admission leaves no row"),
        ([*ROWS, row(99, 7)], "Each row belongs to one request"),
        (with_row(1, completion_tokens=5), "Each complete answer has one completed row"),
        (with_row(1, alias_served="deep"), "Each complete answer has one completed row"),
        (with_row(1, account=B), "Each complete answer has one completed row"),
        (with_row(1, counted=False), "Each prompt with output counts once"),
        (with_row(1, status="started", is_owned=True), "No row is a reservation still"),
        (with_row(2, status="failed", counted=False), "Each prompt with output counts once"),
        (with_row(3, counted=True), "What had no output does not count"),
        (with_row(5, counted=True), "What had no output does not count"),
        (with_row(6, counted=True), "Each prompt with output counts once, each continuation does not"),
        (with_row(7, counted=False), "Each row is counted as its status says"),
        ([*ROWS, row(9, 2, account=B)], "A quota that ends ends at its last prompt"),
        (with_row(8, day_start=MONTH), "The quota that is told is the rows that count"),
    ],
)
def test_row_that_is_missing_invented_or_wrong_is_found(rows: Sequence[Row], says: str) -> None:
    assert any(each.startswith(says) for each in unmet(REQUESTS, rows))


def test_quota_that_is_told_wrong_is_found() -> None:
    assert unmet(REQUESTS, ROWS, {**USED, A: Used(2, 3, DAY, MONTH)}) == {
        "The quota that is told is the rows that count"
    }


def test_answer_that_nobody_expected_is_found() -> None:
    wrong = [*REQUESTS, request(10, seen.REFUSED, code="invalid_api_key", status=401, expected=[seen.COMPLETE])]
    assert unmet(wrong, ROWS) == {"Every client saw what it was to see"}


def test_cut_connections_are_expected_of_killed_workers_alone() -> None:
    cut = [replace(each, expected=[seen.COMPLETE]) if each.how == seen.CUT else each for each in REQUESTS]
    assert unmet(cut, ROWS) == set()
    found = balance(cut, ROWS, USED, had_kills=False, limits={B: 1})
    assert {each.says for each in found if not each.is_met} == {
        "What had no output does not count",
        "Every client saw what it was to see",
    }


def test_silence_is_no_more_expected_where_workers_are_killed_than_elsewhere() -> None:
    silent = [replace(each, expected=[seen.COMPLETE], code=seen.SILENT) if each.how == seen.CUT else each
              for each in REQUESTS]  # fmt: skip
    assert unmet(silent, ROWS) == {"Every client saw what it was to see"}


def test_report_that_tells_other_figures_than_the_rows_is_found() -> None:
    figures = {"requests": 6, "prompts": 5, "prompts_counted": 3, "continuations": 1, "completed": 2, "interrupted": 1,
               "cancelled": 2, "failed": 1, "prompt_tokens": 18, "completion_tokens": 24}  # fmt: skip
    own = [each for each in ROWS if each.account == A]
    assert list(differences({A: figures}, own)) == []
    assert list(differences({A: {**figures, "failed": 0}}, own)) == [f"{A}: failed 0, of the rows 1"]
    assert len(list(differences({}, own))) == len(figures)
