"""Fixtures: the commands in this process, on an application of the test's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.cli import ScriptInfo

from commands.accounts import accounts
from tests.accounts.house import open_house


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """An application on SQLite."""
    with open_house(f"sqlite:///{tmp_path / 'smartroute.db'}") as app:
        yield app


class Accounts:
    """Runs ``flask accounts ...``."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def run(self, *arguments: str, stdin: str | None = None) -> Result:
        """Run a command and give what it did."""
        return CliRunner().invoke(accounts, list(arguments), input=stdin, obj=ScriptInfo(create_app=lambda: self._app))

    def json(self, *arguments: str, stdin: str | None = None) -> Any:
        """Run a command with ``--json``, which must go well, and give its one document."""
        done = self.run(*arguments, "--json", stdin=stdin)
        assert done.exit_code == 0, done.output
        assert done.stderr == ""
        return json.loads(done.stdout)


@pytest.fixture
def accounts_command(app: Flask) -> Accounts:
    """The ``accounts`` group."""
    return Accounts(app)
