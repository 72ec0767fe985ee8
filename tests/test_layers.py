"""Who may import whom. The tables are the rule; the tests hold every file against them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.harness.processes import ROOT

ANYTHING = ["*"]

# Room -> rooms of the house that it may import; itself always. The longest name that fits counts.
# `blueprints.*` is each single blueprint: none of them imports another.
ARROWS: Mapping[str, Sequence[str]] = {
    "wsgi": ["app", "service.process.loading"],
    "gunicorn.conf": ["config", "service"],
    "app": ANYTHING,
    "assets": [],
    "client_names": [],
    "csv_document": [],
    "lines": [],
    "packing": [],
    "readable": [],
    "return_path": [],
    "pages": [
        "catalog",
        "client_names",
        "config",
        "lines",
        "middleware",
        "models",
        "packing",
        "return_path",
        "service",
    ],
    "blueprints": [],
    "blueprints.*": [
        "catalog",
        "client_names",
        "config",
        "csv_document",
        "lines",
        "middleware",
        "models",
        "pages",
        "readable",
        "return_path",
        "service",
    ],
    "blueprints.api_v1": ["catalog", "config", "middleware", "models", "routing", "service"],
    "blueprints.api_v1.translation": ["blueprints.api_v1.errors", "blueprints.api_v1.sse"],
    "middleware": ["catalog", "config", "service"],
    "commands": ["app", "catalog", "config", "models", "service"],
    "service": ["catalog", "config", "models"],
    "service.accounts": [
        "catalog",
        "models",
        "service.keys",
        "service.link_secrets",
        "service.mail",
        "service.refusals",
        "service.reports.usage_report",
        "service.services",
        "service.signing_in.passwords",
        "service.signing_in.sign_ins",
    ],
    "service.signing_in": [
        "catalog",
        "models",
        "service.accounts",
        "service.keys",
        "service.link_secrets",
        "service.mail",
        "service.refusals",
        "service.services",
    ],
    "service.signing_in.passwords": [],
    "service.mail": ["catalog", "models", "service.process.draining", "service.services"],
    "service.mail.reset_mail": [
        "models",
        "service.accounts",
        "service.mail",
        "service.refusals",
        "service.services",
        "service.signing_in.reset_links",
    ],
    "service.mail.writers": ["service.mail", "service.signing_in.confirmation"],
    "service.metrics": ["catalog", "models"],
    "service.process": [
        "catalog",
        "config",
        "models",
        "service.database.retention",
        "service.keys",
        "service.metrics.folder",
        "service.request_ids",
        "service.services",
    ],
    "service.database": ["catalog", "models", "service.process", "service.services"],
    "service.reports": [
        "models",
        "service.accounts.addresses",
        "service.process.not_ready",
        "service.services",
    ],
    "service.keys": [],
    "service.link_secrets": [],
    "service.refusals": [],
    "service.request_ids": [],
    "service.database.prepare": [
        "app",
        "catalog",
        "config",
        "models",
        "service.accounts.operator_link",
        "service.database",
        "service.process.not_ready",
        "service.services",
    ],
    "routing": ["catalog"],
    "models": [],
    "migrations": ["models"],
    "catalog": [],
    "config": [],
    "demo_upstream": [],
    "benchmarks": ANYTHING,
    "endurance": ANYTHING,
}

# Room -> the only libraries, beside Python's own, that it may import. Rooms that are not here are free.
LIBRARIES: Mapping[str, Sequence[str]] = {
    "blueprints.api_v1.translation": ["msgspec", "orjson"],
    "catalog": [],
    "config": [],
    "routing": ["msgspec", "orjson"],
    "models": ["argon2", "cryptography", "flask_sqlalchemy", "limits", "msgspec", "pymysql", "sqlalchemy"],
}

# Room -> modules of Python's own that it must not import: translation knows no network, clock or chance.
NOT_EVEN_STANDARD: Mapping[str, Sequence[str]] = {
    "blueprints.api_v1.translation": [
        "asyncio", "concurrent", "datetime", "http", "multiprocessing", "os", "random", "secrets", "select",
        "selectors", "socket", "ssl", "subprocess", "threading", "time", "urllib", "uuid",
    ],
}  # fmt: skip

VIEWS = [
    "blueprints/*/routes.py",
    "blueprints/*/routes_*.py",
    "blueprints/*/forms.py",
    "blueprints/auth/login.py",
    "pages.py",
    "assets.py",
    "middleware/*.py",
    "app.py",
]
QUERIES = ["models/*.py", "migrations/*.py", "app.py", "benchmarks/*.py", "endurance/*.py"]
OUTWARD = ["blueprints/api_v1/upstream.py", "blueprints/api_v1/upstream_*.py", "benchmarks/*.py"]

# Module or name -> the files that alone may import it. The longest name that fits counts.
CONFINED: Mapping[str, Sequence[str]] = {
    "requests": OUTWARD,
    "urllib3": OUTWARD,
    "sqlalchemy": QUERIES,
    "sqlalchemy.exc": [*QUERIES, "service/*.py"],  # these two build no query
    "sqlalchemy.orm.Session": [*QUERIES, "service/*.py"],
    "flask_sqlalchemy": QUERIES,
    "pymysql": QUERIES,
    "sqlite3": QUERIES,
    "flask.request": VIEWS,
    "flask.session": VIEWS,
    "flask.g": VIEWS,
    "flask.globals": VIEWS,
}

NO_ROOMS = {"tests_browser", "tests_clients", "tests", "tools", "docs", "deploy", "instance", "build", "node_modules"}


def test_every_import_follows_the_tables() -> None:
    wrong = [fault for path in source_files() for fault in faults(path, (ROOT / path).read_text(encoding="utf-8"))]
    assert not wrong, "\n" + "\n".join(wrong)


def test_every_init_file_is_empty_but_for_a_docstring() -> None:
    full = [path for path in source_files() if path.name == "__init__.py" and body_of(ROOT / path)]
    assert not full, "importing a leaf must start nothing: " + ", ".join(map(str, full))


def test_every_row_of_the_tables_names_a_room_that_exists() -> None:
    rooms = {name for path in source_files() for name in (module_name(path), *parents(module_name(path)))}
    rows = {row.removesuffix(".*") for row in [*ARROWS, *LIBRARIES, *NOT_EVEN_STANDARD]}
    assert rows - {"benchmarks"} <= rooms


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("models/usage_log.py", "from blueprints.api_v1 import errors"),
        ("models/usage_log.py", "from catalog.model import Plan"),
        ("models/usage_log.py", "import gevent"),
        ("models/usage_log.py", "from flask import g"),
        ("catalog/model.py", "import orjson"),
        ("config.py", "from catalog.model import Plan"),
        ("blueprints/docs/routes.py", "from blueprints.auth.login import login_manager"),
        ("blueprints/docs/routes.py", "from ..auth import login"),
        ("blueprints/docs/routes.py", "def late():\n    import sqlalchemy as sa"),
        ("blueprints/docs/charts.py", "from flask import Blueprint, request"),
        ("blueprints/docs/charts.py", "import flask\nflask.session.clear()"),
        ("blueprints/api_v1/relay.py", "import requests.adapters"),
        ("blueprints/api_v1/translation/chat.py", "from time import monotonic"),
        ("blueprints/api_v1/translation/chat.py", "from ..relay import start"),
        ("blueprints/api_v1/translation/chat.py", "from models.base import db"),
        ("commands/accounts.py", "import sqlalchemy"),
        ("commands/accounts.py", "from blueprints.auth import login"),
        ("demo_upstream/server.py", "import config"),
        ("middleware/request_log.py", "import app"),
        ("service/process/worker.py", "from app import create_app"),
        ("service/process/worker.py", "from service.accounts import membership"),
        ("service/metrics/counts.py", "from service.services import services"),
        ("service/mail/smtp.py", "from service.accounts import membership"),
        ("service/reports/receipts.py", "from service.mail import queue"),
        ("a_new_room/leaf.py", "import json"),
    ],
)
def test_import_against_the_tables_is_named_with_its_file(path: str, line: str) -> None:
    [fault] = faults(Path(path), line)
    assert fault.startswith(f"{path}:")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("models/usage_log.py", "import sqlalchemy as sa\nfrom .base import db"),
        ("blueprints/docs/routes.py", "from flask import g, request, session\nfrom models import usage_log"),
        ("blueprints/api_v1/upstream_pool.py", "import requests, urllib3"),
        (
            "blueprints/api_v1/translation/chat.py",
            "import json, orjson\nfrom ..sse import SSEEvent\nfrom . import words",
        ),
        ("service/database/prepare.py", "from app import create_app"),
        ("app.py", "import blueprints.auth.routes, sqlalchemy\nfrom flask import request"),
        ("demo_upstream/server.py", "from demo_upstream.answer import answer"),
    ],
)
def test_import_along_the_tables_is_let_through(path: str, line: str) -> None:
    assert faults(Path(path), line) == []


def faults(path: Path, source: str) -> list[str]:
    """Every import of one file that the tables forbid, as ``file:line: what and why``."""
    importer = module_name(path)
    arrows = row_for(importer, ARROWS)
    if arrows is None:
        return [f"{path}:1: this room has no row in ARROWS (tests/test_layers.py)"]
    found = []
    for line, imported in imports(path, source):
        if reason := why_not(path, importer, arrows, imported):
            found.append(f"{path}:{line}: imports {imported}, but {reason}")
    return found


def why_not(path: Path, importer: str, arrows: str, imported: str) -> str | None:
    """The rule that forbids one import, or None."""
    confined = row_for(imported, CONFINED)
    if confined and not any(fnmatch(path.as_posix(), pattern) for pattern in CONFINED[confined]):
        return f"{confined} belongs to {', '.join(CONFINED[confined])} alone"
    top = imported.partition(".")[0]
    if top in house():
        allowed = [room_of(importer, arrows), *ARROWS[arrows]]
        if ARROWS[arrows] is ANYTHING or any(fits(imported, room) for room in allowed):
            return None
        return f"{arrows} may import {', '.join(ARROWS[arrows]) or 'nothing'} of the house, and itself"
    if top in sys.stdlib_module_names:
        row = row_for(importer, NOT_EVEN_STANDARD)
        return f"{row} must not know it" if row and top in NOT_EVEN_STANDARD[row] else None
    row = row_for(importer, LIBRARIES)
    if row and top not in LIBRARIES[row]:
        return f"{row} may import {', '.join(LIBRARIES[row]) or 'the standard library alone'}"
    return None


def imports(path: Path, source: str) -> Iterator[tuple[int, str]]:
    """Line and dotted name of all that a file imports, wherever in it, and of uses like ``flask.request``."""
    package = list(path.parent.parts)
    for node in ast.walk(ast.parse(source, str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "flask":
            yield node.lineno, f"flask.{node.attr}"


def row_for(name: str, table: Mapping[str, Sequence[str]]) -> str | None:
    """The key of a table with the longest fit for a dotted name."""
    return max((row for row in table if fits(name, row)), key=len, default=None)


def fits(name: str, room: str) -> bool:
    """Whether a dotted name is a room or inside it; ``*`` stands for one part."""
    parts, wanted = name.split("."), room.split(".")
    return len(parts) >= len(wanted) and all(w in ("*", p) for p, w in zip(parts, wanted, strict=False))


def room_of(name: str, row: str) -> str:
    """The room itself that a row means for one importer: ``blueprints.auth`` for ``blueprints.*``."""
    return ".".join(name.split(".")[: len(row.split("."))])


def parents(name: str) -> list[str]:
    """Every package around a dotted name."""
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def module_name(path: Path) -> str:
    """Dotted name of a file: ``models/base.py`` is ``models.base``, ``models/__init__.py`` is ``models``."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def source_files() -> list[Path]:
    """The product's Python files, relative to the project's root."""
    top = [path for path in ROOT.iterdir() if path.name not in NO_ROOMS and not path.name.startswith(".")]
    folders = [file for path in top if path.is_dir() for file in path.rglob("*.py") if "node_modules" not in file.parts]
    files = [path for path in top if path.suffix == ".py"]
    return sorted(path.relative_to(ROOT) for path in [*files, *folders])


def house() -> set[str]:
    """First names of all that is the project's own."""
    return {row.partition(".")[0] for row in ARROWS if row != "gunicorn.conf"} | {"tests", "tools"}


def body_of(path: Path) -> list[ast.stmt]:
    """A file's statements without its docstring."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    return module.body[1:] if ast.get_docstring(module) is not None else module.body
