"""Sending one cell's request, and writing down all that can be seen of it from outside."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import requests
import sqlalchemy as sa

from tests.faults.answers import has_output, request_body
from tests.faults.matrix import Cell
from tests.faults.server import FaultServer
from tests.harness.gateway import Gateway

HUNG_S = 30.0
"""Longer than every deadline of the matrix."""


@dataclass(frozen=True)
class Seen:
    """One answer, as bytes, with the account's figure around it and the rows that the request left."""

    status: int
    headers: dict[str, str]
    raw: bytes
    seconds: float
    used: int
    """By how much the day's figure of ``GET usage`` has risen."""
    rows: list[dict[str, Any]]


class Member:
    """One account; its requests go one after the other, so that its figure tells what each of them counts."""

    def __init__(self, gateway: Gateway, token: str) -> None:
        self._api = gateway.api
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"
        self._engine = sa.create_engine(gateway.database_url, poolclass=sa.NullPool)

    def try_cell(self, cell: Cell, server: FaultServer) -> Seen:
        """Send one request and read its answer to the end."""
        before = self.used()
        body = request_body(cell.api, cell.alias, f"Tell me a story about {cell}.", stream=cell.stream)
        started = time.monotonic()
        with self._session.post(f"{self._api}/{cell.api}", json=body, timeout=HUNG_S, stream=True) as answer:
            pieces = []
            for piece in answer.iter_content(chunk_size=None):
                pieces.append(piece)
                if has_output(cell.api, piece):  # an event comes in one piece
                    server.seen(str(cell)).set()
                assert time.monotonic() - started < HUNG_S, f"no end after {piece[-300:]!r}"
            raw = b"".join(pieces)
        seconds = time.monotonic() - started
        used = self.used() - before
        rows = self._rows(answer.headers.get("x-request-id", ""))
        return Seen(answer.status_code, dict(answer.headers), raw, seconds, used, rows)

    def close(self) -> None:
        """Close the connection to the gateway, which else waits for it when it stops."""
        self._session.close()

    def used(self) -> int:
        """The prompts of the day, by ``GET usage``."""
        answer = self._session.get(f"{self._api}/usage", timeout=HUNG_S)
        answer.raise_for_status()
        used: int = answer.json()["day"]["used"]
        return used

    def _rows(self, request_id: str) -> list[dict[str, Any]]:
        with self._engine.connect() as connection:
            query = sa.text("SELECT * FROM usage_log WHERE request_id = :request_id")
            return [dict(row) for row in connection.execute(query, {"request_id": request_id}).mappings()]
