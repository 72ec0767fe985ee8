"""Every fault of ``table``, on three APIs, whole and streamed, with one route and two: what client and log see."""

from __future__ import annotations

import re

import pytest

from tests.faults.acts import LONG
from tests.faults.answers import Read, read_error, read_stream, read_whole
from tests.faults.backend import BEGUN, GOOD
from tests.faults.client import Seen
from tests.faults.matrix import CELLS, Cell
from tests.faults.verdicts import Answered, Cut, Refused

# What stands in the faulty upstreams' addresses, names, keys, headers, ids and words, and in those of the good one.
TELL_TALE = re.compile(rb"leak|backend|127\.0\.0\.1|fp_", re.IGNORECASE)
# Codes of ours that a Responses stream tells as they are; all others are a server_error to its clients.
TOLD = {"rate_limit_exceeded", "server_is_overloaded"}


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_fault_ends_as_the_table_says(cell: Cell, tried: dict[str, Seen | Exception]) -> None:
    seen = tried[str(cell)]
    if isinstance(seen, Exception):
        raise seen
    check_answer(cell, seen)
    check_log(cell, seen)
    assert seen.headers["x-request-id"].startswith("req_")
    assert seen.seconds < cell.deadline_s
    shown = seen.raw.replace(LONG.encode(), b"") + repr(seen.headers).encode()
    assert not TELL_TALE.findall(shown.replace(cell.alias.encode(), b""))


def check_answer(cell: Cell, seen: Seen) -> None:
    verdict = cell.verdict
    if isinstance(verdict, Refused) and not cell.is_rescued:
        error = read_error(seen.raw)
        assert (seen.status, seen.headers["Content-Type"]) == (verdict.status, "application/json")
        assert error["code"] in verdict.codes
        assert (error["type"], error["param"]) == (verdict.type, None)
        assert seen.headers.get("Retry-After") == verdict.retry_after
        return
    assert seen.status == 200
    if not cell.stream:
        assert seen.headers["Content-Type"] == "application/json"
        read = read_whole(cell.api, seen.raw, cell.alias)
    else:
        assert seen.headers["Content-Type"].partition(";")[0] == "text/event-stream"
        read = read_stream(cell.api, seen.raw, cell.alias)
    finished = "completed" if cell.api == "responses" else "stop"
    if isinstance(verdict, Cut):
        code = verdict.code if cell.api != "responses" or verdict.code in TOLD else "server_error"
        assert read == Read(BEGUN, "error", code)
    elif isinstance(verdict, Answered):
        assert read == Read(verdict.text, finished)
    else:
        assert read == Read(GOOD, finished)


def check_log(cell: Cell, seen: Seen) -> None:
    [row] = seen.rows
    expected = dict(cell.row)
    if not cell.is_rescued and isinstance(cell.verdict, Refused):
        expected["error_code"] = read_error(seen.raw)["code"]  # one of the table's, as has been checked
    expected |= {"owner_id": None, "alias_served": cell.alias, "endpoint": cell.api}
    assert {name: row[name] for name in expected} == expected
    assert seen.used == expected["counted"]
