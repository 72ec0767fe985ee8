"""Where backups lie that nobody named: by a path that is still there when the release that made them is gone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from app import create_app
from config import Settings
from service.database.backup import backup_folder
from tests.harness.processes import ROOT


@pytest.mark.parametrize("url", ["sqlite:///{instance}/smartroute.db", "mysql+pymysql://user:pass@127.0.0.1:9/name"])
def test_folder_of_a_release_is_in_no_name_of_a_backup(tmp_path: Path, url: str) -> None:
    state, instance = tmp_path / "state", tmp_path / "releases" / "one" / "instance"
    state.mkdir()
    instance.parent.mkdir(parents=True)
    instance.symlink_to(state)
    given = {"DATABASE_URL": url.format(instance=instance), "SECRET_KEY": "a secret key of this test alone"}
    settings = dataclasses.replace(Settings.from_environment(given, ROOT), instance_dir=instance)
    with create_app(settings).app_context():
        assert backup_folder() == state / "backups"
