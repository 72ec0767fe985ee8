"""No log line and no table holds a secret, after a run through all that the service offers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.conftest import gateways
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.processes import Processes, free_port
from tests.security.secrets_in_use import SMTP_PASSWORD, UPSTREAM_KEY, Witness, use_everything

CONFIG = """
[service]
registration = "open"

[smtp]
host = "127.0.0.1"
port = {closed_port}
username = "ai"
password_env = "SMTP_PASSWORD"
security = "none"
from = "ai@example.org"

[[upstreams]]
name = "east"
base_url = "{upstream}"
api_key_env = "EAST_API_KEY"

[[profiles]]
alias = "smart-route-mini"
routes = [{{ upstream = "east", model = "demo-model" }}]
"""
MARKER = "a-path-that-is-no-secret-31337"


@dataclass
class Traces:
    """What a run left behind, by where."""

    witness: Witness
    places: dict[str, str]


@pytest.fixture(scope="module")
def traces(request: pytest.FixtureRequest, processes: Processes, demo: Demo) -> Iterator[Traces]:
    """Use everything, stop the service, and read its logs and every table."""
    config = CONFIG.format(closed_port=free_port(), upstream=demo.base_url)
    env = {"EAST_API_KEY": UPSTREAM_KEY, "SMTP_PASSWORD": SMTP_PASSWORD, "LOG_LEVEL": "debug"}
    with gateways(request, processes) as start:
        gateway = start("sqlite", workers=1, config=config, env=env)
        witness = Witness(gateway)
        use_everything(witness)
        requests.get(f"{gateway.url}/{MARKER}", timeout=20)
        gateway.stop()
        yield Traces(witness, {**logs_of(gateway), **tables_of(gateway.database_url.removeprefix("sqlite:///"))})


def logs_of(gateway: Gateway) -> dict[str, str]:
    """Standard output and standard error; without the line that hands the first operator's link over."""
    lines = [line for line in gateway.stderr_text().splitlines() if "/operator?link=" not in line]
    return {"standard output": gateway.stdout_text(), "standard error": "\n".join(lines)}


def tables_of(path: str) -> dict[str, str]:
    """Every row of every table, bytes as the letters that they spell, and the file with what was deleted from it."""
    places = {f"file {Path(path).name}": Path(path).read_bytes().decode("latin-1")}
    with closing(sqlite3.connect(path)) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            rows = database.execute(f'SELECT * FROM "{name}"').fetchall()  # noqa: S608  (names from the database itself)
            places[f"table {name}"] = "\n".join(" ".join(map(as_text, row)) for row in rows)
    return places


def as_text(value: object) -> str:
    """A value of a row as what is looked for would stand in it."""
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def leaks(secrets: Mapping[str, str], places: Mapping[str, str]) -> list[str]:
    """What is found where; never the secret itself."""
    return [
        f"{what} in {place}" for secret, what in secrets.items() for place, text in places.items() if secret in text
    ]


def test_no_log_and_no_table_holds_a_secret(traces: Traces) -> None:
    assert leaks(traces.witness.known, traces.places) == []


def test_run_met_every_kind_of_secret(traces: Traces) -> None:
    kinds: Iterable[str] = {what.partition(" smartroute")[0] for what in traces.witness.known.values()}
    assert kinds == {
        "SECRET_KEY",
        "TOTP secret",
        "confirmation link",
        "content of a prompt",
        "cookie",
        "invite link",
        "key of an upstream",
        "operator link",
        "password",
        "password of the mail server",
        "recovery code",
        "reset link",
        "secret of a sign-in",
        "service token",
    }


def test_check_sees_what_is_logged_and_stored(traces: Traces) -> None:
    """A leak would be found: what is no secret and must be there is found by the same means."""
    seeded = {
        MARKER: "marker",
        "Invalid": "broken request",
        "operator@example.org": "address",
        "totp.disabled": "no entry",
    }
    found = leaks(seeded, traces.places)
    assert "marker in standard output" in found
    assert "address in table accounts" in found
    assert [what for what in found if "table" in what] != []


@pytest.mark.parametrize("place", ["standard output", "standard error", "table accounts"])
def test_check_fails_on_each_secret_that_is_put_there(traces: Traces, place: str) -> None:
    for secret, what in traces.witness.known.items():
        seeded = {**traces.places, place: traces.places[place] + f"\n{{'path': '/x/{secret}'}}"}
        assert f"{what} in {place}" in leaks({secret: what}, seeded)
