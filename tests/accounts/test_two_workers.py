"""Sign-ins, reset links and upgrade requests by HTTP, on gateways with two workers and on both databases."""

from __future__ import annotations

import itertools
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.harness.gateway import Gateway

PASSWORD, NEW_PASSWORD = "correct horse battery", "another password"
NUMBERS = itertools.count(1)


class Browser:
    """A person's browser at a running gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._url = gateway.url
        self.session = requests.Session()

    def get(self, path: str) -> requests.Response:
        """Open a page, without following redirects."""
        return self.session.get(self._url + path, allow_redirects=False, timeout=20)

    def send(self, page: str, action: str | None = None, /, **fields: str) -> requests.Response:
        """Open a page and send its form."""
        return self.post(action or page, self.form_token(page), **fields)

    def form_token(self, page: str) -> str:
        """The CSRF token of a page."""
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.get(page).text)
        assert found
        return found[1]

    def post(self, path: str, form_token: str, **fields: str) -> requests.Response:
        """Send a form whose page was opened before."""
        data = {"csrf_token": form_token, **fields}
        return self.session.post(self._url + path, data=data, allow_redirects=False, timeout=20)

    def is_signed_in(self) -> bool:
        """Whether the account page opens."""
        return self.get("/account").status_code == 200


@pytest.fixture
def email(gateway: Gateway) -> str:
    """The address of an account of the test's own, with a plan."""
    browser, address = Browser(gateway), f"two-workers-{next(NUMBERS)}@example.org"
    assert browser.send("/sign-up", email=address, password=PASSWORD).status_code == 303
    assert browser.get("/docs").status_code == 200
    return address


def signed_in(gateway: Gateway, email: str) -> Browser:
    """The member at a browser of their own."""
    browser = Browser(gateway)
    assert browser.send("/sign-in", email=email, password=PASSWORD).status_code == 303
    return browser


def command(gateway: Gateway, *arguments: str) -> Any:
    """Run a command of the operator in the environment of the service."""
    done = gateway.flask(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_requests_sent_at_once_leave_one_pending_and_the_command_approves_it(gateway: Gateway, email: str) -> None:
    browsers = [signed_in(gateway, email) for _ in range(6)]
    tokens = [browser.form_token("/plans?to=pro") for browser in browsers]
    with ThreadPoolExecutor(6) as threads:
        sent = [
            threads.submit(browser.post, "/plans/request", token, plan="pro", note=f"number {number}")
            for number, (browser, token) in enumerate(zip(browsers, tokens, strict=True))
        ]
        assert {each.result().status_code for each in sent} == {303}
    flashes = [browser.get("/plans").text for browser in browsers]
    assert sum("on its way to the operator" in page for page in flashes) == 1
    assert sum("You have asked for a plan already" in page for page in flashes) == 5
    done = command(gateway, "upgrades", "approve", email, "--message", "Welcome")
    assert (done["from"], done["to"], done["state"]) == ("free", "pro", "approved")
    assert "Welcome" in browsers[0].get("/plans").text


def test_signing_out_ends_a_copied_cookie_on_every_worker(gateway: Gateway, email: str) -> None:
    owner, thief = signed_in(gateway, email), Browser(gateway)
    thief.session.cookies.update(owner.session.cookies)
    assert thief.is_signed_in()
    assert owner.send("/account", "/sign-out").status_code == 303
    assert not any(thief.is_signed_in() for _ in range(6))


def test_reset_link_of_the_command_sets_the_password_once(gateway: Gateway, email: str) -> None:
    before = signed_in(gateway, email)
    link = command(gateway, "accounts", "reset-link", email)["link"].removeprefix(gateway.url)
    visitors = [Browser(gateway) for _ in range(4)]
    tokens = [visitor.form_token(link) for visitor in visitors]
    with ThreadPoolExecutor(4) as threads:
        sent = [
            threads.submit(visitor.post, link, token, password=NEW_PASSWORD)
            for visitor, token in zip(visitors, tokens, strict=True)
        ]
        assert sorted(each.result().status_code for each in sent) == [303, 410, 410, 410]
    assert not before.is_signed_in()
    assert [visitor.is_signed_in() for visitor in visitors].count(True) == 1
    assert link.removeprefix("/reset/") not in gateway.stdout_text() + gateway.stderr_text()
