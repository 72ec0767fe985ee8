"""Every route of the pages with every method, for strangers, members and operators, and what each answer carries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from blueprints.api_v1 import routes_call
from middleware.api_paths import is_api_path
from service.accounts import membership
from service.process.waits import WaitOver
from tests.accounts.house import BOSS, PASSWORD, Visitor, csrf_token, open_house

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE")
ODD = ("1", "0", "9" * 40, "x", "%00", "..%2f..%2fetc%2fpasswd", "%ff", "a" * 3000)
CLOSING = ("/sign-out", "/account/browsers/sign-out", "/account/browsers/sign-out-others")
OWN_ROOMS = ("/admin", "/account", "/usage", "/docs/token/", "/plans/")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An application with an operator and a member."""
    path: Path = tmp_path_factory.mktemp("routes") / "smartroute.db"
    with open_house(f"sqlite:///{path}") as app:
        with app.app_context():
            membership.create("operator@example.org", PASSWORD, None, is_operator=True, by=BOSS)
            membership.create("member@example.org", PASSWORD, None, is_operator=False, by=BOSS)
        yield app


class Walker(Visitor):
    """Somebody who calls every route; the token of a form is known."""

    def __init__(self, app: Flask, email: str = "") -> None:
        super().__init__(app)
        if email:
            assert self.sign_in(email).status_code == 303
        self.csrf = csrf_token(self.get("/docs" if email else "/sign-in").text)

    def call(self, method: str, path: str, **fields: str) -> TestResponse:
        """Send a request as a browser would not."""
        return self.client.open(path, method=method, data=fields or None, buffered=True)


@pytest.fixture(scope="module")
def operator(house: Flask) -> Walker:
    """Who may open all."""
    return Walker(house, "operator@example.org")


@pytest.fixture(scope="module")
def member(house: Flask) -> Walker:
    """Who may open the own rooms."""
    return Walker(house, "member@example.org")


def paths(house: Flask, *values: str, under: tuple[str, ...] = ("/",)) -> list[str]:
    """Every route of the pages, each with every value where it takes one."""
    rules = sorted({rule.rule for rule in house.url_map.iter_rules()})
    rules = [rule for rule in rules if not is_api_path(rule) and rule.startswith(under)]
    return [re.sub(r"<[^>]+>", value, rule) for rule in rules for value in (values if "<" in rule else ("",))]


@pytest.mark.parametrize("who", ["stranger", "member", "operator"])
def test_no_route_and_no_method_is_a_fault_of_ours(house: Flask, who: str) -> None:
    walker = Walker(house, f"{who}@example.org" if who != "stranger" else "")
    for path in paths(house, *ODD[1:]):
        for method in METHODS:
            if path in CLOSING or path == "/readyz":  # not ready: nothing upstream answers here
                continue
            answer = walker.call(method, path, csrf_token=walker.csrf)
            assert answer.status_code < 500, (method, path)
            assert "Traceback" not in answer.text, (method, path)
            assert re.match(r"/(?![/\\])|$", answer.headers.get("Location", "")), (method, path)


def test_members_and_strangers_open_no_operator_page_by_any_method(house: Flask, member: Walker) -> None:
    stranger = Walker(house)
    for path in paths(house, *ODD[:2], under=("/admin",)):
        for method in METHODS:
            refused = {403, 404, 405, 308} if method != "OPTIONS" else {200, 403, 404, 405}
            assert member.call(method, path, csrf_token=member.csrf).status_code in refused, (method, path)
            answer = stranger.call(method, path, csrf_token=stranger.csrf)
            led_away = answer.status_code == 303 and answer.headers["Location"].startswith("/sign-in")
            assert led_away or answer.status_code in refused, (method, path)


def test_nothing_changes_without_the_token_of_a_form(house: Flask, operator: Walker) -> None:
    tried = 0
    for rule in house.url_map.iter_rules():
        # The theme is a taste, kept in a cookie that says nothing of anybody.
        if is_api_path(rule.rule) or "POST" not in (rule.methods or ()) or rule.rule == "/theme":
            continue
        path = re.sub(r"<[^>]+>", "2", rule.rule)
        assert operator.call("POST", path, operator="yes").status_code == 400, path
        assert operator.call("POST", path, csrf_token="invented").status_code == 400, path
        tried += 1
    assert tried > 30


