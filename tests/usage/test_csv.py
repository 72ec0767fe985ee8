"""Usage as CSV, read by another program."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from csv_document import safe_cell
from models.base import utcnow
from tests.usage.member import Member


def records(member: Member, path: str) -> list[dict[str, str]]:
    """Download a document and parse it."""
    answer = member.get(path)
    assert answer.status_code == 200
    assert answer.content_type == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8"), newline=""), strict=True))


def named(name: str, row: dict[str, Any]) -> None:
    """Change what the client of a row called itself."""
    row["client_name"] = name


def test_each_request_is_one_record(member: Member) -> None:
    member.has_sent_for_days(45, 700)
    since = member.house.calendar.at(utcnow()).day.start - timedelta(days=29)
    wanted = [row for row in member.written if row["started_at"] >= since]
    found = records(member, "/usage.csv")
    assert [record["request_id"] for record in found] == [row["request_id"] for row in wanted]
    for record, row in zip(found, wanted, strict=True):
        assert record["output_tokens"] == ("" if row["completion_tokens"] is None else str(row["completion_tokens"]))
        assert record["counted"] == ("yes" if row["counted"] else "no")
        assert record["time"].endswith("+00:00")
    assert len(records(member, "/usage.csv?since=60d")) == 700


def test_requests_that_were_put_in_after_newer_ones_are_those_of_the_span(member: Member) -> None:
    now = utcnow()
    hours = [(number * 7919) % 1500 for number in range(1500)]  # of two months, in no order
    member.has_sent([now - timedelta(hours=hour) for hour in hours])
    since = member.house.calendar.at(now).day.start - timedelta(days=29)
    wanted = sorted((row["started_at"], row["request_id"]) for row in member.written if row["started_at"] >= since)
    assert len(wanted) > 600
    assert [record["request_id"] for record in records(member, "/usage.csv?since=30d")] == [name for _, name in wanted]


def test_days_are_the_sums_of_the_requests(member: Member) -> None:
    member.has_sent_for_days(45, 300)
    member.add_up()
    sums: Counter[tuple[str, str]] = Counter()
    for row in member.written:
        sums[row["day_start"].date().isoformat(), row["alias_served"]] += row["prompt_tokens"] or 0
    found = records(member, "/usage/days.csv?since=90d")
    assert {(each["date"], each["alias"]): int(each["input_tokens"]) for each in found} == dict(sums)
    assert sum(int(each["requests"]) for each in found) == 300


def test_strange_text_of_clients_comes_out_as_it_was_but_for_formulas(member: Member) -> None:
    strange = ['a "quoted", name', "two\r\nlines", "=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1", "Zoë/1 ∞"]
    now = utcnow()
    for number, name in enumerate(strange):
        member.has_sent([now + timedelta(milliseconds=number)], partial(named, name))
    expected = [f"'{name}" if name[0] in "=+-@" else name for name in strange]
    expected[strange.index("\t=1")] = "'\t'=1"
    assert [record["client"] for record in records(member, "/usage.csv")] == expected


FORMULAS = ["=1+1", "+1", "-1", "@a", "\uff1d1", "\uff0b1", "\uff0d1", "\uff20a"]


@pytest.mark.parametrize("cell", [*FORMULAS, "\tx", "\rx", "\nx"])
def test_cell_that_a_spreadsheet_would_run_is_defused(cell: str) -> None:
    assert safe_cell(cell) == f"'{cell}"


@pytest.mark.parametrize("before", [";", "\t", "\n", "\r\n", '"', '";"', ";;", "; ", "a;b\tc; "])
def test_formula_behind_what_another_spreadsheet_takes_for_the_end_of_a_cell_is_defused(before: str) -> None:
    for formula in FORMULAS:
        assert safe_cell(f"a{before}{formula}") == f"a{before}'{formula}"


@pytest.mark.parametrize("cell", ["a=1", "openai-python/1.0 (a; b-c; d)", "a, -1", "a -1", "1;2", ";", ""])
def test_cell_without_the_start_of_a_formula_stays_as_it_is(cell: str) -> None:
    assert safe_cell(cell) == cell


def test_file_is_named_after_service_and_days(reader: Member) -> None:
    today = utcnow().date()
    answer = reader.get(f"/usage.csv?since={today}")
    name = f"smart-routing-ai-model-requests-{today}-to-{today}.csv"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/usage.csv", "/usage/days.csv"])
@pytest.mark.parametrize(
    ("since", "says"),
    [
        ("yesterday", "a date such as"),
        ("2026-13-01", "a date such as"),
        ("0d", "a date such as"),
        ("-3d", "a date such as"),
        ("٣d", "a date such as"),
        ("2026-1-1", "a date such as"),
        ("2999-01-01", "a day to come"),
        ("0001-01-01", "366 days at most"),
        ("9999d", "366 days at most"),
    ],
)
def test_wrong_since_is_told_what_would_do(reader: Member, path: str, since: str, says: str) -> None:
    answer = reader.get(path, query_string={"since": since})
    assert answer.status_code == 400
    assert says in answer.text
    assert answer.mimetype == "text/html"
