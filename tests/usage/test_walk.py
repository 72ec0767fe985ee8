"""From outside: requests to a running gateway, and what the usage page and its CSV then tell of them."""

from __future__ import annotations

import csv
import io
import json
import re
import secrets

import pytest
import requests

from tests.accounts.house import PASSWORD
from tests.harness.gateway import Gateway
from tests.pages.test_walk import Browser
from tests.usage.test_page import listed, text_of

Answer = requests.Response


@pytest.fixture
def signed_in(gateway: Gateway) -> tuple[Browser, str]:
    """A member by command, signed in; and the token."""
    email = f"used-{secrets.token_hex(4)}@example.org"
    made = json.loads(
        gateway.flask("accounts", "create", email, "--plan", "plus", "--password", PASSWORD, "--json").stdout
    )
    browser = Browser(gateway)
    browser.send("/sign-in", email=email, password=PASSWORD)
    return browser, made["token"]


def send(gateway: Gateway, token: str, text: str, **options: object) -> Answer:
    """Send one prompt."""
    return requests.post(
        f"{gateway.api}/chat/completions",
        headers={"Authorization": f"Bearer {token}", "User-Agent": "=cmd/1.0"},
        json={"model": "smart-route-mini", "messages": [{"role": "user", "content": text}], **options},
        timeout=20,
    )


def test_requests_appear_at_once_with_what_was_counted(gateway: Gateway, signed_in: tuple[Browser, str]) -> None:
    browser, token = signed_in
    assert "No requests yet" in browser.get("/usage")
    whole = send(gateway, token, "hello")
    streamed = send(gateway, token, "hello", stream=True)
    failed = send(gateway, token, "[[status 500]]")
    assert [whole.status_code, streamed.status_code, failed.status_code] == [200, 200, 502]
    ids = [each.headers["x-request-id"] for each in (failed, streamed, whole)]
    page = browser.get("/usage")
    assert listed(page) == ids
    text = text_of(page)
    assert "498 of 500 prompts left" in text
    assert text.count("counted: it was answered") == 2
    assert text.count("not counted: no output") == 1
    assert "demo-model" not in page
    records = list(csv.DictReader(io.StringIO(browser.get("/usage.csv"), newline="")))
    assert [record["request_id"] for record in records] == ids[::-1]
    assert [record["counted"] for record in records] == ["yes", "yes", "no"]
    assert {record["client"] for record in records} <= {"'=cmd/1.0", ""}
    assert all(int(record["first_output_ms"]) >= 0 for record in records[:2])


def test_filter_in_the_address_of_the_form_shows_only_what_it_names(
    gateway: Gateway, signed_in: tuple[Browser, str]
) -> None:
    browser, token = signed_in
    send(gateway, token, "hello")
    failed = send(gateway, token, "[[status 500]]")
    page = browser.get("/usage?status=failed&alias=")
    assert listed(page) == [failed.headers["x-request-id"]]
    assert re.search(r'href="/usage#requests">Show all', page)
