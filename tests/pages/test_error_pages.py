"""Error pages: what happened, what to do next, in the design of all pages with the menu of whoever came."""

from __future__ import annotations

import re

import pytest
from flask import Flask, abort

from models.storage import StorageUnavailable
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
        (403, "not yours to open", '<a class="button" href="/sign-in?next=/fail/403?a%3Db">Sign in'),
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


@pytest.mark.parametrize("path", ["/nope", "/fail/403", "/fail/400", "/sign-out"])
def test_page_of_a_visitors_error_has_the_menu_of_who_is_signed_in(failing: Visitor, path: str) -> None:
    guest = failing.get(path).text
    assert 'href="/sign-in"' in guest
    assert 'href="/usage"' not in guest
    failing.sign_up("member@example.org")
    page = failing.get(path).text
    assert 'href="/sign-in"' not in page
    for link in ('href="/usage"', 'href="/account"', "member@example.org", "Sign out"):
        assert link in page, link


def test_refused_member_can_sign_out_where_the_refusal_stands(failing: Visitor) -> None:
    failing.sign_up("member@example.org")
    assert "Signed in as" in failing.get("/fail/403").text
    assert failing.send("/fail/403", "/sign-out").location == "/"
    assert not failing.is_signed_in()


@pytest.mark.parametrize("path", ["/fail/500", "/fail/503", "/nope"])
def test_menu_leads_to_sign_in_where_it_cannot_be_known_who_came(
    failing: Visitor, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing.sign_up("member@example.org")

    def fail(secret: str) -> None:
        raise StorageUnavailable("the database is away")

    monkeypatch.setattr("service.signing_in.sign_ins.visit", fail)
    answer = failing.get(path)
    assert answer.status_code == (404 if path == "/nope" else int(path[-3:]))
    assert "member@example.org" not in answer.text
    assert 'href="/sign-in"' in answer.text
    assert 'href="/sign-up"' not in answer.text
