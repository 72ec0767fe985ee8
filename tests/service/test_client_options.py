"""What the server's own programs read from the option file that a backup hands them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import sqlalchemy as sa

from service.database.backup_client import option_file


@pytest.mark.parametrize(
    "name", ["plain", 'a"#b', "a'b#c", "a\\b", 'a\\"b', "\\", '"', "#", "; x", " blanks ", "\\n", "tab\there", "näme"]
)
def test_names_and_passwords_of_any_characters_arrive_to_the_letter(name: str, tmp_path: Path) -> None:
    url = sa.URL.create("mysql+pymysql", name, "secret", "127.0.0.1", 3306, "smartroute")
    file = tmp_path / "options"
    file.write_text(option_file(url), encoding="utf-8")
    reader = shutil.which("my_print_defaults")
    assert reader is not None, "it comes with the client"
    told = subprocess.run([reader, f"--defaults-file={file}", "client"], capture_output=True, check=True).stdout
    # A password goes through the same quoting; this program would print it as asterisks.
    assert f"--user={name}\n" in told.decode()
