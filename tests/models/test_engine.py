"""How the databases are connected to."""

from __future__ import annotations

import ssl

import certifi
import pymysql
import pytest
import sqlalchemy as sa

from models.engine import engine_options, prepare_engine
from tests.models.ledger import Ledger

on_mariadb = pytest.mark.parametrize("shared_ledger", ["mariadb"], indirect=True)


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


@on_mariadb
def test_connecting_does_not_read_the_machines_certificates(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object) -> None:
        raise AssertionError("the machine's certificates were read")

    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", read)
    ledger.storage.let_go()  # what it has kept is no new connection
    with ledger.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1


def test_certificate_that_the_url_names_is_held_against_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[ssl.SSLContext] = []

    def refuse(connection: pymysql.connections.Connection) -> None:
        given.append(connection.ctx)
        raise pymysql.OperationalError(2003, "nobody there")

    monkeypatch.setattr(pymysql.connections.Connection, "connect", refuse)
    for more in ("", f"?ssl_ca={certifi.where()}"):
        url = f"mysql+pymysql://somebody@127.0.0.1/house{more}"
        engine = sa.create_engine(url, **engine_options(url))
        prepare_engine(engine)
        with pytest.raises(sa.exc.OperationalError):
            engine.connect()
    assert [context.verify_mode for context in given] == [ssl.CERT_NONE, ssl.CERT_REQUIRED]
    assert given[1].check_hostname
