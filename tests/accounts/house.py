"""An application of the test's own in this process, and a visitor who reads its pages and sends its forms."""

from __future__ import annotations

import contextlib
import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from app import create_app
from catalog.reader import read_catalog
from config import Settings
from models.base import db
from service.accounts.audit import Actor
from service.database import schema
from tests.harness.databases import databases
from tests.harness.processes import ROOT

PASSWORD = "correct horse battery"
BOSS = Actor("operator@example.org", "192.0.2.2")
"""Who does what operators do, where no operator signs in."""
UPSTREAM = {"UPSTREAM_BASE_URL": "http://127.0.0.1:9/v1", "UPSTREAM_MODEL": "demo-model"}


@contextlib.contextmanager
def open_house(database_url: str, toml: Path | None = None) -> Iterator[Flask]:
    """Make an application on a database with its tables; ``toml`` is its catalog file."""
    environment = {"DATABASE_URL": databases.in_force(database_url), "SECRET_KEY": "a-fixed-secret-key-of-the-tests"}
    if toml:
        environment["SMARTROUTE_CONFIG"] = str(toml)
    settings = Settings.from_environment(environment, ROOT)
    catalog = read_catalog(toml, port=8000, env={} if toml else UPSTREAM, demo_base_url=None)
    app = create_app(settings, catalog)
    with app.app_context():
        schema.make_if_missing()
    yield app
    with app.app_context():
        db.engine.dispose()


class Visitor:
    """A browser without script: keeps cookies, sends forms with what the page put into them."""

    def __init__(self, app: Flask, address: str = "192.0.2.1") -> None:
        self.client = app.test_client()
        self.client.environ_base["REMOTE_ADDR"] = address

    def get(self, path: str, **options: Any) -> TestResponse:
        """Open a page."""
        return self.client.get(path, buffered=True, **options)

    def send(self, page: str, action: str | None = None, /, **fields: str) -> TestResponse:
        """Open ``page`` and send its form to ``action`` (default: the page itself)."""
        token = csrf_token(self.get(page).text)
        return self.client.post(action or page, data={"csrf_token": token, **fields})

    def sign_up(self, email: str, password: str = PASSWORD) -> TestResponse:
        """Make an account."""
        return self.send("/sign-up", email=email, password=password)

    def sign_in(self, email: str, password: str = PASSWORD, page: str = "/sign-in") -> TestResponse:
        """Sign in."""
        return self.send(page, email=email, password=password)

    def press(self, action: str, **fields: str) -> TestResponse:
        """Press a button of the token box."""
        return self.send("/docs", f"/docs/token/{action}", **fields)

    def token(self) -> str:
        """Show the token and read it."""
        return shown_token(self.press("reveal"))

    def is_signed_in(self) -> bool:
        """Whether pages know the visitor."""
        return "Sign out" in self.get("/plans").text


def csrf_token(page: str) -> str:
    """The token of the first form on a page."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found, "the page has no form"
    return found[1]


def shown_token(answer: TestResponse) -> str:
    """What the token box shows."""
    found = re.search(r'id="shown-token">([^<]*)<', answer.text)
    assert found, "the page shows no token"
    return html.unescape(found[1])
