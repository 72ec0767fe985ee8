"""The shipped nginx site: streams arrive as they are made, bodies go through, and nginx speaks the API's language."""

from __future__ import annotations

import itertools
import json
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.conftest import GatewayFactory
from tests.deploy.site import SHIPPED, Site
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.processes import Processes, free_port, wait_until

CONFIG = """
[service]
trusted_proxies = ["127.0.0.1"]
[[upstreams]]
name = "demo"
base_url = "{base_url}"
[[profiles]]
alias = "smart-route-mini"
[[profiles.routes]]
upstream = "demo"
model = "demo-model"
"""


@dataclass(frozen=True)
class Front:
    """nginx, the gateway behind it, and a member."""

    site: Site
    gateway: Gateway
    demo: Demo
    token: str

    def ask(self, text: str, **more: Any) -> requests.Response:
        """Send one chat request through nginx; it is streamed unless ``stream=False``."""
        stream = more.pop("stream", True)
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        body = {"messages": [{"role": "user", "content": text}], "stream": stream}
        return requests.post(
            f"{self.site.url}/v1/chat/completions", json=body, headers=headers, stream=stream, timeout=60, **more
        )


@pytest.fixture(scope="module")
def front(processes: Processes, module_gateway_factory: GatewayFactory, demo: Demo) -> Iterator[Front]:
    gateway = module_gateway_factory("sqlite", config=CONFIG.format(base_url=demo.base_url))
    site = Site(processes, gateway.port)
    yield Front(site, gateway, demo, gateway.account()["token"])
    site.stop()


@pytest.fixture(scope="module")
def orphan(processes: Processes) -> Iterator[Site]:
    """nginx with nobody behind it."""
    site = Site(processes, free_port())
    yield site
    site.stop()


def test_each_event_arrives_when_it_was_made(front: Front) -> None:
    with front.ask("[[tokens 8]] [[pace 150]]") as http_response:
        arrivals = [time.monotonic() for line in http_response.iter_lines(chunk_size=1) if line.startswith(b"data")]
    pauses = [after - before for before, after in itertools.pairwise(arrivals)]
    assert sum(pause > 0.1 for pause in pauses) >= 7
    assert arrivals[-1] - arrivals[0] > 1


def test_stream_is_not_packed_though_nginx_packs_elsewhere(front: Front) -> None:
    with front.ask("Hello", headers={"Accept-Encoding": "gzip, br"}) as http_response:
        assert "Content-Encoding" not in http_response.headers
        assert http_response.raw.read().rstrip().endswith(b"data: [DONE]")


def test_page_is_packed_once_and_security_headers_stand_once(front: Front) -> None:
    http_response = requests.get(front.site.url, timeout=10)
    assert http_response.headers["Content-Encoding"] == "gzip"
    assert "<h1" in http_response.text
    for name in ("Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy"):
        assert len(http_response.raw.headers.getlist(name)) == 1, name
    assert http_response.headers["Server"] == "nginx"


def test_silence_within_a_stream_and_before_a_whole_answer_is_bridged(front: Front) -> None:
    with front.ask("[[tokens 4]] [[silence 3@3]]") as http_response:
        assert http_response.content.rstrip().endswith(b"data: [DONE]")
    assert front.ask("[[delay 3]]", stream=False).json()["choices"]


def test_nginx_waits_longer_than_the_service_ever_does() -> None:
    patience = re.search(r"proxy_read_timeout (\d+)h;", SHIPPED.read_text())
    assert patience is not None
    assert int(patience[1]) * 3600 > 900  # deadline_seconds


def test_thirty_megabytes_reach_the_model_and_leave_nothing_on_the_disk(front: Front) -> None:
    http_response = front.ask("x" * 30_000_000, stream=False)
    assert http_response.status_code == 200
    asked = front.demo.requests()[-1]
    assert asked["body_size"] > 30_000_000
    assert front.site.files_on_disk() == []


