"""Who may read /metrics."""

from __future__ import annotations

import socket

import pytest
import requests

from blueprints.metrics.readers import may_read
from catalog.model import MetricsReaders
from tests.harness.gateway import Gateway

HERE = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "127.0.0.1:8000", "SERVER_PROTOCOL": "HTTP/1.1"}
LOCAL = MetricsReaders("local")
TOKEN = MetricsReaders("local", "METRICS_TOKEN")
ENV = {"METRICS_TOKEN": "the-right-one"}


@pytest.mark.parametrize(
    "request_",
    [
        HERE,
        HERE | {"HTTP_HOST": "localhost"},
        HERE | {"REMOTE_ADDR": "::1", "HTTP_HOST": "[::1]:8000"},
        HERE | {"REMOTE_ADDR": "::ffff:127.0.0.1"},
        HERE | {"REMOTE_ADDR": "127.5.5.5"},
    ],
)
def test_processes_of_this_machine_may(request_: dict[str, str]) -> None:
    assert may_read(LOCAL, request_, {})


@pytest.mark.parametrize(
    "request_",
    [
        HERE | {"REMOTE_ADDR": "10.0.0.5"},
        HERE | {"REMOTE_ADDR": ""},
        HERE | {"REMOTE_ADDR": "nonsense"},
        HERE | {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        HERE | {"HTTP_X_FORWARDED_FOR": ""},
        HERE | {"HTTP_X_REAL_IP": "203.0.113.9"},
        HERE | {"HTTP_FORWARDED": "for=203.0.113.9"},
        HERE | {"HTTP_VIA": "1.1 somewhere"},
        HERE | {"HTTP_HOST": "ai.example.org"},
        HERE | {"HTTP_HOST": "127.0.0.1.example.org"},
        HERE | {"HTTP_HOST": "[::1"},
        HERE | {"HTTP_HOST": ""},
        HERE | {"SERVER_PROTOCOL": "HTTP/1.0"},
    ],
)
def test_what_came_through_a_proxy_or_from_elsewhere_may_not(request_: dict[str, str]) -> None:
    assert not may_read(LOCAL, request_, {})


@pytest.mark.parametrize(
    ("sent", "is_let_in"),
    [
        ("Bearer the-right-one", True),
        ("bearer  the-right-one ", True),
        ("Bearer the-wrong-one", False),
        ("Bearer ", False),
        ("Basic the-right-one", False),
        ("the-right-one", False),
        ("Bearer the-right-öne", False),
    ],
)
def test_token_lets_in_from_elsewhere(sent: str, is_let_in: bool) -> None:
    far = HERE | {"REMOTE_ADDR": "10.0.0.5", "HTTP_AUTHORIZATION": sent}
    assert may_read(TOKEN, far, ENV) is is_let_in
    assert not may_read(LOCAL, far, ENV)


def test_token_that_is_not_set_lets_nobody_in() -> None:
    far = HERE | {"REMOTE_ADDR": "10.0.0.5"}
    for sent in ("Bearer ", "Bearer", "", "Bearer the-right-one"):
        assert not may_read(TOKEN, far | {"HTTP_AUTHORIZATION": sent}, {"METRICS_TOKEN": " "})


def test_public_is_for_all_and_off_for_nobody() -> None:
    assert may_read(MetricsReaders("public"), HERE | {"REMOTE_ADDR": "10.0.0.5"}, {})
    assert not may_read(MetricsReaders("off"), HERE, {})


def test_others_are_told_that_there_is_no_such_page(house: Gateway) -> None:
    nothing = requests.get(f"{house.url}/no-such-page", timeout=10)
    for headers in (
        {"X-Forwarded-For": "203.0.113.9"},
        {"Host": "ai.example.org"},
        {"Authorization": "Bearer x", "Via": "a"},
    ):
        answer = requests.get(f"{house.url}/metrics", headers=headers, timeout=10)
        assert answer.status_code == nothing.status_code == 404
        assert "smartroute_" not in answer.text


def test_proxy_that_says_nothing_of_itself_is_known_by_its_old_http(house: Gateway) -> None:
    with socket.create_connection(("127.0.0.1", house.port), timeout=10) as connection:
        connection.sendall(b"GET /metrics HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert connection.recv(100).split(b"\r\n")[0].endswith(b"404 NOT FOUND")
