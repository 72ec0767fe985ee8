"""The documentation page is long; it is rendered with few questions to the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from flask import Flask

from models.base import db
from tests.accounts.house import Visitor

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
