"""Who the operator pages open for."""

from __future__ import annotations

import pytest
import requests

from tests.admin.conftest import Person
from tests.harness.gateway import Gateway

PATHS = ["/admin", "/admin/", "/admin/requests?id=req_1", "/admin/requests/req_1", "/admin/dry-run"]


@pytest.mark.parametrize("path", PATHS)
def test_members_are_refused(member: Person, path: str) -> None:
    answer = member.get(path)
    assert answer.status_code == 403
    assert "That is not yours to open" in answer.text
    assert "req_1" not in answer.text.partition("<main")[2].partition("</main>")[0]


@pytest.mark.parametrize("path", PATHS)
def test_guests_are_led_to_sign_in_and_back(house: Gateway, path: str) -> None:
    answer = requests.get(house.url + path, timeout=10, allow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/sign-in?next=/admin")


def test_members_get_no_dry_run_by_post_either(member: Person) -> None:
    token = {"csrf_token": _token_of(member), "plan": "free", "endpoint": "responses", "body": '{"input": "hi"}'}
    answer = member.pages.post(f"{member.gateway.url}/admin/dry-run", data=token, timeout=10)
    assert answer.status_code == 403
    assert "east/" not in answer.text


def test_only_operators_are_shown_the_link(member: Person, operator: Person) -> None:
    assert 'href="/admin"' not in member.get("/docs").text
    assert 'href="/admin"' in operator.get("/docs").text


def test_operator_gets_both_tools(operator: Person) -> None:
    answer = operator.get("/admin")
    assert answer.status_code == 200
    assert 'action="/admin/requests"' in answer.text
    assert 'href="/admin/dry-run"' in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_address_with_a_slash_leads_to_the_page(operator: Person) -> None:
    answer = operator.get("/admin/")
    assert (answer.status_code, answer.headers["Location"]) == (308, "/admin")


def _token_of(person: Person) -> str:
    page = person.get("/docs").text
    return page.partition('name="csrf_token" value="')[2].partition('"')[0]
