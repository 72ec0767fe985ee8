"""Light and dark by hand: a cookie that the server reads, so that a page comes in its theme at once."""

from __future__ import annotations

import re

import pytest

from tests.accounts.house import Visitor

PAGES = ("/", "/docs", "/plans", "/sign-in", "/nothing-here")


def choose(visitor: Visitor, theme: str, back: str = "/plans"):
    """Press a button of the theme form, as a browser without script does."""
    return visitor.client.post("/theme", data={"theme": theme, "back": back})


@pytest.mark.parametrize("path", PAGES)
def test_page_follows_the_system_until_a_theme_is_chosen(visitor: Visitor, path: str) -> None:
    page = visitor.get(path).text
    assert '<html lang="en">' in page
    assert '<meta name="color-scheme" content="light dark">' in page
    assert re.findall(r'value="(\w+)" aria-pressed="true"', page) == ["system"]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_chosen_theme_is_in_the_page_itself(visitor: Visitor, path: str, theme: str) -> None:
    answer = choose(visitor, theme, path)
    assert (answer.status_code, answer.location) == (303, path)
    page = visitor.get(path).text
    assert f'<html lang="en" data-theme="{theme}">' in page
    assert f'<meta name="color-scheme" content="{theme}">' in page
    assert re.findall(r'value="(\w+)" aria-pressed="true"', page) == [theme]


def test_system_forgets_the_choice(visitor: Visitor) -> None:
    choose(visitor, "dark")
    choose(visitor, "system")
    assert "data-theme" not in visitor.get("/plans").text.partition("<body>")[0]


@pytest.mark.parametrize("theme", ["", "blue", '"><script>', "dark" * 5000])
def test_odd_choice_is_taken_as_system(visitor: Visitor, theme: str) -> None:
    choose(visitor, "dark")
    answer = choose(visitor, theme)
    assert answer.status_code == 303 if len(theme) < 16_000 else 413
    assert "<script>" not in answer.headers.get("Set-Cookie", "")


@pytest.mark.parametrize("value", ["blue", '"><script>alert(1)</script>', "DARK", "dark;light", "\x7f", "é"])
def test_odd_cookie_changes_nothing_in_the_page(visitor: Visitor, value: str) -> None:
    page = visitor.client.get("/plans", headers={"Cookie": f"smartroute_theme={value}"}).text
    assert '<html lang="en">' in page
    assert "alert(1)" not in page


@pytest.mark.parametrize("back", ["https://evil.example", "//evil.example", "/\\evil.example", "", "plans"])
def test_theme_leads_back_to_this_service_alone(visitor: Visitor, back: str) -> None:
    assert choose(visitor, "dark", back).location == "/"


def test_page_keeps_its_query_on_the_way_back(visitor: Visitor) -> None:
    assert '<input type="hidden" name="back" value="/plans?to=pro&amp;a=b">' in visitor.get("/plans?to=pro&a=b").text


def test_answer_to_a_form_that_cannot_be_opened_leads_back_to_the_first_page(visitor: Visitor) -> None:
    visitor.sign_up("member@example.org")
    assert '<input type="hidden" name="back" value="/">' in visitor.press("reveal").text


def test_guest_chooses_without_a_session(visitor: Visitor) -> None:
    visitor.get("/")
    answer = choose(visitor, "dark")
    assert answer.headers.getlist("Set-Cookie") == [
        cookie for cookie in answer.headers.getlist("Set-Cookie") if cookie.startswith("smartroute_theme=dark;")
    ]
    assert "SameSite=Lax" in answer.headers["Set-Cookie"]
    assert "Max-Age=31536000" in answer.headers["Set-Cookie"]
    assert visitor.client.get_cookie("smartroute_session") is None


def test_page_is_not_mixed_up_by_a_cache_between(visitor: Visitor) -> None:
    assert "Cookie" in visitor.get("/").headers["Vary"]
