"""Nothing that anybody sends makes the gateway open a connection: addresses are passed on, redirects not followed."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from tests.conftest import GatewayFactory
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway

KEY = "upstream-key-0815"
STATUSES = (301, 302, 303, 307, 308)
# An upstream for each status: after five failures the breaker would keep further requests from them.
REDIRECTING = """
[[upstreams]]
name = "sends-{status}"
base_url = "{origin}/{status}/v1"
api_key_env = "EAST_API_KEY"

[[profiles]]
alias = "redirect-{status}"
routes = [{{ upstream = "sends-{status}", model = "demo-model" }}]
"""
PLAN = """
[[plans]]
slug = "free"
name = "Free"
profile = "redirect-308"
"""


class Bait:
    """A listener that nobody is to connect to; ``guests`` counts who did."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.guests = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                guest, _ = self._listener.accept()
            except OSError:
                return
            self.guests += 1
            guest.close()


@pytest.fixture
def bait() -> Iterator[Bait]:
    """A listener of the test's own, that must be left alone."""
    bait = Bait()
    yield bait
    guests = bait.guests
    bait.close()
    assert guests == 0, f"{guests} connections were opened to an address out of a request"


def post(gateway: Gateway, token: str, path: str, body: dict[str, Any], **headers: str) -> requests.Response:
    """Send a body to the API."""
    told = {"Authorization": f"Bearer {token}", **headers}
    return requests.post(f"{gateway.api}/{path}", json=body, headers=told, timeout=30)


def test_bait_would_notice_a_guest() -> None:
    bait = Bait()
    with pytest.raises(requests.ConnectionError):
        requests.get(bait.url, timeout=10)
    assert bait.guests == 1
    bait.close()


def chat(part: dict[str, Any]) -> dict[str, Any]:
    """A chat request with one part beside its text."""
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "Look"}, part]}]}


def test_image_address_in_a_chat_is_passed_on_and_not_fetched(
    gateway: Gateway, token: str, demo: Demo, bait: Bait
) -> None:
    part = {"type": "image_url", "image_url": {"url": f"{bait.url}/chat.png"}}
    assert post(gateway, token, "chat/completions", chat(part)).status_code == 200
    assert f"{bait.url}/chat.png" in json.dumps(demo.requests()[-1])


def test_image_address_in_a_response_is_passed_on_and_not_fetched(
    gateway: Gateway, token: str, demo: Demo, bait: Bait
) -> None:
    part = {"type": "input_image", "image_url": f"{bait.url}/response.png"}
    body = {"input": [{"role": "user", "content": [{"type": "input_text", "text": "Look"}, part]}]}
    assert post(gateway, token, "responses", body).status_code == 200
    assert f"{bait.url}/response.png" in json.dumps(demo.requests()[-1])


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("chat/completions", {"base_url": "{bait}", "api_base": "{bait}", "upstream": "{bait}", "webhook": "{bait}"}),
        ("chat/completions", {"model": "{bait}"}),
        ("chat/completions", {"metadata": {"callback_url": "{bait}"}, "user": "{bait}"}),
        ("chat/completions", {"web_search_options": {"user_location": "{bait}"}}),
        ("completions", {"prompt": "{bait}", "suffix": "{bait}"}),
        ("responses", {"input": "{bait}", "previous_response_id": "{bait}/x"}),
        ("responses", {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "{bait}/a.pdf"}]}]}),
        ("responses", {"input": [{"type": "item_reference", "id": "{bait}"}]}),
        ("responses", {"input": "a", "tools": [{"type": "mcp", "server_label": "a", "server_url": "{bait}/mcp"}]}),
        ("responses", {"input": "a", "tools": [{"type": "web_search", "filters": {"allowed_domains": ["{bait}"]}}]}),
        ("responses", {"input": "a", "prompt": {"id": "{bait}"}, "conversation": "{bait}"}),
        ("responses/compact", {"input": [{"type": "compaction", "encrypted_content": "{bait}"}]}),
    ],
)
def test_address_in_a_field_is_not_fetched(
    gateway: Gateway, token: str, bait: Bait, path: str, fields: dict[str, Any]
) -> None:
    body = json.loads(json.dumps(fields).replace("{bait}", bait.url))
    if path == "chat/completions":
        body["messages"] = [{"role": "user", "content": f"Read {bait.url}/text"}]
    assert post(gateway, token, path, body).status_code in (200, 400, 404)


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "X-Forwarded-Host",
        "X-Original-URL",
        "X-Rewrite-URL",
        "Forwarded",
        "Referer",
        "Origin",
        "OpenAI-Base-Url",
    ],
)
def test_address_in_a_header_is_not_fetched(gateway: Gateway, token: str, bait: Bait, name: str) -> None:
    host = bait.url.removeprefix("http://")
    value = {"Host": host, "X-Forwarded-Host": host, "Forwarded": f"host={host}"}.get(name, bait.url)
    answer = post(
        gateway, token, "chat/completions", {"messages": [{"role": "user", "content": "Hi"}]}, **{name: value}
    )
    assert answer.status_code == 200


