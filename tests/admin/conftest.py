"""A gateway whose aliases have several routes, an operator and a member who signed in, and their requests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.api.client import Api
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.processes import Processes

PASSWORD = "correct horse battery"
CONFIG = """
[[upstreams]]
name = "east"
base_url = "{demo}"

[[upstreams]]
name = "west"
base_url = "{demo}"
dialect = "responses"

[[profiles]]
alias = "smart-route-mini"
max_output_tokens = 50
routes = [
    {{ upstream = "east", model = "narrow", context_length = 1000, input = ["text"], tools = false }},
    {{ upstream = "east", model = "one", price = {{ input = 1, output = 2 }} }},
    {{ upstream = "west", model = "two", price = {{ input = 1, output = 2 }} }},
]

[[profiles]]
alias = "breaking"
routes = [{{ upstream = "east", model = "breaking" }}]

[[plans]]
slug = "free"
profile = "breaking"
"""


class Person(Api):
    """Somebody who signed in on the pages and has a token for the API."""

    def __init__(self, gateway: Gateway, email: str, *more: str) -> None:
        done = gateway.flask("accounts", "create", email, "--password", PASSWORD, *more, "--json")
        assert done.returncode == 0, done.stderr
        super().__init__(gateway, json.loads(done.stdout)["token"])
        self.email = email
        self.pages = requests.Session()
        signed_in = self.send("/sign-in", email=email, password=PASSWORD)
        assert signed_in.status_code == 303, signed_in.text

    def get(self, path: str, **options: Any) -> requests.Response:
        """Open a page."""
        return self.pages.get(self.gateway.url + path, timeout=10, allow_redirects=False, **options)

    def send(self, page: str, **fields: str) -> requests.Response:
        """Open a page and send its form to it."""
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.get(page).text)
        assert found, "the page has no form"
        body = {"csrf_token": found[1], **fields}
        return self.pages.post(self.gateway.url + page, data=body, timeout=10, allow_redirects=False)


@pytest.fixture(scope="session")
def house(processes: Processes, demo: Demo) -> Iterator[Gateway]:
    """The gateway of all these tests."""
    database = processes.new_folder("database") / "smartroute.db"
    config = CONFIG.format(demo=demo.base_url)
    with Gateway(processes, database_url=f"sqlite:///{database}", config=config) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def operator(house: Gateway) -> Person:
    """Who may see it all."""
    return Person(house, "operator@example.org", "--admin")


@pytest.fixture(scope="session")
def member(house: Gateway) -> Person:
    """Who may not."""
    return Person(house, "member@example.org")


def text_of(page: str) -> str:
    """What a page says, without its tags, each run of white space as one space."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())
