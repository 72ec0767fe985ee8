"""What a failing upstream looks like from outside: status, type, code, time to wait, and not a word of its own."""

from __future__ import annotations

import time

import pytest

from tests.api.client import Api, error_of
from tests.harness.demo import Demo

FAILURES = [
    # words, status, type, code, Retry-After
    ("[[status 401]]", 502, "server_error", "upstream_error", "5"),
    ("[[status 402]]", 502, "server_error", "upstream_error", "5"),
    ("[[status 403]]", 502, "server_error", "upstream_error", "5"),
    ("[[status 404]]", 502, "server_error", "upstream_error", "5"),
    ("[[status 405]]", 502, "server_error", "upstream_error", "5"),
    ("[[status 408]]", 504, "server_error", "upstream_timeout", "5"),
    ("[[status 409]]", 502, "server_error", "upstream_error", "5"),
    ("[[status 429]] [[retry-after 7]]", 429, "requests", "rate_limit_exceeded", "7"),
    ("[[status 429]] [[retry-after 999]]", 429, "requests", "rate_limit_exceeded", "60"),
    ("[[status 429]] [[retry-after 0]]", 429, "requests", "rate_limit_exceeded", "1"),
    ("[[status 429]] [[retry-after date:30]]", 429, "requests", "rate_limit_exceeded", None),
    ("[[status 429]] [[retry-after soon]]", 503, "server_error", "server_is_overloaded", "5"),
    ("[[status 429]]", 503, "server_error", "server_is_overloaded", "5"),
    ("[[status 529]]", 503, "server_error", "server_is_overloaded", "5"),
    ("[[status 500]]", 502, "server_error", "upstream_error", "5"),
    ("[[status 502]] [[body html]]", 502, "server_error", "upstream_error", "5"),
    ("[[status 503]]", 502, "server_error", "upstream_error", "5"),
    ("[[status 504]]", 504, "server_error", "upstream_timeout", "5"),
    ("[[status 302]] [[header Location http://127.0.0.1:1/]]", 502, "server_error", "upstream_error", "5"),
    ("[[status 204]] [[body empty]]", 502, "server_error", "upstream_error", "5"),
    ("[[reset before]]", 502, "server_error", "upstream_error", "5"),
    ("[[reset headers]]", 502, "server_error", None, "5"),
    ("[[delay 5]]", 504, "server_error", "upstream_timeout", "5"),
    ("[[body html]]", 502, "server_error", "upstream_error", "5"),
    ("[[body garbage]]", 502, "server_error", "upstream_error", "5"),
    ("[[body empty]]", 502, "server_error", "upstream_error", "5"),
    ("[[gzip]]", 502, "server_error", "upstream_error", "5"),
]
WHOLE_ONLY = [
    ("[[body truncated]]", 502, "server_error", "upstream_error", "5"),
    ("[[body no-choices]]", 502, "server_error", "upstream_error", "5"),
    ("[[body null]]", 502, "server_error", "upstream_error", "5"),
    ("[[body array]]", 502, "server_error", "upstream_error", "5"),
    ("[[drop]]", 502, "server_error", "upstream_error", "5"),
    ("[[silence 5]]", 504, "server_error", "upstream_timeout", "5"),
]
UNREACHABLE = [
    ("refused", 503, "server_error", "upstream_unavailable", "5"),
    ("nowhere", 503, "server_error", "upstream_unavailable", "5"),
    ("untrusted", 503, "server_error", "upstream_unavailable", "5"),
    ("mute", 504, "server_error", "upstream_timeout", "5"),
]


def check(
    api: Api, words: str, alias: str, stream: bool, status: int, kind: str, code: str | None, wait: str | None
) -> None:
    http_response = api.chat(words, model=alias, stream=stream)
    assert http_response.status_code == status
    error = error_of(http_response)
    assert error["type"] == kind
    assert code is None or error["code"] == code
    assert wait is None or http_response.headers["Retry-After"] == wait
    assert error["param"] is None
    row = api.row(http_response.headers["x-request-id"])
    assert (row["status"], row["counted"], row["owner_id"]) == ("failed", 0, None)
    assert row["error_code"] == error["code"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("words", "status", "kind", "code", "wait"), FAILURES, ids=[row[0] for row in FAILURES])
