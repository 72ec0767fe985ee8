"""Holds an answer of a running gateway against what the document says of its endpoint."""

from __future__ import annotations

import copy
import json
import re
from functools import cached_property
from typing import Any

import requests
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from tests.openapi.recording import events_of

_OURS = re.compile(r"x-request-id|x-ratelimit-|x-smartroute-|x-codex-|x-should-retry|retry-after|etag")


class Contract:
    """One document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._validators: dict[tuple[str, bool], Draft202012Validator] = {}

    @cached_property
    def closed_components(self) -> dict[str, Any]:
        """The components with every object closed: a key that the document does not name is a fault."""
        components = copy.deepcopy(self.document["components"])
        _close(components["schemas"])
        return components

    def check_value(self, value: Any, schema: dict[str, Any], *, closed: bool = True) -> None:
        """Fail, naming the place, where a value does not fit a schema."""
        validator = self._validator(schema, closed=closed)
        fault = None if validator.is_valid(value) else best_match(validator.iter_errors(value))
        assert fault is None, f"{fault.json_path}: {fault.message[:500]}\nin {json.dumps(value)[:2000]}"

    def is_valid(self, value: Any, schema: dict[str, Any]) -> bool:
        """Tell whether a value fits a schema as it is published."""
        return self._validator(schema, closed=False).is_valid(value)

    def check_answer(self, method: str, path: str, answer: requests.Response) -> None:
        """Fail where an answer's status, headers, type or body is not what the document says; ``path`` is a key."""
        told = self.document["paths"][path][method]["responses"]
        assert str(answer.status_code) in told, f"{answer.status_code} is not in the document: {answer.text[:500]}"
        expected = told[str(answer.status_code)]
        self._check_headers(expected.get("headers", {}), answer)
        if "content" not in expected:
            assert not answer.content
            return
        kind = answer.headers["Content-Type"].partition(";")[0]
        assert kind in expected["content"]
        schema = expected["content"][kind]["schema"]
        if kind == "text/event-stream":
            for event in events_of(answer.text):
                self.check_value(event, schema["properties"]["data"]["anyOf"][0]["contentSchema"])
        else:
            self.check_value(answer.json(), schema)

    def _validator(self, schema: dict[str, Any], *, closed: bool) -> Draft202012Validator:
        key = (json.dumps(schema), closed)
        if key not in self._validators:
            schema = copy.deepcopy(schema)
            if closed:
                _close(schema)
            components = self.closed_components if closed else self.document["components"]
            self._validators[key] = Draft202012Validator({**schema, "components": components})
        return self._validators[key]

    def _check_headers(self, told: dict[str, Any], answer: requests.Response) -> None:
        names = {name.lower() for name in told}
        shown = {name.lower(): value for name, value in answer.headers.items() if _OURS.match(name.lower())}
        assert shown.keys() <= names
        for name, header in ((name, self._header(one)) for name, one in told.items()):
            if header.get("required"):
                assert name.lower() in shown
            if name.lower() in shown:
                value = shown[name.lower()]
                kind = header["schema"].get("type")
                self.check_value(float(value) if kind in ("number", "integer") else value, header["schema"])

    def _header(self, told: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.document["components"]["headers"][told["$ref"].rpartition("/")[2]]
        return found


def _close(schema: Any) -> None:
    if isinstance(schema, list):
        for one in schema:
            _close(one)
    elif isinstance(schema, dict):
        for one in schema.values():
            _close(one)
        if schema.get("type") == "object" and "properties" in schema and "allOf" not in schema:
            schema.setdefault("additionalProperties", False)
