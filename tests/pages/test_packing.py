"""Every page leaves compressed for browsers that take it, and its length tells nothing of what is in it."""

from __future__ import annotations

import gzip

import pytest

from tests.accounts.house import Visitor, csrf_token

GUEST_PAGES = ("/", "/docs", "/docs/reference", "/plans", "/sign-in", "/sign-up", "/nothing-here")
MEMBER_PAGES = ("/", "/docs", "/plans", "/usage", "/account", "/account/password")
GZIP = {"Accept-Encoding": "gzip, br"}


def taken_packed(visitor: Visitor, path: str) -> int:
    """Open a page as a browser does that takes gzip; give the bytes that travelled."""
    answer = visitor.get(path, headers=GZIP)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert gzip.decompress(answer.data).rstrip().endswith(b"</html>")
    return len(answer.data)


@pytest.mark.parametrize("path", GUEST_PAGES)
def test_page_of_a_guest_is_compressed(visitor: Visitor, path: str) -> None:
    plain = visitor.get(path)
    assert "Content-Encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert taken_packed(visitor, path) < len(plain.data) / 2


@pytest.mark.parametrize("path", MEMBER_PAGES)
def test_page_of_a_member_is_compressed(visitor: Visitor, path: str) -> None:
    visitor.sign_up("member@example.org")
    assert taken_packed(visitor, path) < len(visitor.get(path).data) / 2


@pytest.mark.parametrize("refused", ["identity", "gzip;q=0, br", ""])
def test_page_is_left_as_it_is_for_whoever_does_not_take_it(visitor: Visitor, refused: str) -> None:
    assert "Content-Encoding" not in visitor.get("/docs", headers={"Accept-Encoding": refused}).headers


@pytest.mark.parametrize("path", ["/", "/docs", "/plans"])
def test_length_of_a_page_does_not_tell_what_is_in_it(visitor: Visitor, path: str) -> None:
    lengths = {len(visitor.get(path, headers=GZIP).data) for _ in range(12)}
    assert len(lengths) > 4


def test_answer_to_a_form_is_compressed_with_what_it_says(visitor: Visitor) -> None:
    form = {"csrf_token": csrf_token(visitor.get("/sign-in").text), "email": "nobody@example.org", "password": "wrong"}
    answer = visitor.client.post("/sign-in", data=form, headers=GZIP)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "nobody@example.org" in gzip.decompress(answer.data).decode()


def test_token_as_json_is_not_compressed(visitor: Visitor) -> None:
    visitor.sign_up("member@example.org")
    form = {"csrf_token": csrf_token(visitor.get("/docs").text)}
    headers = {**GZIP, "Accept": "application/json"}
    answer = visitor.client.post("/docs/token/reveal", data=form, headers=headers)
    assert answer.is_json
    assert "Content-Encoding" not in answer.headers


def test_table_to_download_leaves_as_it_is_made(visitor: Visitor) -> None:
    visitor.sign_up("member@example.org")
    answer = visitor.get("/usage.csv", headers=GZIP)
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert "Content-Encoding" not in answer.headers
