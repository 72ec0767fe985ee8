"""The table of errors, docs/errors.md and the tree in errors.py say what the classes and the code are."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from blueprints.api_v1 import errors
from blueprints.api_v1.error_table import CLASS_WORDS, EXTENSION, FURTHER_CODES, ErrorRow, error_classes, rows
from blueprints.api_v1.errors import GatewayError
from tests.accounts.house import open_house
from tests.harness.processes import ROOT

DOCUMENT = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
API = ROOT / "blueprints" / "api_v1"


def classes() -> list[type[GatewayError]]:
    """Every error class that errors.py defines, in its order."""
    defined = vars(errors).values()
    return [kind for kind in defined if inspect.isclass(kind) and issubclass(kind, GatewayError)]


def codes_at_raise_sites() -> Iterator[tuple[str, str]]:
    """Every code given as ``code=``, with where it stands."""
    for path in API.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            for keyword in (node for node in ast.walk(function) if isinstance(node, ast.keyword)):
                if keyword.arg == "code":
                    place = f"{path.relative_to(ROOT)}:{keyword.lineno}"
                    yield from ((code, place) for code in strings_of(keyword.value, function))


def strings_of(value: ast.expr, function: ast.FunctionDef) -> Iterator[str]:
    """The texts that an expression can be: a constant, both sides of a choice, what its function puts into a name."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from strings_of(value.body, function)
        yield from strings_of(value.orelse, function)
    elif isinstance(value, ast.Name):
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [value.id]:
                yield from strings_of(node.value, function)


def line(row: ErrorRow) -> str:
    """A row as docs/errors.md writes it."""
    return f"| {row.status} | `{row.code}` | `{row.type}` | {row.meaning} | {row.remedy} | {row.counted} |"


def test_every_error_class_has_words_and_a_row_with_its_status_type_and_code() -> None:
    assert set(CLASS_WORDS) == set(classes()) == set(error_classes())
    told = {(row.status, row.code, row.type) for row in rows()}
    assert {(kind.status, kind.code, kind.type) for kind in classes()} <= told


def test_every_code_that_a_request_is_refused_with_has_words_and_none_is_invented() -> None:
    raised = dict(codes_at_raise_sites())
    assert {"invalid_json", "missing_required_parameter", "invalid_type", "invalid_prompt"} <= raised.keys()
    known = FURTHER_CODES.keys() | {kind.code for kind in classes()}
    assert {code: place for code, place in raised.items() if code not in known} == {}
    assert FURTHER_CODES.keys() <= raised.keys()


def test_every_row_says_when_and_what_to_do_under_an_anchor_of_its_own() -> None:
    table = rows()
    assert len({row.anchor for row in table}) == len(table)
    for row in table:
        assert row.anchor.startswith(f"error-{row.code}")
        assert row.meaning
        assert row.remedy
        assert row.counted.startswith(("no", "yes"))
        for text in (row.meaning, row.remedy):
            assert not text.endswith(".")
            assert not re.search(r"upstream|backend|provider", text, re.IGNORECASE), row


def test_document_has_exactly_the_rows_of_the_table() -> None:
    written = [text for text in DOCUMENT.splitlines() if re.match(r"\| [0-9]{3} \| `[a-z_]+` \| `", text)]
    assert written == [line(row) for row in rows()]


def test_application_hands_the_rows_to_its_pages(tmp_path: Path) -> None:
    with open_house(f"sqlite:///{tmp_path / 'smartroute.db'}") as app:
        assert app.extensions[EXTENSION] == rows()


def test_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    assert errors.__doc__ is not None
    told: dict[str, tuple[str | None, str, str]] = {}
    path: list[tuple[int, str]] = []
    for line in errors.__doc__.split("```")[1].splitlines()[1:]:
        indent = len(line) - len(line.lstrip())
        name, status, code = line.split()[:3]
        while path and path[-1][0] >= indent:
            path.pop()
        told[name] = (path[-1][1] if path else None, status, code)
        path.append((indent, name))
    assert told.keys() == {kind.__name__ for kind in classes()}
    for kind in classes():
        parent, status, code = told[kind.__name__]
        assert (parent, status) == (None if kind is GatewayError else kind.__mro__[1].__name__, str(kind.status))
        assert code in (kind.code, "(many")


def test_no_message_speaks_of_upstreams_or_backends() -> None:
    for kind in classes():
        assert not re.search(r"upstream|backend|provider", kind.message, re.IGNORECASE), kind
        assert inspect.getdoc(kind)
