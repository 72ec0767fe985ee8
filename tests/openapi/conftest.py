"""A gateway as the examples were recorded from, and the document that it publishes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.conftest import new_database
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.processes import Processes
from tests.openapi.contract import Contract
from tests.openapi.recording import CONFIG


@dataclass(frozen=True)
class Described:
    """A running gateway and its document, with tokens of a Free account, an unlimited one and one without prompts."""

    gateway: Gateway
    document: dict[str, Any]
    contract: Contract
    token: str
    plus_token: str
    spent_token: str

    def ask(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **options: Any
    ) -> requests.Response:
        """Send one request below the API, as the unlimited account unless told."""
        headers = {"Authorization": f"Bearer {token or self.plus_token}", **options.pop("headers", {})}
        if body is not None:
            options["json"] = body
        return requests.request(method, f"{self.gateway.api}{path}", headers=headers, timeout=10, **options)


@pytest.fixture(scope="session")
def described(request: pytest.FixtureRequest, processes: Processes, demo: Demo) -> Iterator[Described]:
    """The gateway, on SQLite, with one worker."""
    url = new_database(request, "sqlite", processes.new_folder("database"))
    with Gateway(processes, database_url=url, config=CONFIG.format(demo=demo.base_url)) as gateway:
        token, plus, spent = (gateway.account(plan=plan)["token"] for plan in ("free", "plus", "tiny"))
        document = requests.get(f"{gateway.url}/openapi.json", timeout=10).json()
        described = Described(gateway, document, Contract(document), token, plus, spent)
        hello = {"messages": [{"role": "user", "content": "Hello"}]}
        described.ask("post", "/chat/completions", hello, token=spent).raise_for_status()
        yield described
