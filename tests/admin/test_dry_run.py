"""The dry run: page and command explain a request that is not sent, and what they say is what one that is sent does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.cli import ScriptInfo

from commands.upstreams import upstreams
from tests.accounts.house import open_house
from tests.admin.conftest import Person, text_of
from tests.harness.gateway import Gateway

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
NATIVE_TOOL = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False}
LONG = "word " * 2000
HELLO = {"messages": [{"role": "user", "content": "hello"}]}


def explained(gateway: Gateway, tmp_path: Path, endpoint: str, body: object) -> dict[str, Any]:
    """What the command says of a body in a file."""
    file = tmp_path / "body.json"
    file.write_text(json.dumps(body))
    done = gateway.flask("upstreams", "dry-run", "--plan", "free", "--endpoint", endpoint, str(file), "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("endpoint", "fields"),
    [
        ("chat/completions", HELLO),
        ("chat/completions", {**HELLO, "tools": [TOOL]}),
        ("chat/completions", {"messages": [{"role": "user", "content": LONG}]}),
        ("completions", {"prompt": "hello"}),
        ("completions", {"prompt": LONG}),
        ("responses", {"input": "hello", "store": False}),
        ("responses", {"input": "hello", "store": False, "tools": [NATIVE_TOOL]}),
    ],
    ids=["chat", "chat-tools", "chat-long", "completions", "completions-long", "responses", "responses-tools"],
)
def test_dry_run_says_what_a_real_request_then_does(
    operator: Person, tmp_path: Path, endpoint: str, fields: dict[str, Any]
) -> None:
    body = {"model": "smart-route-mini", **fields}
    told = explained(operator.gateway, tmp_path, endpoint, body)
    http_response = operator.session.post(f"{operator.url}/{endpoint}", json=body, timeout=10)
    assert http_response.status_code == 200, http_response.text
    row = operator.closed_row(http_response.headers["x-request-id"])
    receipt = json.loads(row["routing"])
    assert told["error"] is None
    assert told["alias"] == row["alias_served"]
    assert told["reason"] == receipt["reason"]
    assert told["features"]["prompt_tokens"] == receipt["tokens"]
    in_order = [route["route"] for route in told["routes"] if route["position"] is not None]
    assert in_order == receipt["routes"]
    assert [[each["route"], each["why_not"]] for each in told["routes"] if each["why_not"]] == receipt["passed_over"]
    assert in_order[0] == f"{row['upstream']}/{row['upstream_model']}" == receipt["attempts"][0]["route"]
    assert told["routes"][0]["effort"] == receipt["attempts"][0].get("effort")


def test_dry_run_says_the_error_that_a_real_request_gets(operator: Person, tmp_path: Path) -> None:
    body = {"model": "no-such", **HELLO}
    told = explained(operator.gateway, tmp_path, "chat/completions", body)
    http_response = operator.session.post(f"{operator.url}/chat/completions", json=body, timeout=10)
    assert told == {"error": {"status": http_response.status_code, **http_response.json()["error"]}}


def test_dry_run_counts_nothing_and_sends_nothing(operator: Person) -> None:
    used = operator.session.get(f"{operator.url}/usage", timeout=10).json()
    assert operator.send("/admin/dry-run", plan="free", endpoint="chat/completions", body=json.dumps(HELLO)).ok
    assert operator.session.get(f"{operator.url}/usage", timeout=10).json() == used


def test_command_prints_features_order_and_what_becomes_of_fields(operator: Person, tmp_path: Path) -> None:
    file = tmp_path / "body.json"
    body = {"model": "smart-route-mini", **HELLO, "tools": [TOOL], "reasoning_effort": "max", "max_tokens": 4000}
    file.write_text(json.dumps(body))
    done = operator.gateway.flask("upstreams", "dry-run", "--plan", "free", str(file))
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    for line in (
        "ALIAS smart-route-mini",
        "tools yes",
        "First: it comes first in the file. At most 4 routes are tried.",
        "1 east/one low -",
        "2 west/two low -",
        "- east/narrow - it has tools = false, and the request brings tools",
        "To east/one, /chat/completions:",
        "max_tokens changed the profile allows 50 tokens for one answer",
        "To west/two, /responses:",
        "messages renamed said in input",
    ):
        assert line in lines, done.stdout


@pytest.mark.parametrize("endpoint", ["chat/completions", "completions", "responses"])
def test_page_shows_order_and_changes(operator: Person, endpoint: str) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "chat/completions": HELLO,
        "completions": {"prompt": "hello"},
        "responses": {"input": "hello"},
    }
    body = {"model": "smart-route-mini", **bodies[endpoint], "user": "<b>me</b>"}
    answer = operator.send("/admin/dry-run", plan="free", endpoint=endpoint, body=json.dumps(body))
    assert answer.status_code == 200
    told = text_of(answer.text)
    assert "1 east/narrow healthy" in told
    assert "To west/two /responses" in told
    assert "&lt;b&gt;me" in answer.text
    assert "<b>me" not in answer.text


def test_page_knows_the_health_of_its_worker(operator: Person) -> None:
    for _ in range(5):
        assert operator.chat("[[status 500]]", model="breaking").status_code == 502
    body = json.dumps({"model": "breaking", **HELLO})
    told = text_of(operator.send("/admin/dry-run", plan="free", endpoint="chat/completions", body=body).text)
    assert "east/breaking left out" in told
    assert "left out: it kept failing" in told


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"body": ""}, "There is nothing in it"),
        ({"body": "{'a': 1}"}, "It is no JSON"),
        ({"body": "[" * 5000}, "It is no JSON"),
        ({"body": '{"a": "\\ud800"}'}, "It is no JSON"),
        ({"plan": "no-such"}, "Choose a plan and an endpoint"),
        ({"endpoint": "models"}, "Choose a plan and an endpoint"),
    ],
)
def test_form_that_cannot_be_explained_comes_back_with_a_reason(
    operator: Person, fields: dict[str, str], words: str
) -> None:
    form = {"plan": "free", "endpoint": "chat/completions", "body": json.dumps(HELLO), **fields}
    answer = operator.send("/admin/dry-run", **form)
    assert answer.status_code == 422
    assert words in answer.text


@pytest.mark.parametrize("body", ["[]", "null", "7", '"text"', '{"messages": 7}', '{"messages": []}', '{"model": 7}'])
def test_body_that_a_client_may_not_send_is_told_the_clients_error(operator: Person, body: str) -> None:
    answer = operator.send("/admin/dry-run", plan="free", endpoint="chat/completions", body=body)
    assert answer.status_code == 200
    assert "The client would get 400" in text_of(answer.text)


def test_form_over_its_size_is_refused(operator: Person) -> None:
    answer = operator.send("/admin/dry-run", plan="free", endpoint="chat/completions", body="x" * 20_000)
    assert answer.status_code == 413


def test_form_of_the_size_that_the_page_names_is_taken(operator: Person) -> None:
    body = json.dumps({"model": "smart-route-mini", "messages": [{"role": "user", "content": "x" * 14_900}]})
    page = operator.get("/admin/dry-run").text
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    form = {"csrf_token": token, "plan": "free", "endpoint": "chat/completions", "body": body}
    parts = {name: (None, value) for name, value in form.items()}  # multipart, as the page has it
    answer = operator.pages.post(f"{operator.gateway.url}/admin/dry-run", files=parts, timeout=10)
    assert answer.status_code == 200
    assert "its context window is too small for the prompt" in answer.text


def test_form_without_its_token_is_refused(operator: Person) -> None:
    form = {"plan": "free", "endpoint": "chat/completions", "body": json.dumps(HELLO)}
    assert operator.pages.post(f"{operator.gateway.url}/admin/dry-run", data=form, timeout=10).status_code == 400


# -- what the command reads ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An application in this process."""
    with open_house(f"sqlite:///{tmp_path_factory.mktemp('house') / 'smartroute.db'}") as app:
        yield app


