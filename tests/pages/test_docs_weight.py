"""The documentation page is long; it is rendered with few questions to the database and leaves compressed."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from flask import Flask

from models.base import db
from tests.accounts.house import Visitor, csrf_token

MOST_QUESTIONS = 8


@contextmanager
def questions(app: Flask) -> Iterator[list[str]]:
    """The statements that the database is sent meanwhile."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    with app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def test_page_of_a_member_asks_the_database_little(app: Flask, visitor: Visitor) -> None:
    visitor.sign_up("member@example.org")
    visitor.get("/docs")
    with questions(app) as asked:
        assert visitor.get("/docs").status_code == 200
    assert len([each for each in asked if each.lstrip().upper().startswith("SELECT")]) <= MOST_QUESTIONS, asked


def test_page_of_a_guest_asks_the_database_nothing(app: Flask, visitor: Visitor) -> None:
    visitor.get("/docs")
    with questions(app) as asked:
        visitor.get("/docs")
    assert not asked


def test_page_is_compressed_for_whoever_takes_it(visitor: Visitor) -> None:
    plain = visitor.get("/docs")
    packed = visitor.get("/docs", headers={"Accept-Encoding": "gzip, br"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data) / 3
    assert gzip.decompress(packed.data) == plain.data
    for answer in (plain, packed):
        assert "Accept-Encoding" in answer.headers["Vary"]


@pytest.mark.parametrize("refused", ["identity", "gzip;q=0, br", ""])
def test_page_is_left_as_it_is_for_whoever_does_not(visitor: Visitor, refused: str) -> None:
    assert "Content-Encoding" not in visitor.get("/docs", headers={"Accept-Encoding": refused}).headers


def test_length_of_the_compressed_page_does_not_tell_what_is_in_it(visitor: Visitor) -> None:
    lengths = {len(visitor.get("/docs", headers={"Accept-Encoding": "gzip"}).data) for _ in range(12)}
    assert len(lengths) > 4


def test_token_as_json_is_not_compressed(visitor: Visitor) -> None:
    visitor.sign_up("member@example.org")
    visitor.get("/docs")
    headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
    answer = visitor.client.post(
        "/docs/token/reveal", data={"csrf_token": csrf_token(visitor.get("/docs").text)}, headers=headers
    )
    assert answer.is_json
    assert "Content-Encoding" not in answer.headers
