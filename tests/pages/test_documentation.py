"""The documentation page: readable by anybody, with plan, quota and token box for members."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from flask import Flask

from service.accounts import holdings, membership
from tests.accounts.house import BOSS, Visitor, csrf_token, open_house, shown_token

EMAIL = "member@example.org"
TOKEN = re.compile(r"sr_[0-9A-Za-z]{33}")


@pytest.fixture
def member(visitor: Visitor) -> Visitor:
    """Somebody who has signed up and not yet opened the documentation."""
    visitor.sign_up(EMAIL)
    return visitor


def test_documentation_is_readable_without_an_account(visitor: Visitor) -> None:
    page = visitor.get("/docs")
    assert page.status_code == 200
    for words in (
        "Bearer YOUR_TOKEN",
        "/chat/completions",
        "smart-route-infinite",
        "insufficient_quota",
        "rate_limit_exceeded",
        "server_is_overloaded",
        "Sign in",
    ):
        assert words in page.text
    assert "Your token</h2>" not in page.text


def test_reading_without_an_account_sets_no_cookie(visitor: Visitor) -> None:
    for path in ("/", "/docs", "/plans", "/nothing-here"):
        assert "Set-Cookie" not in visitor.get(path).headers


def test_first_visit_activates_the_first_plan_and_makes_the_token(app: Flask, member: Visitor) -> None:
    with app.app_context():
        account = membership.find(EMAIL)
        assert holdings.holding(account.id) == holdings.Holding(None, None, False)
        page = member.get("/docs").text
        held = holdings.holding(account.id)
    assert held.plan_slug == "free"
    assert held.token is not None
    assert held.token not in page
    assert f"{held.token[:7]}••••••••{held.token[-4:]}" in page


def test_page_shows_what_is_left_of_day_and_month_with_the_resets(member: Visitor) -> None:
    page = member.get("/docs").text
    assert "<strong>200</strong> of 200 prompts left" in page
    assert "<strong>1,000</strong> of 1,000 prompts left" in page
    assert '<progress max="200" value="0"' in page
    assert len(re.findall(r"Resets \w+day \d+ \w+, 00:00 UTC, in \d+ ", page)) == 2


def test_resets_are_told_in_the_time_zone_of_the_service(tmp_path: Path) -> None:
    toml = tmp_path / "smartroute.toml"
    toml.write_text('[service]\ntimezone = "Asia/Kolkata"\n')
    with open_house(f"sqlite:///{tmp_path / 'other.db'}", toml) as app:
        visitor = Visitor(app)
        visitor.sign_up(EMAIL)
        assert len(re.findall(r"00:00 Asia/Kolkata", visitor.get("/docs").text)) == 2


def test_unlimited_plan_shows_what_is_used(app: Flask, member: Visitor) -> None:
    with app.app_context():
        holdings.set_plan(membership.find(EMAIL).id, "unlimited", by=BOSS)
    page = member.get("/docs").text
    assert page.count("<strong>0</strong> used, unlimited") == 2
    assert "<progress" not in page


def test_whole_token_is_in_no_page_but_the_answer_to_showing_it(member: Visitor) -> None:
    member.get("/docs")
    for path in ("/docs", "/docs?confirm=regenerate", "/docs?confirm=revoke", "/plans", "/"):
        assert not TOKEN.search(member.get(path).text), path
    shown = member.press("reveal")
    assert TOKEN.fullmatch(shown_token(shown))
    assert f"Authorization: Bearer {shown_token(shown)}" in shown.text
    assert shown.headers["Cache-Control"] == "no-store"


def test_copy_button_gets_the_token_as_json(member: Visitor) -> None:
    form = csrf_token(member.get("/docs").text)
    answer = member.client.post("/docs/token/reveal", data={"csrf_token": form}, headers={"Accept": "application/json"})
    assert answer.json == {"token": member.token()}
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("action", ["regenerate", "revoke"])
def test_destructive_step_needs_a_second_press(member: Visitor, action: str) -> None:
    before = member.token()
    answer = member.press(action)
    assert (answer.status_code, answer.location) == (303, f"/docs?confirm={action}#token")
    assert "stops at once" in member.get(answer.location).text
    assert member.token() == before


def test_regenerating_replaces_the_token(member: Visitor) -> None:
    before = member.token()
    answer = member.press("regenerate", confirm="yes")
    assert (answer.status_code, answer.location) == (303, "/docs#token")
    assert "The old one has stopped working" in member.get("/docs").text
    assert member.token() != before


def test_revoked_token_stays_revoked_until_a_new_one_is_made(member: Visitor) -> None:
    before = member.token()
    member.press("revoke", confirm="yes")
    for _ in range(2):
        page = member.get("/docs").text
        assert "Your token is revoked" in page
        assert "sr_" not in page
    member.press("create")
    assert member.token() != before


def test_making_a_token_twice_keeps_the_first(member: Visitor) -> None:
    before = member.token()
    member.press("create")
    assert member.token() == before


@pytest.mark.parametrize("action", ["reveal", "create", "regenerate", "revoke"])
def test_token_box_is_closed_without_an_account(visitor: Visitor, action: str) -> None:
    answer = visitor.send("/sign-in", f"/docs/token/{action}", confirm="yes")
    assert (answer.status_code, answer.location) == (303, "/sign-in")


@pytest.mark.parametrize("action", ["reveal", "create", "regenerate", "revoke"])
def test_token_box_answers_no_get(member: Visitor, action: str) -> None:
    assert member.get(f"/docs/token/{action}").status_code == 405


def test_signed_in_address_stands_on_every_page(visitor: Visitor, member: Visitor) -> None:
    for path in ("/", "/docs", "/plans"):
        assert EMAIL in re.sub(r"<[^>]*>", "", member.get(path).text), path


@pytest.mark.parametrize("page", ["docs", "plans"])
def test_address_with_a_slash_at_its_end_leads_to_the_page(visitor: Visitor, page: str) -> None:
    answer = visitor.get(f"/{page}/?confirm=revoke")
    assert (answer.status_code, answer.location) == (308, f"/{page}?confirm=revoke")
    assert visitor.get(f"/{page}/").location == f"/{page}"
    assert visitor.get(f"/{page}").status_code == 200


def test_base_address_can_be_copied_and_tools_are_told_what_they_need(member: Visitor) -> None:
    page = member.get("/docs").text
    address = "http://127.0.0.1:8000/api/smart-routing-ai-model/v1"
    assert f'<code id="base-address">{address}</code>' in page
    for words in ("Codex CLI", "Kilo Code", "OpenAI SDKs", 'wire_api = "responses"', "<code>smart-route-mini</code>"):
        assert words in html.unescape(page)
    assert f'base_url="{address}"' in html.unescape(page)


def test_every_copy_button_has_the_text_that_it_copies(visitor: Visitor, member: Visitor) -> None:
    for page in (Visitor(member.client.application).get("/docs").text, member.get("/docs").text):
        wanted = re.findall(r'data-copy="([^"]+)"', page)
        assert len(wanted) >= 4
        assert all(page.count(f'id="{name}"') == 1 for name in wanted)
        assert re.search(r'<script src="/static/\w+-\w+\.js" defer>', page)


def test_revealed_token_is_filled_into_the_line_that_exports_it(member: Visitor) -> None:
    assert "export AI_TOOLS_ROUTER_API_KEY='sr_" in html.unescape(member.get("/docs").text)
    shown = member.press("reveal")
    assert f"export AI_TOOLS_ROUTER_API_KEY='{shown_token(shown)}'" in html.unescape(shown.text)


def test_odd_confirm_in_the_address_changes_nothing(member: Visitor) -> None:
    assert "<script>x" not in member.get("/docs?confirm=<script>x").text
