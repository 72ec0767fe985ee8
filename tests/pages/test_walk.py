"""A stranger's way through a running gateway: sign up, read the page, paste the curl line, replace the token."""

from __future__ import annotations

import html
import json
import re
import secrets
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.accounts.house import PASSWORD, csrf_token
from tests.harness.gateway import Gateway


class Browser:
    """A browser without script in front of a real gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self.url = gateway.url
        self.session = requests.Session()

    def get(self, path: str) -> str:
        """Open a page."""
        http_response = self.session.get(self.url + path, timeout=10)
        assert http_response.status_code == 200, path
        return http_response.text

    def send(self, page: str, action: str | None = None, **fields: str) -> str:
        """Send the form of a page and give the page that comes after it."""
        fields["csrf_token"] = csrf_token(self.get(page))
        http_response = self.session.post(self.url + (action or page), data=fields, timeout=10)
        assert http_response.status_code == 200, f"{action or page}: {http_response.text}"
        return http_response.text


@pytest.fixture
def member(gateway: Gateway) -> Browser:
    """Somebody who has just signed up by the page."""
    browser = Browser(gateway)
    browser.send("/sign-up", email=f"stranger-{secrets.token_hex(4)}@example.org", password=PASSWORD)
    return browser


def curl_line(page: str) -> str:
    """The command that the page offers for pasting."""
    found = re.search(r'<code id="curl-line">(.*?)</code>', page, re.DOTALL)
    assert found
    return html.unescape(found[1])


def status_with(gateway: Gateway, token: str) -> int:
    """What the API says to a token."""
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{gateway.api}/usage", headers=headers, timeout=10).status_code


def test_pasted_curl_line_gets_an_answer_and_the_page_counts_it(gateway: Gateway, member: Browser) -> None:
    assert "<strong>200</strong> of 200 prompts left" in member.get("/docs")
    line = curl_line(member.send("/docs", "/docs/token/reveal"))
    done = subprocess.run(["bash", "-c", line + " -sS"], capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert answer["model"] == "smart-route-mini"
    assert answer["choices"][0]["message"]["content"]
    page = member.get("/docs")
    assert "<strong>199</strong> of 200 prompts left" in page
    assert "<strong>999</strong> of 1,000 prompts left" in page


def test_replaced_token_stops_at_once_on_every_worker(gateway: Gateway, member: Browser) -> None:
    def token() -> str:
        found = re.search(r'id="shown-token">(sr_\w{33})<', member.send("/docs", "/docs/token/reveal"))
        assert found
        return found[1]

    old = token()
    assert {status_with(gateway, old) for _ in range(6)} == {200}
    member.send("/docs", "/docs/token/regenerate", confirm="yes")
    assert {status_with(gateway, old) for _ in range(6)} == {401}
    new = token()
    assert {status_with(gateway, new) for _ in range(6)} == {200}
    member.send("/docs", "/docs/token/revoke", confirm="yes")
    assert {status_with(gateway, new) for _ in range(6)} == {401}


def test_two_tabs_opened_at_the_same_moment_show_the_same_token(member: Browser) -> None:
    with ThreadPoolExecutor(6) as threads:
        pages = list(threads.map(lambda _: requests.get(
            f"{member.url}/docs", cookies=member.session.cookies.get_dict(), timeout=10
        ).text, range(6)))  # fmt: skip
    shown = {re.findall(r'id="shown-token">([^<]+)<', page)[0] for page in pages}
    assert len(shown) == 1


def test_account_made_by_command_is_seen_on_the_page(gateway: Gateway) -> None:
    email = f"made-{secrets.token_hex(4)}@example.org"
    options = ["--plan", "max", "--password", PASSWORD, "--json"]
    made = json.loads(gateway.flask("accounts", "create", email, *options).stdout)
    browser = Browser(gateway)
    browser.send("/sign-in", email=made["email"], password=PASSWORD)
    page = browser.get("/docs")
    assert "<strong>10,000</strong> of 10,000 prompts left" in page
    assert made["token"][-4:] in page
    assert status_with(gateway, made["token"]) == 200
    gateway.flask("accounts", "suspend", made["email"])
    assert status_with(gateway, made["token"]) == 401
    assert "Sign out" not in browser.get("/plans")


def test_static_files_and_pages_are_served_while_a_password_is_hashed(gateway: Gateway) -> None:
    with ThreadPoolExecutor(4) as threads:
        tries = [threads.submit(_wrong_sign_in, gateway, number) for number in range(4)]
        assert requests.get(f"{gateway.url}/static/app.css", timeout=10).status_code == 200
        assert {each.result() for each in tries} == {422}


def _wrong_sign_in(gateway: Gateway, number: int) -> int:
    session = requests.Session()
    token = csrf_token(session.get(f"{gateway.url}/sign-in", timeout=10).text)
    fields = {"csrf_token": token, "email": f"nobody{number}@example.org", "password": "a wrong password"}
    return session.post(f"{gateway.url}/sign-in", data=fields, timeout=10).status_code
