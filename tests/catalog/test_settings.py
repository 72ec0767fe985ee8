"""The process settings: what each variable becomes and how a wrong one is refused."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from config import Settings, SettingsError, available_cores, load_secret_key

PROJECT = Path(__file__).parents[2]


def settings(root: Path, **env: str) -> Settings:
    return Settings.from_environment(env, root)


def refused(root: Path, **env: str) -> str:
    with pytest.raises(SettingsError) as caught:
        settings(root, **env)
    return str(caught.value)


def test_an_empty_environment_gives_the_documented_defaults(tmp_path: Path) -> None:
    given = settings(tmp_path)
    assert (given.root, given.instance_dir) == (tmp_path, tmp_path / "instance")
    assert given.config_path is None
    assert given.database_url == f"sqlite:///{tmp_path}/instance/smartroute.db"
    assert given.secret_key is None
    assert (given.upstream_base_url, given.upstream_api_key, given.upstream_model) == (None, None, None)
    assert (given.host, given.port) == ("127.0.0.1", 8000)
    assert given.workers == available_cores() == len(os.sched_getaffinity(0))
    assert given.command == ".venv/bin/flask"


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    names = (
        "SMARTROUTE_CONFIG",
        "DATABASE_URL",
        "SECRET_KEY",
        "UPSTREAM_MODEL",
        "HOST",
        "PORT",
        "WEB_CONCURRENCY",
        "SMARTROUTE_COMMAND",
    )
    assert Settings.from_environment(dict.fromkeys(names, " "), tmp_path) == settings(tmp_path)


def test_every_variable_is_read(tmp_path: Path) -> None:
    given = settings(
        tmp_path,
        SECRET_KEY="k" * 16,
        UPSTREAM_BASE_URL="http://h/v1",
        UPSTREAM_API_KEY="key",
        UPSTREAM_MODEL="m",
        HOST="::1",
        PORT="65535",
        WEB_CONCURRENCY="3",
    )
    assert given.secret_key == "k" * 16
    assert (given.upstream_base_url, given.upstream_api_key, given.upstream_model) == (
        "http://h/v1",
        "key",
        "m",
    )
    assert (given.host, given.port, given.workers) == ("::1", 65535, 3)


def test_a_relative_root_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings(Path(".")).database_url == f"sqlite:///{tmp_path}/instance/smartroute.db"


def test_the_file_in_the_root_is_taken_and_a_named_one_wins(tmp_path: Path) -> None:
    (tmp_path / "smartroute.toml").touch()
    (tmp_path / "other.toml").touch()
    assert settings(tmp_path).config_path == tmp_path / "smartroute.toml"
    assert settings(tmp_path, SMARTROUTE_CONFIG="other.toml").config_path == tmp_path / "other.toml"
    absolute = str(tmp_path / "other.toml")
    assert settings(tmp_path, SMARTROUTE_CONFIG=absolute).config_path == tmp_path / "other.toml"


def test_a_named_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, SMARTROUTE_CONFIG="none.toml") == (
        f"SMARTROUTE_CONFIG must be the path of a TOML file, and {tmp_path}/none.toml is none."
    )
    assert refused(tmp_path, SMARTROUTE_CONFIG=".").startswith("SMARTROUTE_CONFIG must be")


def test_a_dangling_link_in_the_root_is_not_taken_for_no_file(tmp_path: Path) -> None:
    (tmp_path / "smartroute.toml").symlink_to(tmp_path / "gone.toml")
    assert settings(tmp_path).config_path == tmp_path / "smartroute.toml"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///data/a.db", "sqlite:///{root}/data/a.db"),
        ("sqlite:///a.db?timeout=5", "sqlite:///{root}/a.db?timeout=5"),
        ("sqlite:////var/lib/a.db", "sqlite:////var/lib/a.db"),
        ("mysql+pymysql://u:p%40@db:3306/sr?charset=utf8mb4",) * 2,
        ("mysql+pymysql://u@/sr?unix_socket=/run/m.sock",) * 2,
        ("mysql+pymysql://u:p@db/sr?ssl_ca=/etc/ssl/db.pem&ssl_check_hostname=true",) * 2,
        ("mariadb+pymysql://u:p@db/sr", "mysql+pymysql://u:p@db/sr"),
    ],
)
def test_database_addresses_are_accepted_and_sqlite_paths_made_absolute(
    tmp_path: Path, url: str, expected: str
) -> None:
    assert settings(tmp_path, DATABASE_URL=url).database_url == expected.format(root=tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hidden@db/sr",
        "mysql://u:hidden@db/sr",
        "sqlite://",
        "/var/lib/a.db",
        "mysql+pymysql://u:hidden@db",
        "mysql+pymysql://u:hidden@db:port/sr",
        "mysql+pymysql:u:hidden@db/sr",
        "mysql+pymysql://u:hidden@db/sr?ssl=true",
        "mysql+pymysql://u:hidden@db/sr?charset=utf8mb4&retries",
        "sqlite:///:memory:",
        "sqlite:///",
        "sqlite:///file:a.db?uri=true",
    ],
)
def test_other_databases_are_refused_without_showing_a_password(tmp_path: Path, url: str) -> None:
    message = refused(tmp_path, DATABASE_URL=url)
    assert message.startswith("DATABASE_URL must ")
    assert "hidden" not in message


@pytest.mark.parametrize("name", ["PORT", "WEB_CONCURRENCY"])
@pytest.mark.parametrize("text", ["0", "-1", "8e3", "1_0", "65536000000", "٣", "http", "1.0"])
def test_numbers_that_are_none_or_out_of_range_are_refused(tmp_path: Path, name: str, text: str) -> None:
    assert refused(tmp_path, **{name: text}).startswith(f"{name} must be a whole number from 1 to ")


@pytest.mark.parametrize("host", ["http://127.0.0.1", "a b", "[::1]"])
def test_a_host_that_cannot_be_listened_on_is_refused(tmp_path: Path, host: str) -> None:
    assert refused(tmp_path, HOST=host).startswith("HOST must be an address or a host name")


def test_a_short_secret_key_is_refused_without_showing_it(tmp_path: Path) -> None:
    message = refused(tmp_path, SECRET_KEY="tooshort")
    assert message.startswith("SECRET_KEY must have at least 16 characters, it has 8.")
    assert "tooshort" not in message


def test_secrets_are_not_in_the_printed_settings(tmp_path: Path) -> None:
    given = settings(
        tmp_path,
        SECRET_KEY="hidden-secret-key",
        UPSTREAM_API_KEY="hidden",
        DATABASE_URL="mysql+pymysql://u:hidden@db/sr",
    )
    assert "hidden" not in repr(given)


def test_a_given_secret_key_is_used_and_nothing_is_written(tmp_path: Path) -> None:
    assert load_secret_key(settings(tmp_path, SECRET_KEY="k" * 16)) == "k" * 16
    assert not (tmp_path / "instance").exists()


def test_a_missing_secret_key_is_made_once_kept_and_private(tmp_path: Path) -> None:
    first = load_secret_key(settings(tmp_path))
    assert len(first) == 64
    assert load_secret_key(settings(tmp_path)) == first
    path = tmp_path / "instance" / "secret_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["secret_key"]


def test_processes_that_start_at_once_share_one_secret_key(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, config\n"
        "settings = config.Settings.from_environment({}, pathlib.Path(sys.argv[1]))\n"
        "print('ready', flush=True); sys.stdin.read()\n"
        "print(config.load_secret_key(settings))\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-S", "-c", code, str(tmp_path)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    keys = {process.communicate(timeout=20)[0].strip() for process in processes}
    assert len(keys) == 1
    assert keys == {(tmp_path / "instance" / "secret_key").read_text().strip()}
    assert os.listdir(tmp_path / "instance") == ["secret_key"]


@pytest.mark.parametrize("content", [b"", b"\n", b"short\n"])
def test_an_emptied_secret_key_file_is_refused_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "instance" / "secret_key"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="must hold at least 16 characters"):
        load_secret_key(settings(tmp_path))
    assert path.read_bytes() == content


def test_a_secret_key_that_cannot_be_kept_is_refused_naming_the_variable(tmp_path: Path) -> None:
    (tmp_path / "instance").write_text("a file where the folder belongs")
    with pytest.raises(SettingsError, match=r"SECRET_KEY is not set, and .* cannot be made or read"):
        load_secret_key(settings(tmp_path))