def run(app: Flask, *arguments: str, stdin: str | bytes | None = None) -> Result:
    """Run ``flask upstreams dry-run`` in this process."""
    obj = ScriptInfo(create_app=lambda: app)
    return CliRunner().invoke(upstreams, ["dry-run", *arguments], input=stdin, obj=obj)


@pytest.mark.parametrize("file", [[], ["-"]], ids=["no file", "dash"])
def test_body_may_be_piped_in(app: Flask, file: list[str]) -> None:
    done = run(app, "--plan", "free", *file, "--json", stdin=json.dumps(HELLO))
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["alias"] == "smart-route-mini"


@pytest.mark.parametrize(
    ("stdin", "words"),
    [
        (b"", "There is nothing in it"),
        (b"  \n", "There is nothing in it"),
        (b"hello", "It is no JSON: unexpected character, expected a JSON value, line 1, column 1"),
        (b'{"a": NaN}', "It is no JSON"),
        (json.dumps(HELLO).encode("utf-16"), "It is not UTF-8: byte 1"),
        (b'{"a": "gr\xfcn"}', "It is not UTF-8: byte 10"),
        (b"x" * (33 * 1024 * 1024), "larger than max_body_mb = 32"),
    ],
    ids=["empty", "blank", "text", "nan", "utf-16", "latin-1", "huge"],
)
def test_input_that_is_no_body_is_refused_with_a_reason(app: Flask, stdin: bytes, words: str) -> None:
    done = run(app, "--plan", "free", "--json", stdin=stdin)
    assert done.exit_code == 1
    assert words in json.loads(done.stdout)["error"]["message"]


@pytest.mark.parametrize("name", ["no-such.json", ".", "a\u0000b", "\x1b[31m"])
def test_file_that_cannot_be_read_is_named(app: Flask, name: str) -> None:
    done = run(app, "--plan", "free", name)
    assert done.exit_code == 1
    assert "cannot be read" in done.stderr
    assert "\x1b" not in done.stderr


def test_unknown_plan_is_told_the_plans_that_exist(app: Flask) -> None:
    done = run(app, "--plan", "gold", stdin=json.dumps(HELLO))
    assert done.exit_code == 1
    assert "There is no plan 'gold'. The catalog has: free, plus, " in done.stderr


@pytest.mark.parametrize("arguments", [[], ["--plan", "free", "--endpoint", "models"]])
def test_missing_plan_and_unknown_endpoint_are_misuse(app: Flask, arguments: list[str]) -> None:
    assert run(app, *arguments, stdin="{}").exit_code == 2


def test_help_says_that_a_command_knows_no_live_health(app: Flask) -> None:
    assert "knows no live health" in " ".join(run(app, "--help").output.split())
