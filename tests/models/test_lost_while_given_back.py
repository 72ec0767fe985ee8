"""A connection that is lost while it is given back takes nothing along: what was committed stays told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from models import kept_connections
from models.kept_connections import KeptConnections


class Killed(BaseException):
    """What is thrown into a greenlet that is not to go on."""


def test_connection_of_one_killed_while_giving_it_back_is_used_by_nobody(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'x.db'}")

    def killed(driver: Any) -> None:
        raise Killed

    connections = KeptConnections(engine, as_in_pool=killed)
    *kept, (last, driver) = [connections.take() for _ in range(kept_connections.MOST_KEPT + 1)]
    for connection in kept:
        connections.give_back(*connection)
    with pytest.raises(Killed):
        connections.give_back(last, driver)
    assert last.closed
    assert engine.connect().connection.driver_connection is not driver
    connections.discard_all()
    engine.dispose()


def test_server_that_goes_while_a_connection_is_given_back_is_no_error(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'x.db'}")
    asked = []

    def gone(driver: Any) -> None:
        asked.append(driver)
        raise OSError("the server has gone")

    connections = KeptConnections(engine, as_in_pool=gone)
    taken = [connections.take() for _ in range(kept_connections.MOST_KEPT + 1)]
    for connection, driver in taken:
        connections.give_back(connection, driver)
    assert asked == [taken[-1][1]], "those that are kept are not asked"
    assert taken[-1][0].closed
    assert engine.pool.checkedout() == kept_connections.MOST_KEPT, "the lost one did not stay out"  # type: ignore[attr-defined]
    connections.discard_all()
    engine.dispose()
