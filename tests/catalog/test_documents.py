"""Every accepted key and every variable stands in the documents."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from catalog import keys
from catalog.backends import SHORT_WAY
from tests.catalog.example import EXAMPLE, switched_on

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "configuration.md").read_text()
TABLES = {
    "[service]": keys.SERVICE,
    "[smtp]": keys.SMTP,
    "[retention]": keys.RETENTION,
    "[metrics]": keys.METRICS,
    "[[upstreams]]": keys.UPSTREAM,
    "[[profiles]]": keys.PROFILE,
    "[[profiles.routes]]": keys.ROUTE,
    "[[plans]]": keys.PLAN,
}


def documented(table: str) -> list[str]:
    """The keys in the document's section on one table of the file."""
    section = DOCUMENT.split(f"### `{table}`\n", 1)[1].split("\n### ", 1)[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


@pytest.mark.parametrize("table", TABLES)
def test_the_document_lists_exactly_the_accepted_keys(table: str) -> None:
    assert documented(table) == list(TABLES[table])


def test_the_example_holds_every_accepted_key() -> None:
    data = tomllib.loads(switched_on())
    assert set(data) == set(keys.TOP)
    assert set(data["service"]) == set(keys.SERVICE)
    assert set(data["smtp"]) == set(keys.SMTP)
    assert set(data["retention"]) == set(keys.RETENTION)
    assert set(data["metrics"]) == set(keys.METRICS)
    assert set(data["upstreams"][0]) == set(keys.UPSTREAM)
    assert set(data["profiles"][0]) == set(keys.PROFILE)
    assert set(data["profiles"][0]["routes"][0]) == set(keys.ROUTE)
    assert set(data["profiles"][0]["routes"][0]["price"]) == set(keys.PRICE)
    assert set(data["plans"][0]) == set(keys.PLAN)


def test_every_key_of_the_example_has_a_comment_with_its_default() -> None:
    explained = set()
    for line in EXAMPLE.splitlines():
        match = re.match(r"#?(\w+) = .*# .*(default: |required)", line)
        if match:
            explained.add(match[1])
    everything = {key for accepted in TABLES.values() for key in accepted}
    assert everything - explained == {"routes"}  # a header of its own


def test_switched_off_keys_hold_the_default_that_their_comment_tells() -> None:
    lines = re.findall(r"^#(\w+) = (\S.*?) *# .*default: ([\d\"].*)$", EXAMPLE, re.MULTILINE)
    assert {"name", "slug", "timezone", "drain_seconds", "idle_timeout", "weight"} <= {key for key, _, _ in lines}
    assert [value for _, value, _ in lines] == [default for _, _, default in lines]


def test_every_environment_variable_that_is_read_is_documented() -> None:
    source = (ROOT / "config.py").read_text()
    read = {name for name in re.findall(r'"([A-Z]+(?:_[A-Z]+)*)"', source) if name not in ("PORT", "HOST")}
    assert {"DATABASE_URL", "SECRET_KEY", "SMARTROUTE_CONFIG", "WEB_CONCURRENCY"} <= read
    for name in read | {"PORT", "HOST"} | set(SHORT_WAY):
        assert f"| `{name}` |" in DOCUMENT
