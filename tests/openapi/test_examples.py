"""The examples of the document are what a gateway on the demo upstream answers today."""

from __future__ import annotations

import json
from typing import Any

from tests.openapi.conftest import Described
from tests.openapi.recording import FILE, masked, record


def test_examples_are_what_a_gateway_answers(described: Described) -> None:
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    told = record(described.gateway.api, described.token, described.plus_token, described.spent_token)
    assert masked(told) == masked(stored)


def test_every_example_fits_the_schema_that_it_stands_beside(described: Described) -> None:
    seen = 0
    for method, operation in operations(described.document):
        contents = [(method, operation["requestBody"]["content"])] if "requestBody" in operation else []
        contents += [(status, told.get("content", {})) for status, told in operation["responses"].items()]
        for place, content in contents:
            for name, kind in content.items():
                for example in kind.get("examples", {}).values():
                    described.contract.check_value(example["value"], kind["schema"], closed=place != method)
                    if name == "text/event-stream":
                        data = kind["schema"]["properties"]["data"]["anyOf"][0]["contentSchema"]
                        described.contract.check_value(json.loads(example["value"]["data"]), data, closed=True)
                    seen += 1
    assert seen > 50


def test_every_endpoint_but_cancelling_has_an_example(described: Described) -> None:
    without = {
        operation["operationId"]
        for _, operation in operations(described.document)
        if not operation["responses"]["200"]["content"]["application/json"]["examples"]
    }
    assert without == {"cancelResponse"}


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every endpoint with its method."""
    return [(method, told) for methods in document["paths"].values() for method, told in methods.items()]