def test_body_over_the_limit_is_refused_in_the_form_of_the_api(front: Front) -> None:
    http_response = front.ask("x" * 36_000_000, stream=False)
    assert http_response.status_code == 413
    error = http_response.json()["error"]
    assert (error["code"], error["type"], error["param"]) == ("request_too_large", "invalid_request_error", None)


def test_wrong_token_is_refused_before_the_body_was_sent(front: Front) -> None:
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sr_wrong\r\n"
        "Content-Type: application/json\r\nContent-Length: 30000000\r\n\r\n{"
    )
    with socket.create_connection(("127.0.0.1", front.site.port), timeout=10) as client:
        client.sendall(head.encode())
        answer = b""
        while piece := client.recv(65_536):
            answer += piece
            if b'"invalid_api_key"' in answer:
                break
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b'"invalid_api_key"' in answer


def test_client_that_leaves_ends_the_upstreams_work(front: Front) -> None:
    with front.ask("[[endless deltas]] [[pace 20]]") as http_response:
        next(http_response.iter_lines(chunk_size=1))
        number = front.demo.requests()[-1]["number"]

    def outcome() -> bool:
        asked = front.demo.requests()
        return next(each["outcome"] for each in asked if each["number"] == number) == "client_gone"

    wait_until("the upstream notices", outcome)


def test_header_of_sixteen_kilobytes_passes(front: Front) -> None:
    http_response = front.ask("Hello", stream=False, headers={"x-turn-metadata": "m" * 16_000})
    assert http_response.status_code == 200


def test_client_address_is_the_connections_whatever_a_client_claims(front: Front) -> None:
    with socket.create_connection(("127.0.0.1", front.site.port), 10, source_address=("127.0.0.9", 0)) as client:
        client.sendall(
            b"GET /sign-in HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-For: 203.0.113.7\r\n"
            b"X-Forwarded-Proto: https\r\nForwarded: for=203.0.113.7\r\n\r\n"
        )
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
    request_id = re.search(rb"x-request-id: (\S+)", answer, re.IGNORECASE)
    assert request_id is not None
    assert front.gateway.log_line(request_id[1].decode())["address"] == "127.0.0.9"
    assert b"; secure" not in answer.lower()


def test_figures_are_not_for_everybody(front: Front) -> None:
    for path in ("/metrics", "//metrics", "/%6detrics", "/./metrics"):
        with socket.create_connection(("127.0.0.1", front.site.port), timeout=10) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            assert client.recv(65_536).startswith(b"HTTP/1.1 403 "), path


def test_access_log_holds_neither_queries_nor_the_secrets_of_links(front: Front) -> None:
    secret = "s3cr3t-of-a-link-0123456789-0123456789-0123"
    for path in (f"/operator?link={secret}", f"/reset/{secret}", f"/v1/{secret}"):
        requests.get(front.site.url + path, headers={"Referer": f"http://x/{secret}"}, timeout=10)
    wait_until("the lines are there", lambda: "/v1/[link]" in front.site.access_log())
    log = front.site.access_log()
    assert "/operator" in log
    assert "/reset/[link]" in log
    assert secret not in log


@pytest.mark.parametrize("path", ["/v1/models", "/v1/chat/completions", "/api/smart-routing-ai-model/v1/models"])
def test_api_without_a_service_behind_it_answers_in_json(orphan: Site, path: str) -> None:
    http_response = requests.post(orphan.url + path, data=b"{}", timeout=10)
    assert http_response.status_code == 503
    assert http_response.headers["Content-Type"] == "application/json"
    assert http_response.headers["Retry-After"] == "5"
    error = json.loads(http_response.text)["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["code"] == "service_unavailable"


def test_page_without_a_service_behind_it_asks_to_try_again(orphan: Site) -> None:
    http_response = requests.get(f"{orphan.url}/plans", timeout=10)
    assert http_response.status_code == 503
    assert http_response.headers["Content-Type"] == "text/html"
    assert "Please try again" in http_response.text


def test_errors_of_the_service_itself_come_through_as_they_are(front: Front) -> None:
    http_response = front.ask("[[status 500]]", stream=False)
    assert http_response.status_code == 502
    assert http_response.json()["error"]["code"] == "upstream_error"
