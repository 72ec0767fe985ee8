"""Error pages: what happened, what to do next, in the design of all pages and without knowing who is signed in."""

from __future__ import annotations

import re

import pytest
from flask import Flask, abort

from tests.accounts.house import Visitor


@pytest.fixture
def failing(app: Flask) -> Visitor:
    """A visitor of an application with a page that fails as its address says."""
    app.add_url_rule("/fail/<int:status>", "fail", lambda status: abort(status))
    return Visitor(app)


@pytest.mark.parametrize(
    ("status", "words", "next_step"),
    [
        (400, "could not be understood", '<a class="button" href="/fail/400?a=b">Open the page anew'),
        (401, "Sign in to see this", '<a class="button" href="/sign-in?next=/fail/401?a%3Db">Sign in'),
        (403, "not yours to open", '<a class="button" href="/docs">Documentation'),
        (404, "There is no such page", '<a class="button" href="/docs">Documentation'),
        (405, "does not work here", '<a class="button plain" href="/">First page'),
        (413, "too much at once", '<a class="button" href="/fail/413?a=b">Open the page anew'),
        (429, "Too many tries", '<a class="button" href="/fail/429?a=b">Open the page anew'),
        (500, "on our side", '<a class="button" href="/fail/500?a=b">Try again'),
        (503, "not available for a moment", '<a class="button" href="/fail/503?a=b">Try again'),
    ],
)
def test_error_page_says_what_happened_and_leads_on(failing: Visitor, status: int, words: str, next_step: str) -> None:
    answer = failing.get(f"/fail/{status}?a=b")
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    [heading] = re.findall(r"<h1>(.*?)</h1>", answer.text)
    assert words in heading
    assert next_step in answer.text
    assert '<link rel="stylesheet" href="/static/app-' in answer.text


@pytest.mark.parametrize(("status", "shown"), [(404, False), (500, True), (503, True)])
def test_fault_of_ours_shows_the_request_id_for_the_operator(failing: Visitor, status: int, shown: bool) -> None:
    answer = failing.get(f"/fail/{status}")
    assert (f'<code id="request-id">{answer.headers["x-request-id"]}</code>' in answer.text) is shown


def test_status_without_words_of_its_own_has_those_of_its_kind(failing: Visitor) -> None:
    assert "could not be understood" in failing.get("/fail/418").text
    assert "on our side" in failing.get("/fail/501").text


def test_error_page_names_nobody(failing: Visitor) -> None:
    failing.sign_up("member@example.org")
    page = failing.get("/fail/404").text
    assert "member@example.org" not in page
    assert 'href="/sign-in"' not in page
