"""The OpenAPI document: valid, complete, of this installation, and open to tools of any site."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import validate

from blueprints.api_v1.error_table import rows
from blueprints.api_v1.openapi.endpoints import ELSEWHERE, ENDPOINTS
from blueprints.api_v1.openapi.request_words import DEFAULTS, WORDS
from blueprints.api_v1.openapi.requests import BODIES
from tests.accounts.house import Visitor, open_house
from tests.harness.processes import ROOT

# A method that exists to be answered 404, as where there is nothing to delete.
NOT_OFFERED = {("delete", "/models/{alias}")}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An application with the shipped catalog."""
    with open_house(f"sqlite:///{tmp_path_factory.mktemp('openapi') / 'smartroute.db'}") as app:
        yield app


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    """Its document."""
    found: dict[str, Any] = json.loads(Visitor(app).get("/openapi.json").data)
    return found


def test_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    validate({str(name): told for name, told in document.items()})


def test_document_has_every_route_of_the_api_and_no_other(app: Flask, document: dict[str, Any]) -> None:
    served = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule.removeprefix("/v1")))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/v1/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    told = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert served - NOT_OFFERED == told


def test_every_error_of_the_table_stands_beside_an_endpoint_or_is_told_for_all_addresses(
    document: dict[str, Any],
) -> None:
    table = {row.code for row in rows()}
    beside = {code for endpoint in ENDPOINTS for code in endpoint.codes}
    assert beside | set(ELSEWHERE) == table
    for code in ELSEWHERE:
        assert f"`{code}`" in document["info"]["description"]


def test_every_field_that_is_checked_is_described_and_none_that_is_not() -> None:
    for schema, words in WORDS.items():
        judged_elsewhere = {"prompt", "tool_choice"}
        assert schema._declared_fields.keys() <= words.keys() <= schema._declared_fields.keys() | judged_elsewhere
        assert DEFAULTS[schema].keys() <= words.keys()


def test_every_body_passes_unknown_fields_on(document: dict[str, Any]) -> None:
    for name in BODIES:
        assert document["components"]["schemas"][name]["additionalProperties"] is True


def test_every_schema_and_header_is_used(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for kind in ("schemas", "headers"):
        for name in document["components"][kind]:
            assert f'"#/components/{kind}/{name}"' in text, name


def test_document_names_both_addresses_and_the_aliases_of_this_installation(tmp_path: Path) -> None:
    toml = tmp_path / "smartroute.toml"
    toml.write_text(
        """
        [service]
        name = "Our AI"
        slug = "our-ai"
        public_url = "https://ai.example.org"
        [[upstreams]]
        name = "secret-house"
        base_url = "http://127.0.0.1:9/v1"
        [[profiles]]
        alias = "our-alias"
        routes = [{ upstream = "secret-house", model = "secret-model" }]
        [[plans]]
        slug = "all"
        name = "All"
        profile = "our-alias"
        """
    )
    with open_house(f"sqlite:///{tmp_path / 'smartroute.db'}", toml) as app:
        text = Visitor(app).get("/openapi.json").text
    told = json.loads(text)
    assert told["info"]["title"] == "Our AI"
    assert [server["url"] for server in told["servers"]] == [
        "https://ai.example.org/api/our-ai/v1",
        "https://ai.example.org/v1",
    ]
    assert '"our-alias"' in text
    assert '"smart-route-mini"' not in text
    assert "secret" not in text


def test_document_is_open_to_pages_of_any_site_and_sets_no_cookie(app: Flask) -> None:
    answer = Visitor(app).get("/openapi.json", headers={"Origin": "https://tools.example.org"})
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_document_that_a_tool_has_is_not_sent_again(app: Flask, encoding: str) -> None:
    accept = {"Accept-Encoding": encoding}
    first = Visitor(app).get("/openapi.json", headers=accept)
    assert first.headers.get("Content-Encoding", "identity") == encoding
    again = Visitor(app).get("/openapi.json", headers={**accept, "If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_process_that_nobody_asked_for_the_document_has_not_loaded_apispec(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom tests.accounts.house import open_house\n"
        f"with open_house('sqlite:///{tmp_path / 'smartroute.db'}'):\n"
        "    print([name for name in sys.modules if name.startswith(('apispec', 'blueprints.api_v1.openapi'))])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
