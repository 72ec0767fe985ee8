"""``tools/audit_pins.py``, the check behind ``make audit``, as a command."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.processes import ROOT


def audit(**files: Path) -> subprocess.CompletedProcess[str]:
    """Run the check on the project's own files, or on those given by option name."""
    options = [part for name, path in files.items() for part in (f"--{name}", str(path))]
    command = [sys.executable, str(ROOT / "tools" / "audit_pins.py"), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def changed(folder: Path, name: str, old: str, new: str) -> Path:
    """Copy a file of the project with one text replaced."""
    text = (ROOT / name).read_text(encoding="utf-8")
    assert old in text
    path = folder / Path(name).name
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_the_pins_of_the_project_have_no_known_fault() -> None:
    ran = audit()
    assert ran.returncode == 0, ran.stderr


def test_a_pin_below_the_mend_of_an_advisory_is_named_with_it(tmp_path: Path) -> None:
    advisories = changed(tmp_path, "tools/advisories.toml", '"CVE-2024-6827" = "23.0.0"', '"CVE-2024-6827" = "9999.0"')
    ran = audit(advisories=advisories)
    assert ran.returncode == 1
    assert "CVE-2024-6827, which 9999.0 mends" in ran.stderr


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("flask==", "flask>=", "no exact pin"),
        ("orjson==3", "orjson==2", "orjson is pinned at 2"),
        ("blinker==", "# blinker==", "blinker, which flask needs, is not pinned"),
    ],
)
def test_a_loose_wrong_or_missing_pin_is_named(tmp_path: Path, old: str, new: str, fault: str) -> None:
    ran = audit(requirements=changed(tmp_path, "requirements.txt", old, new))
    assert ran.returncode == 1
    assert fault in ran.stderr


def test_a_page_of_licences_that_is_out_of_date_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "licences.md"
    shutil.copy(ROOT / "docs" / "licences.md", page)
    page.write_text(page.read_text(encoding="utf-8").replace("| flask |", "| flusk |"), encoding="utf-8")
    ran = audit(licences=page)
    assert ran.returncode == 1
    assert "licences.md is not what is installed" in ran.stderr
