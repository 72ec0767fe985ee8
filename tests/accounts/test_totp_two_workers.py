"""One code at two workers at the same moment: on gateways of two workers, on both databases."""

from __future__ import annotations

import itertools
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest

from tests.accounts.test_two_workers import PASSWORD, Browser
from tests.harness.gateway import Gateway

NUMBERS = itertools.count(1)


@pytest.mark.parametrize("kind", ["code", "recovery code"])
def test_code_that_many_browsers_send_at_once_signs_one_in(gateway: Gateway, kind: str) -> None:
    email, owner = f"two-step-{next(NUMBERS)}@example.org", Browser(gateway)
    assert owner.send("/sign-up", email=email, password=PASSWORD).status_code == 303
    page = owner.get("/account/two-step").text
    secret = found(r'class="spelt"[^>]*>([^<]+)<', page).replace(" ", "")
    app, token = pyotp.TOTP(secret), found(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    sealed = found(r'name="setup"[^>]*value="([^"]+)"', page)
    before = app.at(int(time.time()) - 30)
    shown = owner.post("/account/two-step", token, setup=sealed, code=before, present=PASSWORD).text
    recovery_code = found(r"\b((?:[0-9A-Z]{4}-){2}[0-9A-Z]{4})\b", shown)

    browsers = [Browser(gateway) for _ in range(5)]  # as many tries as the throttle lets through
    tokens = []
    for browser in browsers:
        assert browser.send("/sign-in", email=email, password=PASSWORD).status_code == 303
        tokens.append(browser.form_token("/sign-in/code"))
    code = app.at(int(time.time())) if kind == "code" else recovery_code
    with ThreadPoolExecutor(5) as threads:
        answers = list(threads.map(lambda who, token: who.post("/sign-in/code", token, code=code), browsers, tokens))
    assert sorted(answer.status_code for answer in answers) == [303, 422, 422, 422, 422]
    assert [browser.is_signed_in() for browser in browsers].count(True) == 1


def found(pattern: str, text: str) -> str:
    """The first group of a pattern that must be there."""
    match = re.search(pattern, text)
    assert match, f"{pattern} is nowhere in the page"
    return match[1]
