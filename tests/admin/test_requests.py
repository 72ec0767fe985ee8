"""The list of requests of all accounts, its filters, its pages and its CSV."""

from __future__ import annotations

import csv
import html
import re
from urllib.parse import urlencode

import pytest

from blueprints.admin import routes_requests
from tests.admin.conftest import Person, text_of
from tests.harness.gateway import Gateway

ANSWERED = 3


@pytest.fixture(scope="module")
def sender(house: Gateway) -> Person:
    """A member with three answered requests, one failed one, and a client that bears a formula for a name."""
    person = Person(house, "sender@example.org")
    person.session.headers["User-Agent"] = '=HYPERLINK("http://evil.example")'
    ids = [person.chat("[[tokens 3]]", model="smart-route-mini").headers["x-request-id"] for _ in range(ANSWERED)]
    ids.append(person.chat("[[status 500]]", model="smart-route-mini").headers["x-request-id"])
    for request_id in ids:
        person.closed_row(request_id)
    return person


def listed(operator: Person, **asked: str) -> list[str]:
    """Ids of the requests on a page, as they stand there."""
    answer = operator.get("/admin/requests?" + urlencode(asked))
    assert answer.status_code == 200, answer.text
    return re.findall(r'href="/admin/requests/(req_\w+)"', answer.text)


def test_requests_of_an_account_stand_newest_first_and_lead_to_their_receipts(operator: Person, sender: Person) -> None:
    found = listed(operator, account="Sender@Example.org ")
    assert len(found) == ANSWERED + 1
    newest = text_of(operator.get(f"/admin/requests/{found[0]}").text)
    assert "sender@example.org" in newest
    assert "Failed" in newest


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"outcome": "counted"}, ANSWERED),
        ({"outcome": "given_back"}, 1),
        ({"outcome": "fault"}, 1),
        ({"outcome": "running"}, 0),
        ({"error": "no_such_error"}, 0),
        ({"upstream": "nobody"}, 0),
        ({"alias": "smart-route-mini", "kind": "prompt"}, ANSWERED + 1),
        ({"kind": "continuation"}, 0),
        ({"from": "2020-01-01"}, ANSWERED + 1),
        ({"from": "2020-01-01", "to": "2020-12-31T23:59"}, 0),
    ],
)
def test_filters_narrow_the_list(operator: Person, sender: Person, asked: dict[str, str], count: int) -> None:
    assert len(listed(operator, account="sender@example.org", **asked)) == count
    assert (
        "No request is like that"
        in operator.get("/admin/requests?" + urlencode({"account": "sender@example.org", **asked})).text
    ) == (count == 0)


def test_pages_lead_back_and_forth_with_their_filter(operator: Person, sender: Person) -> None:
    everything = listed(operator, account="sender@example.org")
    number = re.search(r"account=(\d+)", operator.get("/admin/requests?account=sender%40example.org").text)
    assert number
    page = operator.get("/admin/requests?account=sender%40example.org&before=3").text
    assert re.findall(r'href="/admin/requests/(req_\w+)"', page) == everything[2:]
    newer = re.search(r'rel="prev" href="([^"]+)"', page)
    assert newer
    assert "account=sender" in newer[1]
    back = operator.get(html.unescape(newer[1])).text
    assert re.findall(r'href="/admin/requests/(req_\w+)"', back) == everything
    assert listed(operator, account=number[1]) == everything
    assert len(everything) < routes_requests.REQUESTS_ON_A_PAGE


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"outcome": "lost"}, "Choose an outcome"),
        ({"kind": "wish"}, "Choose a kind"),
        ({"error": "'; drop table"}, "small letters"),
        ({"from": "yesterday"}, "Write a time"),
        ({"from": "0001-01-01T00:00"}, "Write a time"),
        ({"to": "9999-12-31"}, "Write a time"),
        ({"from": "2026-02-30"}, "Write a time"),
        ({"from": "2026-02-03", "to": "2026-02-01"}, "lies before"),
        ({"before": "-1"}, "number of a request"),
        ({"after": "9" * 30}, "number of a request"),
        ({"alias": "a" * 300}, "at most"),
        ({"account": "\x00"}, "at most"),
    ],
)
def test_what_cannot_be_understood_is_named_and_stays_in_the_form(
    operator: Person, asked: dict[str, str], words: str
) -> None:
    for path in ("/admin/requests?", "/admin/requests.csv?"):
        answer = operator.get(path + urlencode(asked))
        assert answer.status_code == 422, answer.text
        assert words in answer.text


def test_address_that_nobody_has_is_said_to_be_nobodys(operator: Person) -> None:
    answer = operator.get("/admin/requests?account=<script>@x")
    assert answer.status_code == 404
    assert "No account has this address." in answer.text
    assert "<script>@x" not in answer.text


@pytest.mark.parametrize("place", ["before=1", "before=0", "after=999999999999999999", "before=999999999999999999"])
def test_places_where_there_is_nothing_lead_back(operator: Person, sender: Person, place: str) -> None:
    answer = operator.get(f"/admin/requests?account=sender@example.org&{place}")
    assert answer.status_code == 200
    assert 'rel="' in answer.text.partition("<main")[2] or len(listed(operator, account="sender@example.org")) > 0


def test_csv_has_the_filtered_requests_and_no_formula(operator: Person, sender: Person) -> None:
    answer = operator.get("/admin/requests.csv?account=sender@example.org&outcome=counted")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert re.search(r'filename="[\w-]+-requests-[\d-]+\.csv"', answer.headers["Content-Disposition"])
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert [row["request_id"] for row in rows] == listed(operator, account="sender@example.org", outcome="counted")
    assert {row["account"] for row in rows} == {"sender@example.org"}
    assert all(row["client"].startswith("'=") for row in rows)
    assert {row["upstream_model"] for row in rows} == {"narrow"}


def test_members_get_neither_the_list_nor_the_csv(member: Person) -> None:
    for path in ("/admin/requests", "/admin/requests.csv", "/admin/usage", "/admin/catalog"):
        assert member.get(path).status_code == 403