def test_gateway_is_no_proxy(gateway: Gateway, bait: Bait) -> None:
    host = bait.url.removeprefix("http://")
    for method, target in (("GET", f"{bait.url}/v1/models"), ("GET", "/" + bait.url), ("CONNECT", host)):
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
        connection.putrequest(method, target, skip_host=True)
        connection.putheader("Host", host)
        connection.endheaders()
        assert connection.getresponse().status >= 400
        connection.close()


def test_addresses_in_forms_and_queries_of_pages_are_not_fetched(gateway: Gateway, bait: Bait) -> None:
    visitor = requests.Session()
    for path in ("/sign-in?next={}", "/docs?url={}", "/plans?to={}", "/reset/{}", "/operator?link={}"):
        visitor.get(gateway.url + path.format(bait.url), timeout=20)
    back = visitor.post(
        f"{gateway.url}/theme", data={"theme": "dark", "back": bait.url}, timeout=20, allow_redirects=False
    )
    assert back.headers["Location"] == "/"


class Redirecting(BaseHTTPRequestHandler):
    """Sends everybody on to ``target``, with the status that the path begins with."""

    target = ""
    seen: list[str] = []  # noqa: RUF012  (of the class on purpose: each request has a handler of its own)

    def do_POST(self) -> None:
        """Answer a call of the gateway's."""
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).seen.append(self.headers.get("Authorization", ""))
        self.send_response(int(self.path.split("/")[1]))
        self.send_header("Location", type(self).target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def redirected(module_gateway_factory: GatewayFactory) -> Iterator[Gateway]:
    """A gateway whose upstreams redirect."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Redirecting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    origin = f"http://127.0.0.1:{server.server_port}"
    config = "".join(REDIRECTING.format(status=status, origin=origin) for status in STATUSES) + PLAN
    yield module_gateway_factory("sqlite", config=config, env={"EAST_API_KEY": KEY})
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def redirected_token(redirected: Gateway) -> str:
    """The service token of a member there."""
    made: str = redirected.account()["token"]
    return made


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", STATUSES)
def test_redirect_of_an_upstream_is_a_failure_and_not_followed(
    redirected: Gateway, redirected_token: str, bait: Bait, status: int, stream: bool
) -> None:
    Redirecting.target = f"{bait.url}/v1/chat/completions"
    Redirecting.seen.clear()
    body = {"model": f"redirect-{status}", "messages": [{"role": "user", "content": "Hi"}], "stream": stream}
    answer = post(redirected, redirected_token, "chat/completions", body)
    assert answer.status_code == 502
    assert bait.url not in answer.text
    assert set(Redirecting.seen) == {f"Bearer {KEY}"}
