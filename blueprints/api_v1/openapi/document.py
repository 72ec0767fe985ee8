"""Assembles the OpenAPI 3.1 document of this installation."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from catalog.model import Catalog

from ..error_table import ErrorRow, rows
from . import headers
from .chat_shapes import CHAT_SHAPES
from .endpoints import ELSEWHERE, ENDPOINTS, TAGS, Endpoint
from .event_shapes import EVENT_SHAPES
from .examples import Examples
from .field_shapes import request_field_shape
from .input_shapes import INPUT_SHAPES
from .listing_shapes import LISTING_SHAPES, error_shape
from .requests import BODIES, DERIVED, MORE, field_words
from .response_shapes import RESPONSE_SHAPES
from .shapes import Shape, ref

_JSON, _EVENTS = "application/json", "text/event-stream"
_SUMMARY = "One OpenAI-compatible endpoint; plans, exact quotas."
_ABOUT = """\
The API of {name}: the OpenAI API, with aliases as models. Send your service token with every request, as
`Authorization: Bearer sr_…`; the documentation page at {url}/docs shows it.

Both servers are the same API. A base address with the version written twice, with doubled slashes or with a slash at
its end is understood. Bodies are JSON in UTF-8, at most {limit} MB, as sent and after decompression; they may be sent
with `Content-Encoding: gzip` or `zstd`. Pages of any site may call it: it takes the token and never a cookie.

Any other address or method below these servers is answered in the same shape of errors:
{elsewhere}.
"""


def openapi_document(catalog: Catalog) -> dict[str, Any]:
    """Return the document, with this installation's addresses, aliases and limits."""
    plugin = MarshmallowPlugin()
    table = rows()
    examples = Examples.of(catalog)
    spec = APISpec(
        title=catalog.service.name,
        version=version("smart-route"),
        openapi_version="3.1.0",
        plugins=[plugin],
        info={"summary": _SUMMARY, "description": _about(catalog, table)},
        servers=[
            {"url": f"{catalog.service.public_url}/api/{catalog.service.slug}/v1", "description": "This service"},
            {"url": f"{catalog.service.public_url}/v1", "description": "The same, shorter"},
        ],
        tags=[{"name": name, "description": about} for name, about in TAGS.items()],
        security=[{"token": []}],
        externalDocs={"url": f"{catalog.service.public_url}/docs", "description": "The documentation page"},
    )
    assert plugin.converter is not None  # noqa: S101  (made with the spec)
    plugin.converter.attribute_functions.clear()  # every field is our own: nothing is left to guess
    plugin.converter.add_attribute_function(request_field_shape)  # type: ignore[no-untyped-call]
    plugin.converter.add_attribute_function(field_words)  # type: ignore[no-untyped-call]
    spec.components.security_scheme(
        "token", {"type": "http", "scheme": "bearer", "description": "Your service token: `sr_…`"}
    )
    for name, shown in headers.ALL.items():
        spec.components.header(name, shown)
    for name, schema in BODIES.items():
        spec.components.schema(name, schema=schema, component=MORE[name])
    for shapes in (DERIVED, INPUT_SHAPES, CHAT_SHAPES, RESPONSE_SHAPES, EVENT_SHAPES, LISTING_SHAPES):
        for name, shape in shapes.items():
            spec.components.schema(name, component=shape)
    for endpoint in ENDPOINTS:
        spec.path(endpoint.path, operations={endpoint.method: _operation(endpoint, table, examples)})
    document: dict[str, Any] = spec.to_dict()
    return document


def _about(catalog: Catalog, table: tuple[ErrorRow, ...]) -> str:
    elsewhere = "; ".join(f"{row.status} `{row.code}`, {row.meaning}" for row in table if row.code in ELSEWHERE)
    service = catalog.service
    return _ABOUT.format(name=service.name, url=service.public_url, limit=service.max_body_mb, elsewhere=elsewhere)


def _operation(endpoint: Endpoint, table: tuple[ErrorRow, ...], examples: Examples) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.operation_id,
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "description": f"{endpoint.about}\n\n{endpoint.counts}",
        "parameters": [parameter.shown() for parameter in endpoint.parameters],
        "responses": {"200": _success(endpoint, examples), **_failures(endpoint, table, examples)},
    }
    if endpoint.has_etag:
        told = headers.ALWAYS | headers.QUOTA | headers.ETAG
        operation["responses"]["304"] = {"description": "You have it already.", "headers": _headers(told)}
    if endpoint.request:
        body = {"schema": ref(endpoint.request), "examples": examples.requests(endpoint.operation_id)}
        operation["requestBody"] = {"required": True, "content": {_JSON: body}}
    return operation


def _success(endpoint: Endpoint, examples: Examples) -> dict[str, Any]:
    told = headers.ALWAYS | headers.QUOTA
    if endpoint.path.startswith("/responses"):
        told |= headers.CODEX
    if endpoint.has_etag:
        told |= headers.ETAG
    content: dict[str, Any] = {
        _JSON: {"schema": ref(endpoint.answer), "examples": examples.answers(endpoint.operation_id)}
    }
    if endpoint.events:
        content[_EVENTS] = {"schema": _frame(endpoint.events), "examples": examples.events(endpoint.operation_id)}
    about = "The answer; with `stream`, its events." if endpoint.events else "The answer."
    return {"description": about, "headers": _headers(told), "content": content}


def _frame(events: str) -> dict[str, Any]:
    """Describe each event of a stream as tools read them: fields of text, with JSON in one of them.

    Source: https://spec.openapis.org/oas/v3.2.0.html#special-considerations-for-server-sent-events
    """
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": ref(events)}
    end = {"const": "[DONE]", "description": "The last event."}
    return {
        "type": "object",
        "required": ["data"],
        "properties": {"event": {"type": "string"}, "data": {"anyOf": [data, end]}},
    }


def _failures(endpoint: Endpoint, table: tuple[ErrorRow, ...], examples: Examples) -> dict[str, Any]:
    failures: dict[str, Any] = {}
    by_status: dict[int, list[ErrorRow]] = {}
    for row in table:
        if row.code in endpoint.codes:
            by_status.setdefault(row.status, []).append(row)
    for status, several in sorted(by_status.items()):
        told = dict(headers.ALWAYS)
        if status in (429, 502, 503, 504):
            told |= headers.RETRY_AFTER
        if status in (413, 429):
            told |= headers.FINAL
        if status == 429 and endpoint.path.startswith("/responses"):
            told |= headers.CODEX
        body: Shape = {"schema": error_shape(dict.fromkeys(row.type for row in several), [row.code for row in several])}
        known = examples.errors([row.code for row in several])
        if known:
            body["examples"] = known
        failures[str(status)] = {
            "description": "\n".join(f"- `{row.code}`: {row.meaning}." for row in several),
            "headers": _headers(told),
            "content": {_JSON: body},
        }
    return failures


def _headers(names: Iterable[str]) -> dict[str, Shape]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
