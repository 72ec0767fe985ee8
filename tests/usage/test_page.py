"""The usage page: what a member reads there, and what nobody does."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask

from models import usage_lookup
from models.base import utcnow
from service.accounts import deletion
from tests.accounts.house import BOSS, Visitor
from tests.usage.member import Member


def text_of(page: str) -> str:
    """What a page says, without its marks."""
    body = page[page.index("<main") : page.index("</main>")]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def listed(page: str) -> list[str]:
    """Request ids in the list, as they follow each other."""
    return re.findall(r'<code id="request-\d+">([^<]+)</code>', page)


def link(page: str, text: str) -> str | None:
    """Where a link of the pager leads."""
    found = re.search(rf'href="([^"]+)">{text}</a>', page)
    return None if found is None else html.unescape(found[1])


def with_values(values: dict[str, Any], row: dict[str, Any]) -> None:
    """Change a row that is about to be written."""
    row.update(values)


def test_guest_is_asked_to_sign_in_and_comes_back(app: Flask) -> None:
    for path in ["/usage", "/usage.csv", "/usage/days.csv"]:
        answer = Visitor(app).get(path)
        assert answer.status_code == 303
        assert answer.location == f"/sign-in?{urlencode({'next': path}, safe='/')}"


def test_first_visit_says_how_to_send_the_first_request(member: Member) -> None:
    page = member.get("/usage").text
    assert "No requests yet" in page
    assert "/api/smart-routing-ai-model/v1/chat/completions" in page
    assert "200 of 200 prompts left" in text_of(page)
    assert re.search(r"Bearer sr_\w{4}•+\w{4}", page)
    assert member.token() not in page
    assert "data-chart" not in page


def test_who_has_no_plan_yet_is_led_to_the_documentation(app: Flask) -> None:
    visitor = Visitor(app)
    assert visitor.sign_up("new@example.org").status_code == 303
    text = text_of(visitor.get("/usage").text)
    assert "Open the documentation : it activates your plan" in text


def test_who_has_revoked_the_token_is_told_where_to_make_one(member: Member) -> None:
    member.press("revoke", confirm="yes")
    assert "You have no token at present" in text_of(member.get("/usage").text)


def test_figures_are_those_of_the_rows_before_and_after_they_are_added_up(member: Member) -> None:
    member.has_sent_for_days(40, 300)
    since = member.house.calendar.at(utcnow()).day.start - timedelta(days=29)
    rows = [row for row in member.written if row["day_start"] >= since]
    before = text_of(member.get("/usage").text)
    assert f"Requests {len(rows)} Prompts counted {sum(row['counted'] for row in rows)} and" in before
    assert f"Failed {sum(row['status'] == 'failed' for row in rows)}" in before
    for alias, name in [("smart-route-mini", "Smart-Route Mini"), ("smart-route-deep", "Smart-Route Deep")]:
        of_alias = [row for row in rows if row["alias_served"] == alias]
        tokens = sum(row["prompt_tokens"] or 0 for row in of_alias)
        assert f"{name} {len(of_alias)} {tokens:,}" in before
    member.add_up()
    assert text_of(member.get("/usage").text) == before


def test_picture_and_table_have_a_place_for_each_of_thirty_days(member: Member) -> None:
    member.has_sent_for_days(29, 50)
    page = member.get("/usage").text
    assert page.count('<g class="day">') == 30
    assert page.count('<tr><th scope="row">') >= 30
    assert " style=" not in page
    assert page.count("<title>") == 31


def test_request_is_told_with_what_was_counted_and_why(member: Member) -> None:
    now = utcnow()
    outcomes = {
        "counted: it was answered": {"status": "completed", "kind": "prompt", "reason": "output", "counted": True},
        "counted: output was sent": {"status": "cancelled", "kind": "prompt", "reason": "output", "counted": True},
        "not counted: no output": {"status": "failed", "kind": "prompt", "reason": "no_output", "counted": False},
        "not counted: continuation of a tool call": {
            "status": "completed", "kind": "continuation", "reason": "continuation", "counted": False,
        },
        "counted for now: it is under way": {
            "status": "started", "kind": "prompt", "reason": "reserved", "counted": True,
        },
    }  # fmt: skip
    for number, values in enumerate(outcomes.values()):
        member.has_sent([now + timedelta(milliseconds=number)], partial(with_values, values))
    page = member.get("/usage").text
    assert listed(page) == [row["request_id"] for row in reversed(member.written)]
    rows = page.split('<tr role="row">')[2:]
    for row, words in zip(rows, reversed(outcomes), strict=True):
        assert f'<span class="quiet">{words}</span>' in row


def test_nothing_on_the_page_or_in_csv_is_the_operators_alone(member: Member) -> None:
    def reach(row: dict[str, object]) -> None:
        row.update(upstream="backend-name", upstream_model="backend-model", cost=12.3456, status="completed")

    member.has_sent([utcnow()], reach)
    for path in ["/usage", "/usage.csv", "/usage/days.csv"]:
        said = member.get(path).text
        assert member.written[0]["alias_served"] in said.lower().replace("smart-route ", "smart-route-")
        assert not re.search("backend|12\\.3|cost", said)


def test_what_a_client_calls_itself_is_shown_as_text(member: Member) -> None:
    member.has_sent([utcnow()], lambda row: row.update(client_name="<script>alert(1)</script>"))
    page = member.get("/usage").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_client_is_named_briefly_in_the_list_and_whole_in_the_csv(member: Member) -> None:
    browser = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like"
    member.has_sent([utcnow()], lambda row: row.update(client_name=browser))
    page = member.get("/usage").text
    assert "a browser" in text_of(page)
    assert "Mozilla" not in page
    assert browser in member.get("/usage.csv").text


def test_other_members_see_nothing_of_it(app: Flask, member: Member) -> None:
    member.has_sent([utcnow()])
    other = Member(app)
    assert "No requests yet" in other.get("/usage").text
    assert other.get("/usage.csv").text.count("\r\n") == 1
    member.add_up()
    assert other.get("/usage/days.csv").text.count("\r\n") == 1


def test_pager_and_filter_lead_through_the_requests(member: Member) -> None:
    member.has_sent_for_days(3, 130)
    failed = [row["request_id"] for row in reversed(member.written) if row["status"] != "completed"]
    for query, expected in [("", [row["request_id"] for row in reversed(member.written)]), ("?status=failed", None)]:
        path: str | None = f"/usage{query}"
        seen: list[str] = []
        while path:
            page = member.get(path).text
            seen += listed(page)
            path = link(page, "Older")
        wanted = expected or [each for each in failed if row_of(member, each)["status"] == "failed"]
        assert seen == wanted
    newest = listed(member.get("/usage").text)
    second = member.get(link(member.get("/usage").text, "Older") or "").text
    assert listed(member.get(link(second, "Newer") or "").text) == newest


def row_of(member: Member, request_id: str) -> dict[str, object]:
    """What was written of one request."""
    return next(row for row in member.written if row["request_id"] == request_id)


def test_filter_that_nothing_fits_says_so(member: Member) -> None:
    member.has_sent([utcnow()], lambda row: row.update(status="completed"))
    page = member.get("/usage?status=failed&alias=smart-route-mini").text
    assert "No request is like that" in page
    assert 'value="failed" selected' in page


@pytest.mark.parametrize("query", ["before=x", "after=-1", "before=99999999999999999999", "status=lost", "before=٣"])
def test_address_that_makes_no_sense_is_told_what_would(reader: Member, query: str) -> None:
    answer = reader.get(f"/usage?{query}")
    assert answer.status_code == 400
    assert "That address cannot be understood" in answer.text
    assert query.split("=")[0] in answer.text


def test_requests_by_an_alias_that_the_catalog_no_longer_has_are_shown(member: Member) -> None:
    member.has_sent([utcnow()], lambda row: row.update(alias_served="retired-model"))
    member.add_up()
    page = member.get("/usage").text
    assert page.count("retired-model") > 3


def test_usage_outlives_the_account_and_is_found_again_under_the_same_address(app: Flask, member: Member) -> None:
    member.has_sent([utcnow() - timedelta(hours=3), utcnow()])
    member.add_up()
    before = member.get("/usage/days.csv").text
    with app.app_context():
        deletion.delete(member.account_id, by=BOSS)
    again = Member(app, member.email)
    assert again.account_id == member.account_id
    assert again.get("/usage/days.csv").text == before


def test_address_with_a_slash_leads_to_the_page(reader: Member) -> None:
    answer = reader.get("/usage/?status=failed")
    assert (answer.status_code, answer.location) == (308, "/usage?status=failed")


def test_rows_of_another_program_are_shown_whatever_words_they_bring(member: Member) -> None:
    import_of = {"status": "ok", "kind": "prompt", "reason": "import", "counted": True}
    member.has_sent([utcnow()], partial(with_values, import_of))
    member.has_sent([utcnow()], partial(with_values, {**import_of, "status": "completed", "counted": False}))
    answer = member.get("/usage")
    assert answer.status_code == 200
    for words in ("Ended", "counted: output was sent", "Completed", "not counted"):
        assert words in text_of(answer.text)
    assert "counted: it was answered" not in text_of(answer.text)


@pytest.mark.parametrize("receipt", ["by hand", "[]", "{}", '{"attempts": [{}]}', "[" * 10_000])
def test_receipt_that_another_program_wrote_in_its_own_words_is_none(member: Member, receipt: str) -> None:
    member.has_sent([utcnow()], partial(with_values, {"routing": receipt}))
    found = usage_lookup.find_request(member.house.storage, member.written[-1]["request_id"])
    assert found is not None
    assert found.routing is None
