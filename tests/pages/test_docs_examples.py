"""The examples of the documentation page run as they stand there, against the gateway that wrote them."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys

import pytest
import requests

from tests.accounts.house import PASSWORD, csrf_token
from tests.harness.gateway import Gateway
from tests.pages.test_docs_sections import block

VARIABLE = "AI_TOOLS_ROUTER_API_KEY"


class Reader:
    """A member with the page open and the token shown."""

    def __init__(self, gateway: Gateway) -> None:
        self._session = requests.Session()
        self._url = gateway.url
        email = f"reader-{secrets.token_hex(4)}@example.org"
        self._post("/sign-up", "/sign-up", email=email, password=PASSWORD)
        self.page = self._post("/docs", "/docs/token/reveal")
        found = re.search(r'id="shown-token">(sr_\w{33})<', self.page)
        assert found
        self.token = found[1]

    def _post(self, form_page: str, action: str, **fields: str) -> str:
        form = csrf_token(self._session.get(self._url + form_page, timeout=10).text)
        answer = self._session.post(self._url + action, data={"csrf_token": form, **fields}, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.text

    def documentation(self) -> str:
        """The page as it is now."""
        return self._session.get(f"{self._url}/docs", timeout=10).text

    def run(self, command: list[str], name: str, more: str = "") -> str:
        """Give a block of the page to a program; gives what it printed."""
        script = block(self.page, name) + more
        env = {**os.environ, VARIABLE: self.token}
        done = subprocess.run(command, input=script, env=env, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def reader(gateway: Gateway) -> Reader:
    """Somebody who has just signed up."""
    return Reader(gateway)


def test_streamed_curl_lines_end_as_the_page_says(reader: Reader) -> None:
    assert reader.run(["bash"], "curl-stream").endswith("data: [DONE]\n\n")
    printed = reader.run(["bash"], "responses-curl")
    for event in ("created", "output_text.delta", "output_text.done", "completed"):
        assert f"event: response.{event}\n" in printed


def test_all_lines_of_the_curl_set_up_are_answered(reader: Reader) -> None:
    for name, kind in (("curl-models", "list"), ("curl-usage", "usage"), ("curl-answer", "response")):
        assert json.loads(reader.run(["bash"], name))["object"] == kind
    assert reader.run(["bash"], "curl-events").endswith("data: [DONE]\n\n")


def test_python_lines_print_the_answer(reader: Reader) -> None:
    assert "Say hello." in reader.run([sys.executable, "-"], "python-lines")
    assert reader.run([sys.executable, "-"], "sdk-python").count("Say hello.") == 2
    streamed = block(reader.page, "responses-python")
    assert reader.run([sys.executable, "-"], "python-lines", f"\n{streamed}\n").count("Say hello.") == 2


def test_revealed_token_stands_in_every_line_that_holds_one(reader: Reader) -> None:
    for name in ("curl-line", "curl-stream", "export-line", "codex-export", "responses-curl", "vscode-key", "kilo-key"):
        assert reader.token in block(reader.page, name), name
    assert reader.token in block(reader.page, "try-without-script")
    shown = re.sub(r'data-masked="[^"]*"', "", reader.page)  # for what the tester writes with script
    assert "•" not in shown


def test_page_says_when_and_by_which_client_the_token_was_last_used(gateway: Gateway, reader: Reader) -> None:
    assert "Not used yet." in reader.documentation()
    for client, name in (
        ("codex_exec/0.169.0 (Debian 12.0.0; x86_64)", "Codex CLI 0.169.0"),
        ("my-script/2", "my-script/2"),
    ):
        headers = {"Authorization": f"Bearer {reader.token}", "User-Agent": client}
        body = {"messages": [{"role": "user", "content": "Say hello."}]}
        requests.post(f"{gateway.api}/chat/completions", json=body, headers=headers, timeout=10).raise_for_status()
        assert re.search(rf"Last used \w+day \d+ \w+, \d\d:\d\d UTC, by {re.escape(name)}\.", reader.documentation())
