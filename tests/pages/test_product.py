"""The product page and the plans page: what they say comes from the catalog."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

from service.accounts import holdings, membership
from tests.accounts import house
from tests.accounts.house import BOSS, PASSWORD, Visitor, open_house

CATALOG = """
[service]
name = "Team Gateway"
public_url = "https://ai.example.org"
slug = "team"

[[upstreams]]
name = "east"
base_url = "http://127.0.0.1:9/v1"

[[profiles]]
alias = "light"
[[profiles.routes]]
upstream = "east"
model = "secret-model"

[[plans]]
slug = "small"
name = "Small"
profile = "light"
price = 1234.5
currency = "USD"
daily = 12345

[[plans]]
slug = "big"
name = "Big"
profile = "light"
"""


def text_of(page: str) -> str:
    """What a page says, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_product_page_names_endpoint_plans_and_the_way_in(visitor: Visitor) -> None:
    page = visitor.get("/").text
    for words in ("One stable endpoint", "Starting at free", "How it works", 'href="/sign-up"', 'href="/docs"'):
        assert words in page
    assert "http://127.0.0.1:8000/api/smart-routing-ai-model/v1/chat/completions" in page
    steps = re.findall(r'<ol class="steps">(.*?)</ol>', page, re.DOTALL)
    assert [step.count("<li><h3>") for step in steps] == [4]


def test_product_page_says_what_it_is_for_and_what_it_can(visitor: Visitor) -> None:
    page = visitor.get("/").text
    for words in (
        "Assistants", "Developer tools", "Codex CLI and Kilo Code", "Internal apps", "Prototype agents",
        "High-volume automation", "Three endpoints", "Routing profiles", "A private token",
        "Daily and monthly quotas", "Ready for your tools", "Billed monthly", "Custom Endpoint", "Smart AI Agent",
        "Authorization: Bearer",
    ):  # fmt: skip
        assert words in page


def test_line_map_draws_a_line_for_each_alias_and_says_so_in_words(visitor: Visitor) -> None:
    page = visitor.get("/").text
    drawings = re.findall(r'<svg class="map[^>]*>.*?</svg>', page, re.DOTALL)
    assert len(drawings) == 2
    for drawing in drawings:
        assert len(drawing) < 12_000
        assert [len(re.findall(rf'<path class="line-{line}[ "]', drawing)) for line in range(7)] == [1] * 7
        assert re.search(r'role="img" aria-label="Line map: [^"]*smart-route-infinite', drawing)


def test_card_of_the_own_plan_is_marked_and_leads_nowhere(visitor: Visitor) -> None:
    assert "your plan" not in visitor.get("/").text
    visitor.sign_up("member@example.org")
    visitor.get("/docs")
    page = visitor.get("/").text
    assert page.count("your plan") == 1
    assert "Choose Free" not in page
    assert "Choose Plus" in page


def test_card_leads_a_guest_by_sign_up_and_a_member_at_once_to_the_plan(visitor: Visitor) -> None:
    assert 'href="/sign-up?next=/plans?to%3Dpro">Create an account for Pro</a>' in visitor.get("/").text
    visitor.sign_up("member@example.org")
    page = visitor.get("/").text
    assert 'href="/plans?to=pro">Choose Pro</a>' in page
    assert "/sign-up" not in page


def test_plan_cards_show_prices_and_figures_the_english_way(visitor: Visitor) -> None:
    page = visitor.get("/").text
    for words in ("EUR 1,599.99", "EUR 9.99", "10,000", "100,000", "unlimited", "Smart-Route Infinite"):
        assert words in page
    assert page.count("<article") == 6
    assert "<h3>Business" not in page  # without a price it has no card


@pytest.mark.parametrize("path", ["/", "/plans"])
def test_below_the_cards_stand_the_plans_without_one_and_who_bills(visitor: Visitor, path: str) -> None:
    below = text_of(visitor.get(path).text.rpartition("</article>")[2])
    assert below.startswith("Business : on request. The operator of this service bills you; nothing is charged here.")


def test_plans_page_has_every_plan_in_its_table(visitor: Visitor) -> None:
    page = visitor.get("/plans").text
    assert page.count("<article") == 6
    assert len(re.findall(r'<th scope="row"', page)) == 7
    assert "on request" in page


def test_own_plan_is_marked(app: Flask, visitor: Visitor) -> None:
    visitor.sign_up("member@example.org")
    assert "your plan" not in visitor.get("/plans").text
    with app.app_context():
        holdings.set_plan(membership.find("member@example.org").id, "pro", by=BOSS)
    page = visitor.get("/plans").text
    assert "You are on <strong>Pro</strong>" in page
    assert page.count("your plan") == 2


def test_pages_follow_another_catalog_and_tell_nothing_of_upstreams(tmp_path: Path) -> None:
    toml = tmp_path / "smartroute.toml"
    toml.write_text(CATALOG)
    with open_house(f"sqlite:///{tmp_path / 'smartroute.db'}", toml) as app:
        visitor = Visitor(app)
        pages = [visitor.get(path).text for path in ("/", "/plans", "/docs")]
        visitor.sign_up("member@example.org")
        pages.append(visitor.get("/docs").text)
    assert "Starting at USD 1,234.50" in pages[0]
    assert "https://ai.example.org/api/team/v1" in pages[3]
    assert "12,345" in pages[1]
    for page in pages:
        assert "Team Gateway" in page
        assert "secret-model" not in page
        assert "east" not in re.findall(r"\w+", page)
        assert "smart-route-" not in page


def test_pages_say_so_while_the_demo_answers_and_tell_operators_what_to_do(tmp_path: Path, visitor: Visitor) -> None:
    words = "The built-in demo answers here for now"
    toml = tmp_path / "smartroute.toml"
    toml.write_text("[service]\n")
    with open_house(f"sqlite:///{tmp_path / 'demo.db'}", toml) as app:
        guest, operator = Visitor(app), Visitor(app)
        with app.app_context():
            membership.create("boss@example.org", PASSWORD, None, is_operator=True, by=BOSS)
        operator.sign_in("boss@example.org")
        for path in ("/", "/docs", "/admin"):
            assert words in operator.get(path).text
            page = operator.get(path).text
            assert "UPSTREAM_BASE_URL" not in page  # the service reads none beside a file
            assert f"<code>[[upstreams]]</code> in <code>{toml}</code>" in page
        for path in ("/", "/docs"):
            assert words in guest.get(path).text
            assert "How to connect" not in guest.get(path).text
    for path in ("/", "/docs"):
        assert words not in visitor.get(path).text


def test_operator_without_a_file_reads_that_variables_connect_an_upstream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house, "UPSTREAM", {})
    with open_house(f"sqlite:///{tmp_path / 'demo.db'}") as app:
        with app.app_context():
            membership.create("boss@example.org", PASSWORD, None, is_operator=True, by=BOSS)
        operator = Visitor(app)
        operator.sign_in("boss@example.org")
        assert "UPSTREAM_BASE_URL" in operator.get("/docs").text
