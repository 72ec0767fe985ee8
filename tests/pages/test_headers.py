"""What every page carries: headers, assets, error pages."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from models.storage import Storage, StorageUnavailable
from tests.accounts.house import Visitor

PAGES = ("/", "/docs", "/plans", "/sign-up", "/sign-in", "/operator", "/nothing-here")


@pytest.mark.parametrize("path", PAGES)
def test_page_may_load_nothing_from_elsewhere_and_be_framed_by_nobody(visitor: Visitor, path: str) -> None:
    headers = visitor.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("path", PAGES)
def test_page_has_no_inline_script_or_style_and_no_foreign_address(visitor: Visitor, path: str) -> None:
    visitor.sign_up("member@example.org")
    page = visitor.get(path).text
    assert not re.search(r"<style|<script(?! src=\"/static/)| style=| on\w+=", page)
    for address in re.findall(r'(?:src|href|action)="([^"]*)"', page):
        assert re.match(r"[/#](?!/)", address), address


@pytest.mark.parametrize("path", ["/", "/docs", "/plans"])
def test_page_of_somebody_signed_in_is_kept_by_no_cache(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).headers["Cache-Control"] == "no-cache"
    visitor.sign_up("member@example.org")
    answer = visitor.get(path)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Cookie" in answer.headers["Vary"]


@pytest.mark.parametrize("path", ["/", "/docs", "/plans", "/docs/reference"])
def test_search_engine_may_list_what_everybody_may_read(visitor: Visitor, path: str) -> None:
    answer = visitor.get(path)
    assert answer.status_code == 200
    assert "X-Robots-Tag" not in answer.headers


@pytest.mark.parametrize("signed_in", [False, True])
def test_search_engine_lists_no_page_of_members_operators_and_links(visitor: Visitor, signed_in: bool) -> None:
    if signed_in:
        visitor.sign_up("member@example.org")
    links = ("/operator?link=abc", "/invite/abc", "/confirm/abc", "/reset/abc")
    for path in ("/sign-in", "/sign-up", "/account", "/usage", "/admin", "/plans/", "/nothing-here", *links):
        assert visitor.get(path).headers["X-Robots-Tag"] == "noindex", path


def test_document_of_the_api_depends_on_no_cookie(visitor: Visitor) -> None:
    visitor.sign_up("member@example.org")
    headers = visitor.get("/openapi.json").headers
    assert headers["Cache-Control"] == "no-cache"
    assert "Cookie" not in headers["Vary"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_unknown_page_and_wrong_method_are_error_pages(visitor: Visitor) -> None:
    answer = visitor.get("/nothing-here")
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert "There is no such page" in answer.text
    answer = visitor.client.get("/sign-out")
    assert (answer.status_code, answer.mimetype) == (405, "text/html")
    assert "POST" in answer.headers["Allow"]


def test_trouble_with_the_database_is_a_page_that_says_when_to_come_back(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.sign_up("member@example.org")

    def unavailable(*_: object) -> None:
        raise StorageUnavailable("the details are for the log")

    monkeypatch.setattr(Storage, "read", unavailable)
    monkeypatch.setattr(Storage, "read_session", unavailable)
    for path in ("/docs", "/", "/plans"):
        answer = visitor.get(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert "for the log" not in answer.text


def test_fault_of_ours_is_a_page_without_a_trace(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret detail")

    visitor = Visitor(app)
    visitor.sign_up("member@example.org")
    monkeypatch.setattr(Storage, "read", broken)
    answer = visitor.get("/docs")
    assert (answer.status_code, answer.mimetype) == (500, "text/html")
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text


def test_form_that_is_far_too_large_is_refused(visitor: Visitor) -> None:
    answer = visitor.send("/sign-in", email="x" * 2_000_000, password="x")
    assert answer.status_code == 413
    assert "too much" in answer.text


def test_no_address_leads_to_the_site_that_a_host_header_names(app: Flask, visitor: Visitor) -> None:
    paths = {rule.rule for rule in app.url_map.iter_rules() if not rule.arguments} | {"/reset/abc", "/static/app.css"}
    for path in paths:
        for odd in (path.replace("/", "//"), f"{path}/", f"{path}//", path.rstrip("/") or "/", f"//{path}"):
            # Given past the client, which would take the start of some for the name of a host.
            answer = visitor.client.get("/", environ_overrides={"PATH_INFO": odd, "HTTP_HOST": "evil.example"})
            assert "evil.example" not in answer.headers.get("Location", ""), odd
            assert not answer.headers.get("Location", "").startswith("//"), odd
            assert answer.status_code < 500 or path == "/readyz", odd  # not ready: nothing upstream answers here


def test_address_with_a_slash_too_many_is_no_page_but_one_of_the_api(visitor: Visitor) -> None:
    assert visitor.get("/reset//abc").status_code == 404
    assert visitor.get("/v1//models").status_code == visitor.get("/v1/models").status_code == 401
