"""``flask db move``: what a real gateway wrote on SQLite serves on MariaDB as if nothing had happened."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from models import table_copy
from tests.accounts.test_two_workers import PASSWORD, Browser
from tests.conftest import GatewayFactory, new_database
from tests.harness.gateway import SECRET_KEY, Gateway
from tests.harness.processes import ROOT, Processes, clean_environment, wait_until
from tests.responses.client import Responses
from tests.upgrade.fixture import earlier_database

FLASK = Path(sys.executable).with_name("flask")
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
STRANGE = "naïve 😀 '\"\\ %s \x00 end"


@dataclass(slots=True)
class House:
    """A gateway's database, stopped, with what its owner remembers of it."""

    url: str
    env: dict[str, str]
    email: str
    token: str
    browser: Browser
    usage: Any
    response: dict[str, Any]
    continuation: dict[str, Any]

    @property
    def file(self) -> str:
        return self.url.removeprefix("sqlite:///")

    def move(self, target: str, *, source: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run the command as an operator does."""
        return self.flask("db", "move", target, "--json", database_url=source or self.url)

    def flask(self, *arguments: str, database_url: str) -> subprocess.CompletedProcess[str]:
        """Run a command on a database."""
        return subprocess.run(
            [FLASK, *arguments],
            cwd=ROOT,
            env=clean_environment({**self.env, "DATABASE_URL": database_url}),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def usage(gateway: Gateway, token: str) -> Any:
    told = requests.get(f"{gateway.api}/usage", headers={"Authorization": f"Bearer {token}"}, timeout=20).json()
    return {window: {name: told[window][name] for name in ("used", "limit")} for window in ("day", "month")}


def dump(file: str) -> list[str]:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


def chat(gateway: Gateway, token: str, body: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.post(f"{gateway.api}/chat/completions", json=body, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def house(module_gateway_factory: GatewayFactory) -> House:
    """Data of every kind that members make, written by a real gateway on SQLite; it has ended."""
    gateway = module_gateway_factory("sqlite", workers=2)
    account = gateway.account(plan="plus")
    token = account["token"]
    browser = Browser(gateway)
    assert browser.send("/sign-up", email="browser@example.org", password=PASSWORD).status_code == 303
    for number in range(5):
        chat(gateway, token, {"messages": [{"role": "user", "content": f"hello {number} {STRANGE}"}]})
    failing = {"messages": [{"role": "user", "content": "[[status 500]]"}]}
    requests.post(
        f"{gateway.api}/chat/completions", json=failing, headers={"Authorization": f"Bearer {token}"}, timeout=30
    )
    question = [{"role": "user", "content": "[[tool f {}]]"}]
    called = chat(gateway, token, {"messages": question, "tools": [TOOL]})["choices"][0]["message"]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "4"} for call in called["tool_calls"]]
    response = Responses(gateway, token, "smart-route").create(STRANGE + "x" * 300_000)
    told = usage(gateway, token)
    browser.session.close()
    gateway.stop()
    continuation = {"messages": [*question, called, *results], "tools": [TOOL]}
    return House(gateway.database_url, gateway.env, account["email"], token, browser, told, response, continuation)


@pytest.fixture
def new_url(request: pytest.FixtureRequest, processes: Processes) -> Callable[[], str]:
    return lambda: new_database(request, "mariadb", processes.new_folder("database"))


@pytest.fixture
def changed(house: House) -> Iterator[sqlite3.Connection]:
    """The source, to be spoilt; afterwards it is as before."""
    connection = sqlite3.connect(house.file, isolation_level=None)
    yield connection
    connection.execute("update usage_log set client_name = null where length(client_name) > 64")
    connection.execute("delete from throttle_counters where expires_at < 9")
    connection.close()


def test_everything_is_there_after_the_move(
    house: House, new_url: Callable[[], str], gateway_factory: GatewayFactory
) -> None:
    target = new_url()
    before = dump(house.file)
    done = house.move(target)
    assert done.returncode == 0, done.stderr
    moved = {table["name"]: table for table in json.loads(done.stdout)["tables"]}
    assert moved["usage_log"]["rows"] >= 8
    assert dump(house.file) == before, "the source is only read"

    gateway = gateway_factory("mariadb", database_url=target, env={"SECRET_KEY": SECRET_KEY})
    assert usage(gateway, house.token) == house.usage
    house.browser._url = gateway.url
    assert house.browser.is_signed_in()
    responses = Responses(gateway, house.token, "smart-route")
    assert responses.get(house.response["id"]).json() == house.response
    responses.create("go on", previous_response_id=house.response["id"])
    chat(gateway, house.token, house.continuation)
    now = usage(gateway, house.token)
    assert now["day"]["used"] == house.usage["day"]["used"] + 1, "the continuation counts nothing"
    shown = gateway.flask("accounts", "token", house.email, "--json")
    assert json.loads(shown.stdout)["token"] == house.token


def test_there_and_back_is_the_same(house: House, new_url: Callable[[], str], tmp_path: Path) -> None:
    there, back = new_url(), f"sqlite:///{tmp_path / 'back.db'}"
    with contextlib.closing(sqlite3.connect(tmp_path / "back.db")) as killed_while_it_made_the_tables:
        killed_while_it_made_the_tables.execute("create table alembic_version (version_num varchar(32))")
        killed_while_it_made_the_tables.execute("create table accounts (id integer primary key)")
    first = house.move(there)
    second = house.move(back, source=there)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert json.loads(first.stdout)["tables"] == json.loads(second.stdout)["tables"]


def test_move_that_stopped_half_way_is_named_started_on_by_nobody_and_repeated(
    house: House,
    new_url: Callable[[], str],
    gateway_factory: GatewayFactory,
    changed: sqlite3.Connection,
    tmp_path: Path,
) -> None:
    target = new_url()
    changed.execute("update usage_log set client_name = ? where seq = 2", ("too long " * 20,))
    done = house.move(target)
    assert done.returncode == 1
    assert "the move stopped at the table usage_log: " in done.stderr
    assert "the same command empties it and begins anew" in done.stderr
    with pytest.raises(AssertionError, match="a move into this database was not finished"):
        gateway_factory("mariadb", database_url=target)
    env = clean_environment({**house.env, "DATABASE_URL": target})
    backup = [str(FLASK), "backup", str(tmp_path / "half.gz")]
    refused = subprocess.run(backup, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert "was not finished: nothing to back up" in refused.stderr
    assert list(tmp_path.glob("*half*")) == []
    listed = house.flask("accounts", "list", database_url=target)
    assert listed.returncode == 1
    assert "a move into this database was not finished" in listed.stderr
    changed.execute("update usage_log set client_name = null where seq = 2")
    done = house.move(target)
    assert done.returncode == 0, done.stderr


def test_move_that_was_killed_is_repeated(
    house: House, new_url: Callable[[], str], processes: Processes, changed: sqlite3.Connection
) -> None:
    target = new_url()
    rows = ((number.to_bytes(32, "big"), 1, 1.0) for number in range(60_000))
    changed.execute("begin")
    changed.executemany("insert into throttle_counters values (?, ?, ?)", rows)
    changed.execute("commit")
    engine = sa.create_engine(target, poolclass=sa.NullPool)

    def some_have_arrived() -> bool:
        with engine.connect() as connection:
            if not sa.inspect(connection).has_table("throttle_counters"):
                return False
            return bool(connection.exec_driver_sql("select count(*) from throttle_counters").scalar_one())

    running = processes.start([FLASK, "db", "move", target], cwd=ROOT, env={**house.env, "DATABASE_URL": house.url})
    wait_until("rows arrive", some_have_arrived, timeout_s=60)
    running.kill()
    assert processes.stop(running) == -9
    done = house.move(target)
    assert done.returncode == 0, done.stderr
    [counters] = [table for table in json.loads(done.stdout)["tables"] if table["name"] == "throttle_counters"]
    assert counters["rows"] >= 60_000


def test_mark_of_the_unfinished_goes_last_when_a_target_is_emptied(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'half.db'}", poolclass=sa.NullPool)
    with contextlib.closing(sqlite3.connect(tmp_path / "half.db")) as half:
        for table in ("accounts", "alembic_version", "usage_log"):
            half.execute(f"create table {table} (id integer primary key)")
    dropped: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *told: dropped.append(told[2]))
    table_copy.drop_all(engine)
    assert table_copy.names(engine) == set()
    assert [statement.split()[-1] for statement in dropped if "DROP" in statement][-1] == "alembic_version"


def test_target_that_holds_something_is_refused(house: House, gateway_factory: GatewayFactory) -> None:
    gateway = gateway_factory("mariadb")
    gateway.stop()
    done = house.move(gateway.database_url)
    assert done.returncode == 1
    assert "the target is not empty (there are rows in " in json.loads(done.stdout)["error"]["message"]


def test_target_of_an_older_version_is_refused_and_not_upgraded(
    house: House, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    target = earlier_database(request, "0009", "sqlite", tmp_path)
    before = dump(target.removeprefix("sqlite:///"))
    done = house.move(target)
    assert done.returncode == 1
    assert "the target has tables of schema 0009" in done.stderr
    assert dump(target.removeprefix("sqlite:///")) == before


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("postgresql://u:p@127.0.0.1/x", "DATABASE_URL must start with sqlite:/// or mysql+pymysql://"),
        ("mysql+pymysql://u:secret@127.0.0.1:1/x", "The database does not do its work"),
        ("THE SOURCE", "this is the database that the service uses already"),
    ],
)
def test_url_that_leads_nowhere_is_one_sentence(house: House, target: str, sentence: str) -> None:
    done = house.move(house.url if target == "THE SOURCE" else target)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr + done.stdout


def test_running_service_is_not_moved(
    gateway_factory: GatewayFactory, house: House, new_url: Callable[[], str]
) -> None:
    gateway = gateway_factory("sqlite")
    gateway.account()
    done = house.move(new_url(), source=gateway.database_url)
    assert done.returncode == 1
    assert "the service still runs on this database (process " in done.stderr
