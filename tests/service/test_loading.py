"""Loading: what gevent and the collector of garbage do meanwhile, and that they are as ever afterwards."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from service.process.loading import rarely_collected
from tests.harness.processes import ROOT, clean_environment

PATCHING = """
import importlib.metadata
searches = []
importlib.metadata.entry_points = lambda **wanted: searches.append(wanted) or []

from gevent import events, monkey
from service.process.loading import patch_all
told = []
events.subscribers.append(told.append)
patch_all()
print(len(searches), len(told) > 20, monkey.is_module_patched("socket"), monkey.is_module_patched("threading"))
events.notify_and_call_entry_points(events.GeventDidPatchAllEvent({}, {}))
print(len(searches))
"""

LATER = {"limits", "email_validator", "smtplib", "sqlalchemy.dialects.mysql", "argon2", "pyotp", "segno", "apispec"}
CONFIG = """
[[upstreams]]
name = "one"
base_url = "http://127.0.0.1:9/v1"
dialect = "chat"

[[profiles]]
alias = "smart"
[[profiles.routes]]
upstream = "one"
model = "m"

[[plans]]
slug = "free"
name = "Free"
profile = "smart"
daily = 10
monthly = 100
"""


def test_patching_searches_no_packages_and_still_tells_who_asked_for_it() -> None:
    ran = subprocess.run([sys.executable, "-c", PATCHING], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["0 True True True", "1"]


def test_the_collector_looks_rarely_while_something_is_loaded_and_as_before_afterwards() -> None:
    before = gc.get_threshold()
    with rarely_collected():
        assert gc.isenabled()
        assert gc.get_threshold()[0] > 10 * before[0]
    assert gc.get_threshold() == before


def test_the_collector_is_as_before_when_loading_failed() -> None:
    before = gc.get_threshold()
    with pytest.raises(ZeroDivisionError), rarely_collected():
        _ = 1 // 0
    assert gc.get_threshold() == before


def test_a_worker_on_sqlite_loads_nothing_that_pages_mails_and_mysql_need(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.toml"
    catalog.write_text(CONFIG)
    env = {"DATABASE_URL": f"sqlite:///{tmp_path}/a.db", "SECRET_KEY": "k" * 32, "SMARTROUTE_CONFIG": str(catalog)}
    ran = subprocess.run(
        [sys.executable, "-c", "import sys, wsgi; print(*sys.modules, sep='\\n')"],
        cwd=ROOT,
        env=clean_environment(env),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(ran.stdout.split())
    assert "sqlalchemy.dialects.sqlite" in loaded
    assert loaded.isdisjoint(LATER)
