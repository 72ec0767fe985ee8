"""Sign-in, sign-out, the session cookie and the throttle."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask

from service.accounts import deletion, membership
from tests.accounts.house import BOSS, PASSWORD, Visitor, csrf_token, open_house

EMAIL = "member@example.org"


@pytest.fixture(autouse=True)
def member(app: Flask) -> membership.Member:
    """The account that these tests sign in to."""
    with app.app_context():
        return membership.sign_up(EMAIL, PASSWORD)


def test_right_password_signs_in_and_sign_out_ends_it(visitor: Visitor) -> None:
    assert visitor.sign_in(EMAIL).location == "/docs"
    assert visitor.is_signed_in()
    answer = visitor.send("/docs", "/sign-out")
    assert (answer.status_code, answer.location) == (303, "/")
    assert not visitor.is_signed_in()


def test_unknown_address_and_wrong_password_get_the_same_page(visitor: Visitor) -> None:
    wrong = visitor.sign_in(EMAIL, "a wrong password")
    unknown = visitor.sign_in("nobody@example.org", "a wrong password")
    assert wrong.status_code == unknown.status_code == 422
    assert _timeless(wrong.text).replace(EMAIL, "nobody@example.org") == _timeless(unknown.text)


def test_sign_in_leads_on_to_the_page_that_was_wanted(visitor: Visitor) -> None:
    assert visitor.sign_in(EMAIL, page="/sign-in?next=/plans").location == "/plans"


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/%5Cevil.example", "/%09/evil.example"]
)
def test_sign_in_leads_to_no_other_site(visitor: Visitor, elsewhere: str) -> None:
    assert visitor.sign_in(EMAIL, page=f"/sign-in?next={elsewhere}").location == "/docs"


def test_form_without_its_csrf_token_is_refused_with_a_page(visitor: Visitor) -> None:
    for page in ("/sign-in", "/sign-up", "/operator", "/sign-out", "/docs/token/reveal", "/docs/token/revoke"):
        answer = visitor.client.post(page, data={"email": EMAIL, "password": PASSWORD})
        assert answer.status_code == 400, page
        assert "out of date" in answer.text
    assert not visitor.is_signed_in()


def test_csrf_token_of_another_visitor_is_refused(app: Flask, visitor: Visitor) -> None:
    stolen = csrf_token(Visitor(app).get("/sign-in").text)
    visitor.get("/sign-in")
    answer = visitor.client.post("/sign-in", data={"csrf_token": stolen, "email": EMAIL, "password": PASSWORD})
    assert answer.status_code == 400


def test_session_from_before_signing_in_is_not_carried_on(visitor: Visitor) -> None:
    before = csrf_token(visitor.get("/sign-in").text)
    with visitor.client.session_transaction() as session:
        session["planted"] = "by somebody else"
    visitor.sign_in(EMAIL)
    with visitor.client.session_transaction() as session:
        assert "planted" not in session
    assert visitor.client.post("/sign-out", data={"csrf_token": before}).status_code == 400


def test_session_cookie_is_out_of_reach_of_scripts_and_other_sites(visitor: Visitor) -> None:
    cookie = visitor.sign_in(EMAIL).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_session_cookie_is_secure_when_the_visitor_came_by_tls(visitor: Visitor) -> None:
    token = csrf_token(visitor.get("/sign-in", base_url="https://localhost").text)
    fields = {"csrf_token": token, "email": EMAIL, "password": PASSWORD}
    answer = visitor.client.post("/sign-in", base_url="https://localhost", data=fields)
    assert answer.status_code == 303
    assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(("proxies", "is_secure"), [('["192.0.2.1"]', True), ("[]", False)])
def test_only_a_trusted_proxy_may_say_that_it_was_tls(tmp_path: Path, proxies: str, is_secure: bool) -> None:
    toml = tmp_path / "smartroute.toml"
    toml.write_text(f"[service]\ntrusted_proxies = {proxies}\n")
    with open_house(f"sqlite:///{tmp_path / 'other.db'}", toml) as app:
        page = Visitor(app).get("/sign-in", headers={"X-Forwarded-Proto": "https"})
        assert ("Secure" in page.headers["Set-Cookie"]) is is_secure


def test_cookie_is_secure_where_the_public_address_is_https(tmp_path: Path) -> None:
    toml = tmp_path / "smartroute.toml"
    toml.write_text('[service]\npublic_url = "https://ai.example.org"\n')
    with open_house(f"sqlite:///{tmp_path / 'other.db'}", toml) as app:
        assert "Secure" in Visitor(app).get("/sign-in").headers["Set-Cookie"]


@pytest.mark.parametrize("change", ["suspend", "delete", "set_password"])
def test_open_session_ends_at_once(app: Flask, visitor: Visitor, member: membership.Member, change: str) -> None:
    visitor.sign_in(EMAIL)
    page = visitor.get("/docs").text
    with app.app_context():
        if change == "set_password":
            membership.set_password(member.id, "another password", by=BOSS)
        elif change == "delete":
            deletion.delete(member.id, by=BOSS)
        else:
            membership.suspend(member.id, by=BOSS)
    assert not visitor.is_signed_in()
    answer = visitor.client.post("/docs/token/reveal", data={"csrf_token": csrf_token(page)})
    assert (answer.status_code, answer.location) == (303, "/sign-in")


def test_suspended_member_is_told_so_with_the_right_password_only(
    app: Flask, visitor: Visitor, member: membership.Member
) -> None:
    with app.app_context():
        membership.suspend(member.id, by=BOSS)
    assert "suspended" in visitor.sign_in(EMAIL).text
    assert "suspended" not in visitor.sign_in(EMAIL, "a wrong password").text
    assert not visitor.is_signed_in()


def test_forged_or_odd_cookie_is_nobody(visitor: Visitor) -> None:
    for user_id in ("", "1", "1:1", "x" * 43, "\udcff"):
        with visitor.client.session_transaction() as session:
            session["_user_id"] = user_id
        assert not visitor.is_signed_in(), user_id


def test_eleventh_failure_on_one_account_is_refused_from_any_address(app: Flask) -> None:
    for number in range(10):
        assert Visitor(app, f"192.0.2.{number}").sign_in(EMAIL, "a wrong password").status_code == 422
    answer = Visitor(app, "192.0.2.99").sign_in(EMAIL)
    assert answer.status_code == 429
    assert 800 < int(answer.headers["Retry-After"]) <= 900
    assert "Try again in 15 minutes" in answer.text


def test_thirty_first_failure_from_one_address_is_refused_on_any_account(app: Flask) -> None:
    visitor = Visitor(app)
    for number in range(30):
        assert visitor.sign_in(f"nobody{number}@example.org", "a wrong password").status_code == 422
    assert visitor.sign_in(EMAIL).status_code == 429
    assert Visitor(app, "192.0.2.2").sign_in(EMAIL).status_code == 303


def test_addresses_of_one_ipv6_network_are_counted_together(app: Flask) -> None:
    for number in range(30):
        guess = Visitor(app, f"2001:db8:0:7:{number:x}::1").sign_in(f"nobody{number}@example.org", "a wrong password")
        assert guess.status_code == 422
    assert Visitor(app, "2001:db8:0:7:ffff:ffff:ffff:ffff").sign_in(EMAIL).status_code == 429
    assert Visitor(app, "2001:db8:0:8::1").sign_in(EMAIL).status_code == 303


def test_ipv4_address_is_the_same_in_the_notation_of_ipv6(app: Flask) -> None:
    for number in range(30):
        address = f"{'::ffff:' if number % 2 else ''}192.0.2.1"
        assert Visitor(app, address).sign_in(f"nobody{number}@example.org", "a wrong password").status_code == 422
    assert Visitor(app, "::ffff:192.0.2.1").sign_in(EMAIL).status_code == 429
    assert Visitor(app, "::ffff:192.0.2.2").sign_in(EMAIL).status_code == 303


@pytest.mark.parametrize("address", ["fe80::1%eth0", "", "no address"])
def test_visitor_of_an_odd_address_is_counted_too(app: Flask, address: str) -> None:
    for number in range(30):
        Visitor(app, address).sign_in(f"nobody{number}@example.org", "a wrong password")
    assert Visitor(app, address).sign_in(EMAIL).status_code == 429


def test_successful_sign_ins_are_not_counted(app: Flask) -> None:
    for _ in range(12):
        assert Visitor(app).sign_in(EMAIL).status_code == 303


def test_guesses_at_the_same_moment_are_held_to_the_limit_too(app: Flask) -> None:
    visitors = [Visitor(app, f"192.0.2.{number}") for number in range(16)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda visitor: visitor.sign_in(EMAIL, "a wrong password"), visitors))
    assert sorted(answer.status_code for answer in answers) == [422] * 10 + [429] * 6


def _timeless(page: str) -> str:
    """Return a page without its CSRF token, which holds the second that it was made in."""
    return re.sub(r'name="csrf_token"[^>]*value="[^"]*"', "", page)
