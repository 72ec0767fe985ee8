"""What each failure below ``requests`` becomes, without a network."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from requests.adapters import HTTPAdapter

from blueprints.api_v1 import errors
from blueprints.api_v1.upstream import Upstreams, retry_after_s
from blueprints.api_v1.upstream_wire import NoConnection, NoSuchName, StaleConnection
from catalog.model import Catalog
from catalog.reader import read_catalog

URL = "http://127.0.0.1:9/v1/chat/completions"


class Mock(responses.RequestsMock):
    """Answers instead of the adapter that the gateway sends by; the answers are made as ``requests`` makes them."""

    def __init__(self) -> None:
        super().__init__(target="blueprints.api_v1.upstream_connections.UpstreamAdapter.send")

    def _on_request(self, adapter: Any, request: Any, **options: Any) -> Any:
        return super()._on_request(HTTPAdapter(), request, **options)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    env = {"UPSTREAM_BASE_URL": "http://127.0.0.1:9/v1", "UPSTREAM_API_KEY": "key-4711", "UPSTREAM_MODEL": "m"}
    return read_catalog(None, port=8000, env=env, demo_base_url=None)


def failure(catalog: Catalog, **told: Any) -> errors.GatewayError:
    """The error for one answer, or one exception in ``body``."""
    env = {"UPSTREAM_API_KEY": "key-4711"}
    with Mock() as mock:
        mock.post(URL, **told)
        with pytest.raises(errors.GatewayError) as caught:
            Upstreams(catalog, env).send(catalog.profiles[0].routes[0], "/chat/completions", b"{}", wait_s=1)
    return caught.value


@pytest.mark.parametrize(
    ("exception", "kind"),
    [
        (requests.ConnectTimeout(), errors.UpstreamUnreachable),
        (requests.exceptions.SSLError("bad certificate"), errors.UpstreamUnreachable),
        (NoConnection("refused"), errors.UpstreamUnreachable),
        (NoSuchName("nobody knows it"), errors.UpstreamUnreachable),
        (requests.ReadTimeout(), errors.UpstreamTimeout),
        (requests.Timeout(), errors.UpstreamTimeout),
        (requests.ConnectionError("reset"), errors.UpstreamError),
        (requests.exceptions.InvalidHeader("x"), errors.UpstreamError),
        (requests.exceptions.ChunkedEncodingError("x"), errors.UpstreamError),
        (ValueError("x"), errors.UpstreamError),
    ],
)
def test_broken_connection_tells_what_broke(catalog: Catalog, exception: Exception, kind: type[Exception]) -> None:
    assert type(failure(catalog, body=exception)) is kind


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (400, {}, errors.UpstreamRefused),
        (401, {}, errors.UpstreamError),
        (402, {}, errors.UpstreamError),
        (403, {}, errors.UpstreamError),
        (404, {}, errors.UpstreamError),
        (405, {}, errors.UpstreamError),
        (408, {}, errors.UpstreamTimeout),
        (409, {}, errors.UpstreamError),
        (413, {}, errors.UpstreamRefused),
        (422, {}, errors.UpstreamRefused),
        (429, {}, errors.UpstreamOverloaded),
        (429, {"Retry-After": "7"}, errors.UpstreamBusy),
        (500, {}, errors.UpstreamError),
        (503, {"Retry-After": "7"}, errors.UpstreamError),
        (504, {}, errors.UpstreamTimeout),
        (529, {}, errors.UpstreamOverloaded),
        (201, {}, errors.UpstreamError),
        (301, {"Location": "http://elsewhere/"}, errors.UpstreamError),
    ],
)
def test_status_decides_the_kind_of_error(
    catalog: Catalog, status: int, headers: dict[str, str], kind: type[Exception]
) -> None:
    error = failure(catalog, status=status, headers=headers, body="backend words about key-4711")
    assert type(error) is kind
    assert "backend" not in error.message
    assert "backend words about [key]" in (error.detail or "")


@pytest.mark.parametrize(
    "text",
    [
        "This model's maximum context length is 8192 tokens",
        "the request exceeds the available context size",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "Input is too long for requested model",
        '{"error":{"code":"context_length_exceeded"}}',
    ],
)
def test_overflow_is_recognised_by_the_words_of_every_make(catalog: Catalog, text: str) -> None:
    assert type(failure(catalog, status=400, body=text)) is errors.ContextTooLong


def test_stale_kept_connection_is_tried_once_more_and_only_once(catalog: Catalog) -> None:
    stale = StaleConnection("closed")
    route = catalog.profiles[0].routes[0]
    for second, kind in (({"status": 400}, errors.UpstreamRefused), ({"body": stale}, errors.UpstreamError)):
        with Mock() as mock:
            mock.post(URL, body=stale)
            mock.post(URL, **second)
            with pytest.raises(kind):
                Upstreams(catalog, {}).send(route, "/chat/completions", b"{}", wait_s=1)
            assert len(mock.calls) == 2


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        ("7.6", 8),
        ("-3", 0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0),
        ("soon", None),
        ("", None),
        (None, None),
        ("inf", None),
        ("nan", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str | None, seconds: int | None) -> None:
    assert retry_after_s(value, now=60.0) == seconds


ECHO = "my maximum context length is exceeded, prompt is too long; content_filter"


@pytest.mark.parametrize(
    "told",
    [
        {"detail": [{"type": "string_type", "loc": ["body", "messages"], "msg": "not a string", "input": ECHO}]},
        {"detail": [{"type": "x", "msg": "no", "ctx": {"error": ECHO}}]},
        {"error": {"message": "bad field", "code": "invalid", "type": "bad", "param": None, "request": ECHO}},
        {"error": {"message": "Cannot read: " + "y" * 300 + ECHO}},
        {"error": "bad field", "body": ECHO},
        {"message": "bad field", "type": "BadRequest", "input": {"code": ECHO}},
    ],
    ids=["validation", "context-of-it", "beside", "far-behind", "text", "flat"],
)
@pytest.mark.parametrize("status", [400, 413, 422])
def test_echoed_prompt_decides_nothing(catalog: Catalog, told: object, status: int) -> None:
    assert type(failure(catalog, status=status, json=told)) is errors.UpstreamRefused


def test_echoed_prompt_of_a_body_that_was_cut_decides_nothing(catalog: Catalog) -> None:
    told = '{"detail":[{"msg":"no","input":"' + ECHO + "x" * 70_000 + '"}]}'
    assert type(failure(catalog, status=422, body=told)) is errors.UpstreamRefused


@pytest.mark.parametrize(
    "told",
    [
        {"error": {"message": "no", "code": "context_length_exceeded"}},
        {"error": {"message": "no", "type": "context_length_exceeded"}},
        {"error": {"message": "Prompt is too long: 9 tokens", "code": None}},
        {"error": "prompt is too long"},
        {"object": "error", "message": "This model's maximum context length is 8192 tokens", "code": 400},
        {"detail": "Input is too long for requested model"},
        {"detail": {"message": "prompt is too long"}},
        {"detail": [{"type": "value_error", "msg": "prompt is too long"}]},
        [{"error": {"message": "prompt is too long"}}],
        "prompt is too long",
    ],
    ids=["code", "type", "message", "text", "flat", "detail", "detail-object", "details", "list", "string"],
)
def test_overflow_is_recognised_in_every_form_of_an_error(catalog: Catalog, told: object) -> None:
    assert type(failure(catalog, status=400, json=told)) is errors.ContextTooLong


def test_forbidden_content_is_recognised_by_code_and_by_words(catalog: Catalog) -> None:
    for told in (
        {"error": {"code": "content_filter"}},
        {"error": {"message": "Our content management policy says no"}},
    ):
        assert type(failure(catalog, status=400, json=told)) is errors.ContentRefused


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_answer_in_a_coding_that_nobody_asked_for_is_not_logged(catalog: Catalog, coding: str) -> None:
    said = b"what was said"
    body = gzip.compress(said) if coding == "gzip" else said
    error = failure(catalog, status=200, headers={"Content-Encoding": coding}, body=body)
    assert type(error) is errors.UpstreamError
    assert error.detail
    assert coding in error.detail
    assert "said" not in error.detail
