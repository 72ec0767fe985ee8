"""One account's way to the Responses API of one gateway, and a look into the tables behind it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import requests
import sqlalchemy as sa

from tests.harness.gateway import Gateway
from tests.harness.processes import wait_until

Event = dict[str, Any]


class Responses:
    """Asks with one token. Every request is a connection of its own, so that both workers take part."""

    def __init__(self, gateway: Gateway, token: str, model: str = "chat") -> None:
        self.gateway = gateway
        self.model = model
        self._headers = {"Authorization": f"Bearer {token}"}
        self._engine = sa.create_engine(gateway.database_url, poolclass=sa.NullPool)

    def post(self, path: str = "", **body: Any) -> requests.Response:
        """POST below ``responses``."""
        url = f"{self.gateway.api}/responses{path}"
        return requests.post(url, json={"model": self.model, **body}, headers=self._headers, timeout=20)

    def create(self, told: Any, **fields: Any) -> dict[str, Any]:
        """Make a whole response that must succeed."""
        http_response = self.post(input=told, **fields)
        assert http_response.status_code == 200, http_response.text
        made: dict[str, Any] = http_response.json()
        return made

    def stream(self, told: Any, **fields: Any) -> Stream:
        """Begin a stream."""
        return Stream(self, {"model": self.model, "input": told, "stream": True, **fields}, self._headers)

    def get(self, response_id: str, path: str = "", **query: Any) -> requests.Response:
        """GET a stored response, or what lies below it."""
        url = f"{self.gateway.api}/responses/{response_id}{path}"
        return requests.get(url, params=query, headers=self._headers, timeout=20)

    def delete(self, response_id: str) -> requests.Response:
        """DELETE a stored response."""
        return requests.delete(f"{self.gateway.api}/responses/{response_id}", headers=self._headers, timeout=20)

    def cancel(self, response_id: str) -> requests.Response:
        """POST to a response's cancel, without a body."""
        url = f"{self.gateway.api}/responses/{response_id}/cancel"
        return requests.post(url, headers=self._headers, timeout=20)

    def sent(self, told: Any, **fields: Any) -> Any:
        """What the upstream was sent for a request: its demo says it back."""
        items = told if isinstance(told, list) else []
        body = self.create([*items, user("[[echo]]")], **fields)
        return json.loads(text_of(body))["body"]

    def rows(self, table: str, **where: Any) -> list[dict[str, Any]]:
        """Rows of a table, oldest first."""
        conditions = " AND ".join(f"{name} = :{name}" for name in where) or "1 = 1"
        query = sa.text(f"SELECT * FROM {table} WHERE {conditions} ORDER BY id")  # noqa: S608
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query, where).mappings()]

    def write(self, statement: str, **values: Any) -> None:
        """Change something behind the gateway's back."""
        with self._engine.begin() as connection:
            connection.execute(sa.text(statement), values)

    def closed_row(self, request_id: str) -> dict[str, Any]:
        """The usage-log row of a request, once it is closed."""

        def closed() -> dict[str, Any] | None:
            [row] = self.rows("usage_log", request_id=request_id)
            return row if row["owner_id"] is None else None

        return wait_until("the row is closed", closed, timeout_s=5) or {}


class Stream:
    """A stream that is being read in a thread of its own."""

    def __init__(self, api: Responses, body: dict[str, Any], headers: dict[str, str]) -> None:
        url = f"{api.gateway.api}/responses"
        self.http_response = requests.post(url, json=body, headers=headers, timeout=20, stream=True)
        assert self.http_response.status_code == 200, self.http_response.text
        self.events: list[Event] = []
        self.saw_done = False
        self._begun = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def request_id(self) -> str:
        return self.http_response.headers["x-request-id"]

    @property
    def id(self) -> str:
        """The response's id, once its first event has come."""
        assert self._begun.wait(5), "no event came"
        found: str = self.events[0]["response"]["id"]
        return found

    @property
    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events]

    def read(self, timeout_s: float = 10) -> list[Event]:
        """Wait for the end; gives all events."""
        self._reader.join(timeout_s)
        assert not self._reader.is_alive(), "the stream goes on"
        return self.events

    def wait_for(self, kind: str) -> None:
        """Wait until an event of a kind has come."""
        wait_until(kind, lambda: kind in self.kinds, timeout_s=5)

    def leave(self) -> None:
        """Close the connection as a client that goes away does."""
        self.http_response.close()

    def _read(self) -> None:
        for event in self._decoded():
            self.events.append(event)
            self._begun.set()

    def _decoded(self) -> Iterator[Event]:
        try:
            for line in self.http_response.iter_lines():
                if line == b"data: [DONE]":
                    self.saw_done = True
                elif line.startswith(b"data: "):
                    yield json.loads(line[6:])
        except (requests.RequestException, AttributeError):  # left in the middle, or cut by a killed worker
            return


def user(text: str) -> dict[str, Any]:
    """A message of the user."""
    return {"type": "message", "role": "user", "content": text}


def text_of(body: dict[str, Any]) -> str:
    """All text of a response."""
    messages = [item for item in body["output"] if item["type"] == "message"]
    return "".join(part["text"] for item in messages for part in item["content"] if part["type"] == "output_text")
