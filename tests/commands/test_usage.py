"""``flask usage report`` and ``flask usage prune``, as an operator runs them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.cli import ScriptInfo

from commands.usage import usage
from models import usage_totals
from models.calendar_windows import Calendar
from models.storage import Storage
from service.services import EXTENSION
from tests.accounts.house import open_house
from tests.commands.conftest import Accounts
from tests.usage import history

NOW = datetime.now(UTC)


class House:
    """Two accounts: the first used much, a part of it added up, the second little and nothing added up."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.storage: Storage = app.extensions[EXTENSION].storage
        accounts = Accounts(app)
        for email in ("much@example.org", "little@example.org"):
            accounts.json("create", email)
        self.rows: list[dict[str, Any]] = []
        self._write(1, 600, 0)
        for _ in usage_totals.total_up(self.storage):
            pass
        self._write(1, 40, 600)
        self._write(2, 25, 0)

    def _write(self, account: int, count: int, after: int) -> None:
        start = NOW - timedelta(days=90 if after == 0 else 2)
        end = NOW - timedelta(days=3) if after == 0 else NOW
        times = history.moments(start, end, count, seed=count)
        made = list(history.rows(account, Calendar(ZoneInfo("UTC")), times, first_seq=after + 1, seed=count))
        history.write(self.storage, made)
        self.rows += made

    def run(self, *arguments: str) -> Result:
        """Run a command of the group."""
        return CliRunner().invoke(usage, list(arguments), obj=ScriptInfo(create_app=lambda: self.app))

    def json(self, *arguments: str) -> Any:
        """Run one that must go well and give its document."""
        done = self.run(*arguments, "--json")
        assert (done.exit_code, done.stderr) == (0, ""), done.output
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(f"sqlite:///{tmp_path_factory.mktemp('usage') / 'smartroute.db'}") as app:
        yield House(app)


def test_report_is_the_sum_of_all_rows_added_up_or_not(house: House) -> None:
    total = house.json("report", "--since", "365d")["total"]
    for column in ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens"):
        assert total[column] == sum(row[column] or 0 for row in house.rows)
    assert total["requests"] == len(house.rows)
    assert total["prompts_counted"] == sum(row["counted"] for row in house.rows)
    assert total["cost"] == pytest.approx(sum(row["cost"] or 0 for row in house.rows))
    assert sum(total["errors"].values()) == sum(row["error_code"] is not None for row in house.rows)


@pytest.mark.parametrize(("by", "column"), [("alias", "alias_served"), ("upstream", "upstream")])
def test_report_is_divided_as_asked(house: House, by: str, column: str) -> None:
    document = house.json("report", "--since", "365d", "--by", by)
    expected: dict[str, int] = {}
    for row in house.rows:
        expected[row[column] or ""] = expected.get(row[column] or "", 0) + 1
    assert {row[by]: row["requests"] for row in document["rows"]} == expected


def test_report_by_account_names_addresses_and_deleted_accounts_by_number(house: House) -> None:
    document = house.json("report", "--since", "365d")
    assert [(row["account"], row["requests"]) for row in document["rows"]] == [
        ("much@example.org", 640),
        ("little@example.org", 25),
    ]
    assert document["time_zone"] == "UTC"


def test_since_means_a_day_of_the_service_and_a_number_includes_today(house: House) -> None:
    by_number = house.json("report", "--since", "2d")
    day = (datetime.now(UTC) - timedelta(days=1)).date()
    assert by_number["since"] == day.isoformat()
    assert house.json("report", "--since", day.isoformat()) == by_number
    expected = sum(row["day_start"].date() >= day for row in house.rows)
    assert by_number["total"]["requests"] == expected


@pytest.mark.parametrize(
    "since", ["yesterday", "0d", "-3d", "2999-01-01", "2026-13-01", "٣d", "99999999999d", "00000000199999999999d"]
)
def test_wrong_day_is_a_sentence(house: House, since: str) -> None:
    done = house.run("report", "--since", since)
    assert done.exit_code == 1
    assert "day to come" in done.stderr or "neither a date" in done.stderr


def test_prune_deletes_old_rows_and_changes_no_figure(house: House) -> None:
    before = house.json("report", "--since", "365d")
    dry = house.json("prune", "--keep", "60d", "--dry-run")
    assert dry["dry_run"] is True
    assert house.json("prune", "--keep", "60d", "--dry-run") == dry
    done = house.json("prune", "--keep", "60d")
    assert done["rows"] >= dry["rows"] > 0
    after = house.json("report", "--since", "365d")
    assert after["total"].pop("cost") == pytest.approx(before["total"].pop("cost"))
    assert after["total"] == before["total"]
    assert house.json("prune", "--keep", "60d")["rows"] == 0


def test_two_ways_to_say_when_are_one_too_many(house: House) -> None:
    done = house.run("prune", "--keep", "60d", "--before", "2026-01-01")
    assert done.exit_code == 1
    assert "give one of them" in done.stderr


def test_vacuum_gives_the_room_back_and_keeps_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "smartroute.db"
    with open_house(f"sqlite:///{file}") as app:
        accounts = Accounts(app)
        accounts.json("create", "member@example.org")
        storage: Storage = app.extensions[EXTENSION].storage
        times = history.moments(NOW - timedelta(days=300), NOW - timedelta(days=200), 4_000, seed=1)
        history.write(storage, history.rows(1, Calendar(ZoneInfo("UTC")), times, seed=1))
        command = ["prune", "--keep", "100d", "--vacuum", "--json"]
        done = CliRunner().invoke(usage, command, obj=ScriptInfo(create_app=lambda: app))
        told = json.loads(done.stdout)
        assert told["rows"] == 3_999
        assert told["freed_bytes"] > 500_000
        report = CliRunner().invoke(
            usage, ["report", "--since", "365d", "--json"], obj=ScriptInfo(create_app=lambda: app)
        )
        assert json.loads(report.stdout)["total"]["requests"] == 4_000
