"""Browsers that signed in before: guesses of strangers keep them from nothing, and they guess no faster themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from service.accounts import membership
from service.signing_in import known_browsers
from tests.accounts.house import PASSWORD, Visitor, csrf_token, open_house

EMAIL, OTHER = "member@example.org", "other@example.org"


@pytest.fixture(autouse=True)
def member(app: Flask) -> membership.Member:
    """The account that strangers guess at."""
    with app.app_context():
        return membership.sign_up(EMAIL, PASSWORD)


def known(app: Flask, email: str = EMAIL) -> Visitor:
    """A browser that signed in once, and out again."""
    visitor = Visitor(app)
    assert visitor.sign_in(email).status_code == 303
    visitor.send("/plans", "/sign-out")
    assert not visitor.is_signed_in()
    return visitor


def guess(app: Flask, times: int, email: str = EMAIL) -> None:
    """Wrong passwords, each from another address."""
    for number in range(times):
        Visitor(app, f"198.51.100.{number}").sign_in(email, "a wrong password")


def test_member_signs_in_from_a_known_browser_while_strangers_guess(app: Flask) -> None:
    visitor = known(app)
    guess(app, 12)
    assert Visitor(app, "203.0.113.1").sign_in(EMAIL).status_code == 429
    assert visitor.sign_in(EMAIL).status_code == 303


def test_member_signs_in_from_a_known_browser_behind_the_address_of_who_guesses(app: Flask) -> None:
    visitor = known(app)
    for number in range(31):
        Visitor(app).sign_in(f"nobody{number}@example.org", "a wrong password")
    assert Visitor(app).sign_in(EMAIL).status_code == 429
    assert visitor.sign_in(EMAIL).status_code == 303


def test_known_browser_guesses_no_faster_than_others(app: Flask) -> None:
    visitor = known(app)
    statuses = [visitor.sign_in(EMAIL, "a wrong password").status_code for _ in range(11)]
    assert statuses == [422] * 10 + [429]


def test_many_known_browsers_share_one_count(app: Flask) -> None:
    browsers = [known(app) for _ in range(4)]
    statuses = [browser.sign_in(EMAIL, "a wrong password").status_code for browser in browsers for _ in range(8)]
    assert statuses == [422] * 30 + [429] * 2


def test_browser_is_known_to_its_own_account_alone(app: Flask) -> None:
    with app.app_context():
        membership.sign_up(OTHER, PASSWORD)
    visitor = known(app, OTHER)
    guess(app, 12)
    assert visitor.sign_in(EMAIL).status_code == 429
    assert visitor.sign_in(OTHER).status_code == 303


def test_browser_shared_by_two_members_is_known_to_both(app: Flask) -> None:
    with app.app_context():
        membership.sign_up(OTHER, PASSWORD)
    visitor = known(app)
    assert visitor.sign_in(OTHER).status_code == 303
    visitor.send("/plans", "/sign-out")
    guess(app, 12)
    assert visitor.sign_in(EMAIL).status_code == 303


@pytest.mark.parametrize("cookie", ["", "x", "e30.e30.e30", "\udcff", "a" * 5000])
def test_invented_cookie_makes_nobody_known(app: Flask, cookie: str) -> None:
    with app.app_context():
        assert known_browsers.known_as(cookie, EMAIL) is None


def test_cookie_names_no_address_and_signs_nobody_in(app: Flask) -> None:
    visitor = known(app)
    cookie = visitor.client.get_cookie("smartroute_browser")
    assert cookie is not None
    assert "member" not in cookie.decoded_value
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    fresh = Visitor(app)
    fresh.client.set_cookie("smartroute_browser", cookie.decoded_value)
    assert fresh.get("/account").status_code == 303


@pytest.mark.parametrize(("public_url", "prefix"), [("https://ai.example.org", "__Host-"), ("http://127.0.0.1:1", "")])
def test_cookies_are_bound_to_the_host_where_the_service_has_tls(tmp_path: Path, public_url: str, prefix: str) -> None:
    toml = tmp_path / "smartroute.toml"
    upstream = '[[upstreams]]\nname = "a"\nbase_url = "http://127.0.0.1:9/v1"\n'
    profile = '[[profiles]]\nalias = "smart-route-mini"\n[[profiles.routes]]\nupstream = "a"\nmodel = "m"\n'
    toml.write_text(f'[service]\npublic_url = "{public_url}"\n{upstream}{profile}')
    with open_house(f"sqlite:///{tmp_path / 'tls.db'}", toml) as app:
        with app.app_context():
            membership.sign_up(EMAIL, PASSWORD)
        client = app.test_client()
        token = csrf_token(client.get("/sign-in", base_url=public_url).text)
        fields = {"csrf_token": token, "email": EMAIL, "password": PASSWORD}
        answer = client.post("/sign-in", base_url=public_url, data=fields)
        assert answer.status_code == 303
        cookies = answer.headers.getlist("Set-Cookie")
        assert {each.partition("=")[0] for each in cookies} == {
            f"{prefix}smartroute_session",
            f"{prefix}smartroute_browser",
        }
        for each in cookies:
            assert "HttpOnly" in each
            assert "SameSite=Lax" in each
            assert "Path=/" in each
            assert "Domain" not in each
            assert ("Secure" in each) is bool(prefix)
        # A cookie of the name that the service had without TLS only asks to sign in anew.
        old = app.test_client()
        old.set_cookie("smartroute_session", cookies[0].partition("=")[2].partition(";")[0], domain="ai.example.org")
        if prefix:
            assert old.get("/account", base_url=public_url).status_code == 303


def test_signing_in_drops_what_the_cookie_held_before(app: Flask) -> None:
    visitor = Visitor(app)
    visitor.get("/sign-in")
    before = visitor.client.get_cookie("smartroute_session")
    visitor.sign_in(EMAIL)
    after = visitor.client.get_cookie("smartroute_session")
    assert before is not None
    assert after is not None
    planted = Visitor(app)
    planted.client.set_cookie("smartroute_session", before.value)
    assert not planted.is_signed_in()
    assert visitor.is_signed_in()
