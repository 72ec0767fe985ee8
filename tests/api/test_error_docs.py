"""docs/errors.md and the tree in errors.py say what the classes are."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

from blueprints.api_v1 import errors
from blueprints.api_v1.errors import GatewayError
from tests.harness.processes import ROOT

TABLE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")


def classes() -> list[type[GatewayError]]:
    """Every error class, parents first."""

    def below(parent: type[GatewayError]) -> Iterator[type[GatewayError]]:
        yield parent
        for child in parent.__subclasses__():
            yield from below(child)

    return [kind for kind in below(GatewayError) if kind.__module__ == errors.__name__]


def rows() -> dict[str, list[str]]:
    """The table's rows by class name: status, type, codes, when, what to do."""
    lines = [line for line in TABLE.splitlines() if re.match(r"\| `[A-Z]", line)]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0].strip("`"): row[1:] for row in cells}


def test_every_error_class_has_its_row_with_status_type_and_code() -> None:
    table = rows()
    assert table.keys() == {kind.__name__ for kind in classes()}
    for kind in classes():
        status, type_, codes, when, what_to_do = table[kind.__name__]
        assert status == str(kind.status), kind
        assert type_ == f"`{kind.type}`", kind
        assert f"`{kind.code}`" in codes, kind
        assert when, kind
        assert what_to_do, kind


def test_every_code_that_a_request_can_be_refused_with_stands_in_the_table() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "blueprints" / "api_v1").rglob("*.py")]
    used = {code for source in sources for code in re.findall(r'\bcode="([a-z_]+)"', source)}
    assert "invalid_json" in used
    missing = {code for code in used if f"`{code}`" not in TABLE}
    assert not missing


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
