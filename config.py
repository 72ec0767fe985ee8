"""Every setting of the process, read once from the environment; standard library only.

What is served (upstreams, profiles, plans) is no setting of the process: see ``catalog/``.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

SECRET_KEY_LEAST_CHARACTERS = 16
MYSQL_SCHEMES = ("mysql+pymysql", "mariadb+pymysql")
# What may follow the ? of its URL. The driver would fail on others with each connection, and not say by which.
MYSQL_OPTIONS = (
    "charset",
    "unix_socket",
    "ssl_ca",
    "ssl_capath",
    "ssl_cert",
    "ssl_key",
    "ssl_cipher",
    "ssl_check_hostname",
)


class SettingsError(Exception):
    """A setting that the service cannot run with; one sentence that names it and says what is expected."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The process settings. An empty variable counts as one that is not set."""

    root: Path
    """The project's folder, absolute; relative paths in variables start here."""
    instance_dir: Path
    """Where the SQLite database and the secret key are kept; made when first needed."""
    config_path: Path | None
    """The catalog file; None: the shipped catalog."""
    database_url: str = field(repr=False)
    """sqlite:////absolute/path or mysql+pymysql://…, the password in it."""
    secret_key: str | None = field(repr=False)
    """As given by SECRET_KEY; ``load_secret_key`` gives the one in use."""
    upstream_base_url: str | None
    upstream_api_key: str | None = field(repr=False)
    upstream_model: str | None
    host: str
    """Address to listen on."""
    port: int
    """TCP port to listen on."""
    workers: int
    """Worker processes."""
    command: str
    """How an operator begins a command here, as pages tell it: ``.venv/bin/flask``, ``sudo smartroute``."""

    @classmethod
    def from_environment(cls, env: Mapping[str, str], root: Path) -> Settings:
        """Read and check every variable; raises SettingsError for the first wrong one."""
        root = root.resolve()
        given = {name: value.strip() for name, value in env.items() if value.strip()}
        instance_dir = root / "instance"
        return cls(
            root=root,
            instance_dir=instance_dir,
            config_path=_config_path(given, root),
            database_url=_database_url(given, root, instance_dir),
            secret_key=_secret_key(given),
            upstream_base_url=given.get("UPSTREAM_BASE_URL"),
            upstream_api_key=given.get("UPSTREAM_API_KEY"),
            upstream_model=given.get("UPSTREAM_MODEL"),
            host=_host(given),
            port=_whole_number(given, "PORT", 8000, most=65_535),
            workers=_whole_number(given, "WEB_CONCURRENCY", available_cores(), most=1024),
            command=_command(given),
        )


def available_cores() -> int:
    """The cores that this process may run on, which in a container are fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_secret_key(settings: Settings) -> str:
    """The secret of this installation: SECRET_KEY, else the one in ``instance/secret_key``, made if missing.

    Any number of processes may call this at once and all get the same one. Raises SettingsError.
    """
    if settings.secret_key is not None:
        return settings.secret_key
    path = settings.instance_dir / "secret_key"
    try:
        if not path.exists():
            _make_secret_key(path)
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(
            f"SECRET_KEY is not set, and {path}, which takes its place, cannot be made or read: {exc}. "
            "Set SECRET_KEY or mend the file."
        ) from exc
    if len(key) < SECRET_KEY_LEAST_CHARACTERS:
        raise SettingsError(
            f"{path} must hold at least {SECRET_KEY_LEAST_CHARACTERS} characters: bring the file back from "
            "where it was kept, or set SECRET_KEY. A new key makes the stored tokens unreadable."
        )
    return key


def _make_secret_key(path: Path) -> None:
    """Write a whole key beside its place, then link it there: the link fails if another process was first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            os.fchmod(stream.fileno(), 0o600)  # an unusual umask may have taken the owner's bits
            stream.write(secrets.token_hex(32) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its key is read instead
    finally:
        draft.unlink()


def _config_path(given: Mapping[str, str], root: Path) -> Path | None:
    if "SMARTROUTE_CONFIG" not in given:
        default = root / "smartroute.toml"
        return default if os.path.lexists(default) else None
    path = root / given["SMARTROUTE_CONFIG"]
    if not path.exists() or path.is_dir():
        raise SettingsError(f"SMARTROUTE_CONFIG must be the path of a TOML file, and {path} is none.")
    return path


def _database_url(given: Mapping[str, str], root: Path, instance_dir: Path) -> str:
    url = given.get("DATABASE_URL", f"sqlite:///{instance_dir}/smartroute.db")
    if url.startswith("sqlite:///"):
        return _sqlite_url(url.removeprefix("sqlite:///"), root)
    # The value itself is never shown: it holds a password.
    scheme = url.partition(":")[0]
    if scheme not in MYSQL_SCHEMES:
        raise SettingsError(
            "DATABASE_URL must start with sqlite:/// or mysql+pymysql:// (or mariadb+pymysql://), "
            f"it starts with {scheme[:30]!r}."
        )
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port != 0
    except ValueError:
        port_is_valid = False
    if not port_is_valid or not url.startswith(f"{scheme}://") or not parts.path.strip("/"):
        raise SettingsError(
            f"DATABASE_URL must look like {scheme}://USER:PASSWORD@HOST:3306/DATABASE "
            "(special characters in the password as %XX)."
        )
    unknown = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True) if name not in MYSQL_OPTIONS]
    if unknown:
        raise SettingsError(
            f"DATABASE_URL must have no option {unknown[0][:30]!r}; known after its ? are {', '.join(MYSQL_OPTIONS)}."
        )
    # One name for both servers: they speak the same SQL, and column types are chosen by this name.
    return url.replace("mariadb+pymysql", "mysql+pymysql", 1)


def _sqlite_url(rest: str, root: Path) -> str:
    name, mark, query = rest.partition("?")
    if name in ("", ":memory:") or name.startswith("file:"):
        # Each worker would have a database of its own, and no quota would be exact.
        raise SettingsError("DATABASE_URL must name a file after sqlite:///, a database in memory is not shared.")
    return f"sqlite:///{root / name}{mark}{query}"


def _secret_key(given: Mapping[str, str]) -> str | None:
    key = given.get("SECRET_KEY")
    if key is not None and len(key) < SECRET_KEY_LEAST_CHARACTERS:
        raise SettingsError(
            f"SECRET_KEY must have at least {SECRET_KEY_LEAST_CHARACTERS} characters, it has {len(key)}. "
            "`openssl rand -hex 32` makes a good one; without the variable the service makes one itself."
        )
    return key


def _host(given: Mapping[str, str]) -> str:
    host = given.get("HOST", "127.0.0.1")
    if any(character.isspace() or character in "/[]@" for character in host):
        raise SettingsError(f"HOST must be an address or a host name to listen on, such as 0.0.0.0, not {host!r}.")
    return host


def _command(given: Mapping[str, str]) -> str:
    command = given.get("SMARTROUTE_COMMAND", ".venv/bin/flask")
    if not command.isprintable() or len(command) > 200:
        raise SettingsError(
            "SMARTROUTE_COMMAND must be what stands before the name of a command, such as sudo smartroute: "
            "one line of at most 200 characters."
        )
    return command


def _whole_number(given: Mapping[str, str], name: str, default: int, *, most: int) -> int:
    text = given.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= most):
        raise SettingsError(f"{name} must be a whole number from 1 to {most}, not {text[:40]!r}.")
    return int(text)