def test_failure_is_an_error_of_our_own_and_gives_the_prompt_back(
    api: Api, words: str, stream: bool, status: int, kind: str, code: str, wait: str
) -> None:
    check(api, words, "plain", stream, status, kind, code, wait)


@pytest.mark.parametrize(("words", "status", "kind", "code", "wait"), WHOLE_ONLY, ids=[row[0] for row in WHOLE_ONLY])
def test_broken_whole_answer_gives_the_prompt_back(
    api: Api, words: str, status: int, kind: str, code: str, wait: str
) -> None:
    check(api, words, "plain", False, status, kind, code, wait)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("alias", "status", "kind", "code", "wait"), UNREACHABLE)
def test_upstream_out_of_reach_gives_the_prompt_back(
    api: Api, alias: str, stream: bool, status: int, kind: str, code: str, wait: str
) -> None:
    check(api, "hello", alias, stream, status, kind, code, wait)


def test_context_overflow_is_worded_as_agents_recognise_it(api: Api) -> None:
    http_response = api.chat("[[status 400]] [[body context]]", model="plain")
    error = error_of(http_response)
    assert (http_response.status_code, error["code"], error["param"]) == (400, "context_length_exceeded", "messages")
    assert "exceeds the context window" in error["message"]
    assert "maximum context length is 4096 tokens" in error["message"]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_refusal_of_the_request_is_the_clients_error(api: Api, status: int) -> None:
    http_response = api.chat(f"[[status {status}]]", model="plain")
    error = error_of(http_response)
    assert (http_response.status_code, error["type"], error["code"]) == (400, "invalid_request_error", "invalid_value")
    assert api.row(http_response.headers["x-request-id"])["counted"] == 0


def test_refused_field_is_named_only_if_the_client_sent_it(api: Api) -> None:
    words = "[[status 400]] [[param temperature]]"
    assert error_of(api.chat(words, model="plain", temperature=1))["param"] == "temperature"
    assert error_of(api.chat(words, model="plain"))["param"] is None
    assert error_of(api.chat("[[status 400]] [[param temperature.max]]", model="plain"))["param"] is None


def test_content_that_the_upstream_forbids_is_an_invalid_prompt(api: Api) -> None:
    error = error_of(api.chat("[[status 400]] [[code content_filter]]", model="plain"))
    assert error["code"] == "invalid_prompt"


def test_original_text_goes_to_the_log_under_the_request_id_without_the_key(api: Api) -> None:
    http_response = api.chat("[[status 401]] [[message key demo-key-4711 is wrong]]", model="plain")
    request_id = http_response.headers["x-request-id"]
    lines = [line for line in api.gateway.stderr_text().splitlines() if request_id in line]
    assert any("key [key] is wrong" in line for line in lines)
    assert "demo-key-4711" not in api.gateway.stderr_text() + api.gateway.stdout_text()


def test_rate_limits_everywhere_tell_the_shortest_wait(api: Api) -> None:
    words = "[[only demo-one]] [[status 429]] [[retry-after 9]] [[only demo-two]] [[status 429]] [[retry-after 30]]"
    http_response = api.chat(words, model="pair")
    assert (http_response.status_code, http_response.headers["Retry-After"]) == (429, "9")
    assert api.row(http_response.headers["x-request-id"])["attempts"] == 2


def test_breaking_a_fresh_connection_is_not_answered_by_sending_twice(api: Api, demo: Demo) -> None:
    api.chat("[[close]] [[reply x]]", model="plain")
    before = demo.requests()[-1]["number"]
    api.chat("[[reset before]]", model="plain")
    assert demo.requests()[-1]["number"] - before <= 2
    api.chat("[[reset before]]", model="plain")
    assert demo.requests()[-1]["number"] - before <= 3


def test_kept_connection_that_the_upstream_closed_meanwhile_does_no_harm(api: Api) -> None:
    for _ in range(5):
        assert api.chat("[[close]] [[reply fine]]", model="plain").status_code == 200


def test_very_long_line_of_an_upstream_is_read_or_refused_in_time(api: Api) -> None:
    started = time.monotonic()
    streamed = api.stream("[[tokens 3]] [[long-line 10]]", model="plain")
    assert streamed.status == 200
    assert time.monotonic() - started < 5
    assert api.row(streamed.request_id)["counted"] == 1