def test_token_of_one_visitors_form_is_worthless_in_anothers_browser(operator: Walker, member: Walker) -> None:
    assert operator.call("POST", "/admin/accounts/2/suspend", csrf_token=member.csrf).status_code == 400


def test_rooms_of_members_are_closed_to_strangers(house: Flask) -> None:
    stranger = Walker(house)
    for path in paths(house, "1", under=OWN_ROOMS):
        for method in ("GET", "POST"):
            answer = stranger.call(method, path, csrf_token=stranger.csrf)
            assert answer.status_code in (303, 308, 404, 405), (method, path)


def test_every_page_and_error_page_carries_the_headers(house: Flask, operator: Walker) -> None:
    for path in [*paths(house, "1", "x"), "/nothing-here"]:
        for method in ("GET", "PUT", "OPTIONS"):
            answer = operator.call(method, path)
            if answer.mimetype != "text/html" or path in CLOSING:
                continue
            for name, value in HEADERS.items():
                assert answer.headers.get(name) == value, (method, path, name)
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], (method, path)
            assert "camera=()" in answer.headers["Permissions-Policy"], (method, path)
            if answer.status_code >= 400:
                assert not re.search(r"(?i)(gunicorn|werkzeug|python|flask)[/ ]\d", answer.text), (method, path)


def test_rooms_of_whoever_is_signed_in_are_kept_by_no_cache(house: Flask, operator: Walker) -> None:
    for path in paths(house, "1", under=OWN_ROOMS):
        answer = operator.call("GET", path)
        if answer.status_code == 200:
            assert "no-store" in answer.headers["Cache-Control"], path


def test_answers_for_programs_are_no_pages(operator: Walker) -> None:
    for path in ("/v1/models", "/v1/nothing-here", "/api/nobody/v1/models"):
        headers = operator.call("GET", path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert "Set-Cookie" not in headers


def test_browsers_are_told_to_stay_with_tls_where_the_service_has_it(tmp_path: Path) -> None:
    toml = tmp_path / "smartroute.toml"
    toml.write_text(
        '[service]\npublic_url = "https://ai.example.org"\n'
        '[[upstreams]]\nname = "east"\nbase_url = "http://127.0.0.1:9/v1"\n'
        '[[profiles]]\nalias = "smart-route-mini"\nroutes = [{ upstream = "east", model = "m" }]\n'
    )
    with open_house(f"sqlite:///{tmp_path / 'smartroute.db'}", toml) as app:
        client = app.test_client()
        for path in ("/", "/v1/models", "/nothing-here"):
            by_tls = client.get(path, base_url="https://ai.example.org").headers
            assert by_tls["Strict-Transport-Security"] == "max-age=31536000"
            # RFC 6797, section 7.2: never without TLS.
            assert "Strict-Transport-Security" not in client.get(path, base_url="http://ai.example.org").headers


def test_service_without_tls_promises_none(house: Flask) -> None:
    answer = house.test_client().get("/", base_url="https://ai.example.org")
    assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/static/favicon.svg", "/nothing-here", "/v1/nothing-here", "/v1/models"])
def test_connection_without_an_account_is_closed_where_too_many_wait(
    house: Flask, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    client = house.test_client()
    of_a_worker = {"gunicorn.socket": None}
    assert client.get(path, environ_overrides=of_a_worker).status_code in (200, 401, 404)
    monkeypatch.setattr(routes_call, "MOST_OF_NOBODY", 0)
    with pytest.raises(WaitOver):
        client.get(path, environ_overrides=of_a_worker)


def test_health_is_told_however_many_wait(house: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes_call, "MOST_OF_NOBODY", 0)
    assert house.test_client().get("/healthz", environ_overrides={"gunicorn.socket": None}).status_code == 200
