"""What tables are on MySQL when they are made of the models; the text of the statements, without a server."""

from __future__ import annotations

import sqlalchemy as sa

import models.all_tables  # noqa: F401  (it knows every table)
from models.base import db


def statements(url: str) -> dict[str, str]:
    made: dict[str, str] = {}

    def keep(statement: sa.schema.ExecutableDDLElement, *_: object, **__: object) -> None:
        if isinstance(statement, sa.schema.CreateTable):
            made[statement.element.name] = str(statement.compile(dialect=engine.dialect))

    engine = sa.create_mock_engine(url, keep)
    db.metadata.create_all(engine, checkfirst=False)
    return made


def test_every_table_has_transactions_and_tells_letters_apart() -> None:
    made = statements("mysql+pymysql://")
    assert len(made) == len(db.metadata.tables)
    for text in made.values():
        assert "ENGINE=InnoDB" in text
        assert "COLLATE utf8mb4_bin" in text


def test_stored_responses_may_be_longer_than_a_plain_blob() -> None:
    text = statements("mysql+pymysql://")["stored_responses"]
    assert "body LONGBLOB NOT NULL" in text
    assert "input_items LONGBLOB NOT NULL" in text


def test_sqlite_is_told_nothing_of_that() -> None:
    made = statements("sqlite://")
    assert "body BLOB NOT NULL" in made["stored_responses"]
    assert not [text for text in made.values() if "ENGINE" in text or "COLLATE" in text]
