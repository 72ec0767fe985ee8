"""How the databases are connected to."""

from __future__ import annotations

import pymysql
import pytest
import sqlalchemy as sa

from models.engine import engine_options


def test_password_reaches_mysql_as_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "mysql+pymysql://somebody:p%E2%82%AC%40@127.0.0.1/house"
    given: list[object] = []

    def connect(**arguments: object) -> None:
        given.append(arguments["password"])
        raise pymysql.OperationalError(2003, "nobody there")

    monkeypatch.setattr(pymysql, "connect", connect)
    with pytest.raises(sa.exc.OperationalError):
        sa.create_engine(url, **engine_options(url)).connect()
    assert given == ["p€@".encode()]
