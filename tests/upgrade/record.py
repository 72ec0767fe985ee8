"""Records the databases of an earlier release for the tests: ``python -m tests.upgrade.record NAME CHECKOUT``.

CHECKOUT is a folder with that release's files (``git archive COMMIT | tar x -C CHECKOUT``). Its own gateway makes
accounts and answers requests on both databases; each is then written to ``tests/fixtures/databases`` as statements,
with a JSON file of what the tests must find again.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests

from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.mariadb import PASSWORD, USER, MariaDB, program
from tests.harness.processes import ROOT, Processes

FOLDER = ROOT / "tests" / "fixtures" / "databases"
CONFIG = """
[service]
stored_response_days = 3650

[[upstreams]]
name = "east"
base_url = "{demo}"

[[profiles]]
alias = "smart-route-mini"
routes = [{{ upstream = "east", model = "demo-model" }}]

[[profiles]]
alias = "smart-route-deep"
routes = [{{ upstream = "east", model = "demo-model", price = {{ input = 1.0, output = 2.0 }} }}]
"""
LOOK = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]


def main(name: str, checkout: Path) -> None:
    """Record the two databases of one release."""
    processes = Processes()
    try:
        demo, server = Demo(processes), MariaDB(processes)
        sqlite_file = processes.new_folder("database") / "smartroute.db"
        for kind, url in (("sqlite", f"sqlite:///{sqlite_file}"), ("mariadb", server.create_database())):
            config = CONFIG.format(demo=demo.base_url)
            env = {"PYTHONPATH": str(checkout)}  # else parts of the present release would be found first
            with Gateway(processes, database_url=url, workers=1, config=config, env=env, root=checkout) as gateway:
                told = fill(gateway)
            text = _sqlite_statements(sqlite_file) if kind == "sqlite" else _mariadb_statements(url, server.port)
            (FOLDER / f"{name}.{kind}.sql").write_text(text, encoding="utf-8")
            (FOLDER / f"{name}.{kind}.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    finally:
        processes.close()


def fill(gateway: Gateway) -> dict[str, Any]:
    """Let two members work and say what they have afterwards."""
    pro, free = (gateway.account(f"{plan}@example.org", plan=plan) for plan in ("pro", "free"))
    done = gateway.flask("accounts", "create", "chief@example.org", "--password", "correct horse battery", "--admin")
    assert done.returncode == 0, done.stderr
    members = []
    for member in (pro, free):
        revoked = member["token"]
        ask(gateway, revoked, "chat/completions", messages=[user("[[tokens 3]]")])
        done = gateway.flask("accounts", "token", member["email"], "--regenerate", "--json")
        token = json.loads(done.stdout)["token"]
        for number in range(4):
            ask(gateway, token, "chat/completions", messages=[user(f"hello {number}")], stream=number % 2 == 0)
        ask(gateway, token, "chat/completions", 400, messages=[user("[[status 400]]")])
        first = ask(gateway, token, "chat/completions", messages=[user('[[tool look {"at": 1}]]')], tools=LOOK)
        called = first.json()["choices"][0]["message"]
        result = {"role": "tool", "tool_call_id": called["tool_calls"][0]["id"], "content": "seen"}
        messages = [user('[[tool look {"at": 1}]]'), called, result]
        ask(gateway, token, "chat/completions", messages=messages, tools=LOOK)
        stored = ask(gateway, token, "responses", input="[[reply Good morning]]").json()
        usage = requests.get(f"{gateway.api}/usage", headers={"Authorization": f"Bearer {token}"}, timeout=10).json()
        members.append({**member, "token": token, "revoked": revoked, "response": stored, "usage": usage})
    return {"members": members, "operator": "chief@example.org"}


def user(text: str) -> dict[str, str]:
    """A user's message."""
    return {"role": "user", "content": text}


def ask(gateway: Gateway, token: str, endpoint: str, status: int = 200, **body: Any) -> requests.Response:
    """Send a request that must be answered with ``status``, and read it to its end."""
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.post(f"{gateway.api}/{endpoint}", json=body, headers=headers, timeout=20)
    assert answer.status_code == status, answer.text
    return answer


def _sqlite_statements(path: Path) -> str:
    connection = sqlite3.connect(path)
    try:
        return "\n".join(connection.iterdump()) + "\n"
    finally:
        connection.close()


def _mariadb_statements(url: str, port: int) -> str:
    command = [program("mariadb-dump"), "--no-defaults", f"--port={port}", "--host=127.0.0.1", f"--user={USER}"]
    command += [f"--password={PASSWORD}", "--hex-blob", "--skip-dump-date"]
    command += ["--skip-lock-tables", "--skip-add-locks", url.rpartition("/")[2]]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
