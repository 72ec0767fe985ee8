"""tools/setup, where all packages are there already: the service's own modules are compiled."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.harness.processes import ROOT, clean_environment


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout of two modules of the service and one of the tests, with a finished ``.venv``."""
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("requirements.txt", "requirements-dev.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "app.py").write_text("ANSWER = 42\n")
    for folder in ("service", "tests"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "thing.py").write_text("NAME = 'first'\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    spec = importlib.util.spec_from_file_location("setup_venv", tmp_path / "tools" / "setup_venv.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / ".venv" / ".made-for-run").write_text(module.fingerprint("run"))
    return tmp_path


def set_up(checkout: Path) -> None:
    done = subprocess.run(
        [checkout / "tools" / "setup", "run"],
        env=clean_environment({"PYTHON": sys.executable, "PYTHONDONTWRITEBYTECODE": "1"}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def compiled(module: Path) -> Path:
    return Path(importlib.util.cache_from_source(module))


def test_set_up_compiles_what_the_service_imports_and_nothing_else(checkout: Path) -> None:
    set_up(checkout)
    assert compiled(checkout / "app.py").is_file()
    assert compiled(checkout / "service" / "thing.py").is_file()
    assert not (checkout / "tests" / "__pycache__").exists()


def test_set_up_compiles_anew_what_has_changed_and_leaves_the_rest(checkout: Path) -> None:
    set_up(checkout)
    module = checkout / "service" / "thing.py"
    kept = compiled(checkout / "app.py").stat().st_mtime_ns
    module.write_text("NAME = 'other'\n")  # of the same length
    os.utime(module, (time.time() + 10,) * 2)
    set_up(checkout)
    assert b"other" in compiled(module).read_bytes()
    assert compiled(checkout / "app.py").stat().st_mtime_ns == kept


def test_set_up_goes_on_where_it_cannot_compile(checkout: Path) -> None:
    (checkout / "service" / "__pycache__").write_text("a file is in the way, which stops root too")
    (checkout / "app.py").write_text("this is no Python\n")
    set_up(checkout)
