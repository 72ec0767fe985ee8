"""Every kind of tool that agents send, through the official SDK in strict validation, over both dialects."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.responses import Response

from tests.harness.gateway import Gateway
from tests.harness.processes import wait_until
from tests.responses.client import Responses, user

Item = dict[str, Any]
Ask = Callable[..., Response]

FUNCTION: Item = {
    "type": "function",
    "name": "look",
    "parameters": {"type": "object", "properties": {"at": {"type": "string"}}},
    "strict": False,
}
CUSTOM: Item = {
    "type": "custom",
    "name": "apply_patch",
    "format": {"type": "grammar", "syntax": "lark", "definition": 'start: "*** Begin Patch"'},
}
NAMESPACE: Item = {"type": "namespace", "name": "mcp__files", "description": "Files.", "tools": [FUNCTION]}
HOSTED: list[Item] = [
    {"type": "web_search"},
    {"type": "web_search_preview"},
    {"type": "file_search", "vector_store_ids": ["vs_1"]},
    {"type": "code_interpreter", "container": {"type": "auto"}},
    {"type": "computer_use_preview", "display_height": 600, "display_width": 800, "environment": "linux"},
    {"type": "mcp", "server_label": "files", "server_url": "http://127.0.0.1:1"},
    {"type": "image_generation"},
    {"type": "tool_search"},
    {"type": "shell", "environment": {"type": "container_auto"}},
    {"type": "programmatic_tool_calling"},
    {"type": "something_new", "x": {"y": 1}},
]
EXEC = {"command": ["pwd"], "timeout_ms": 500, "working_directory": "/home/me", "env": {"A": "1"}}
COMMANDS = {"commands": ["ls", "pwd"], "timeout_ms": 1000, "max_output_length": 100}
OPERATION = {"type": "update_file", "path": "a.py", "diff": "@@\n-1\n+2\n"}
SHELL_OUTPUT = [{"stdout": "a.py", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]
PATCH = "*** Begin Patch\n*** Delete File: a\n*** End Patch\n"

# The tool; what the model is made to call; the item that comes back but for its ids; what the client answers.
CALLED: dict[str, tuple[Any, str, Item, Item]] = {
    "function": (
        FUNCTION,
        '[[tool look {"at": "here"}]]',
        {"type": "function_call", "name": "look", "arguments": '{"at":"here"}'},
        {"type": "function_call_output", "output": "seen"},
    ),
    "custom": (
        CUSTOM,
        f"[[tool apply_patch {json.dumps({'input': PATCH})}]]",
        {"type": "custom_tool_call", "name": "apply_patch", "input": PATCH},
        {"type": "custom_tool_call_output", "output": "seen"},
    ),
    "local_shell": (
        {"type": "local_shell"},
        f"[[tool local_shell {json.dumps(EXEC)}]]",
        {"type": "local_shell_call", "action": {"type": "exec", **EXEC}},
        {"type": "local_shell_call_output", "output": "seen"},
    ),
    "shell": (
        {"type": "shell", "environment": {"type": "local"}},
        f"[[tool shell {json.dumps(COMMANDS)}]]",
        {"type": "shell_call", "action": COMMANDS},
        {"type": "shell_call_output", "output": SHELL_OUTPUT, "max_output_length": 100},
    ),
    "apply_patch": (
        {"type": "apply_patch"},
        f"[[tool apply_patch {json.dumps(OPERATION)}]]",
        {"type": "apply_patch_call", "operation": OPERATION},
        {"type": "apply_patch_call_output", "status": "completed", "output": "seen"},
    ),
}


@pytest.fixture
def sdk(either: Responses, tokens: list[str]) -> Iterator[OpenAI]:
    """The SDK on the first account; an answer with a key too few or of a wrong type raises."""
    with OpenAI(
        base_url=either.gateway.api, api_key=tokens[0], max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


@pytest.fixture(params=["whole", "streamed"])
def ask(request: pytest.FixtureRequest, sdk: OpenAI, either: Responses) -> Ask:
    """Ask for a response, whole or streamed; gives the finished object in the SDK's types."""

    def whole(**fields: Any) -> Response:
        return sdk.responses.create(model=either.model, **fields)

    def streamed(**fields: Any) -> Response:
        with sdk.responses.stream(model=either.model, **fields) as stream:
            events = list(stream)
        done = {event.output_index: event.item for event in events if event.type == "response.output_item.done"}
        final = events[-1].response  # type: ignore[union-attr]
        assert [plain(done[place]) for place in sorted(done)] == [plain(item) for item in final.output]
        assert stream.get_final_response().id == final.id
        return final

    return whole if request.param == "whole" else streamed


def plain(item: Any) -> Item:
    """Give an item as it came, without what the SDK's stream helper adds."""
    told: Item = item.to_dict()
    told.pop("parsed_arguments", None)
    for part in told.get("content", []):
        part.pop("parsed", None)
    return told


def without_ids(item: Any) -> Item:
    return {k: v for k, v in plain(item).items() if k not in ("id", "call_id", "status", "environment")}


def call_for(kind: str, either: Responses) -> str:
    """The trigger words; a native upstream calls custom tools by their own kind."""
    if kind == "custom" and either.model == "native":
        return f"[[custom apply_patch {json.dumps(PATCH)}]]"
    return CALLED[kind][1]


@pytest.mark.parametrize("kind", CALLED)
def test_call_of_every_kind_is_answered_and_continued(kind: str, ask: Ask, either: Responses, sdk: OpenAI) -> None:
    tool, _, expected, answer = CALLED[kind]
    asked: Any = user(call_for(kind, either))
    first = ask(input=[asked], tools=[tool])
    [item] = first.output
    told = without_ids(item)
    if kind == "function":
        told["arguments"], expected = json.loads(told["arguments"]), {**expected, "arguments": {"at": "here"}}
    assert told == expected
    assert item.call_id.startswith("call_")  # type: ignore[union-attr]
    assert item.status == "completed"  # type: ignore[union-attr]
    assert first.tools[0].type == tool["type"]

    back: Any = {**answer, "call_id": item.call_id}  # type: ignore[union-attr]
    made: Any = plain(item)
    told_all = sdk.responses.with_raw_response.create(
        model=either.model, input=[asked, made, back], tools=[tool], store=False
    )
    assert ("a.py" if kind == "shell" else "seen") in told_all.parse().output_text
    by_id = sdk.responses.with_raw_response.create(
        model=either.model, input=[back], previous_response_id=first.id, tools=[tool]
    )
    assert "The tools answered" in by_id.parse().output_text
    rows = [either.closed_row(one.headers["x-request-id"]) for one in (told_all, by_id)]
    assert [row["kind"] for row in rows] == ["continuation", "prompt"]  # each answer is continued free once


def test_calls_of_all_kinds_stand_side_by_side(ask: Ask, either: Responses) -> None:
    kinds = ["function", "local_shell", "shell"]
    words = " ".join([*(CALLED[kind][1] for kind in kinds), "[[interleave]] [[say Let me look.]]"])
    told = ask(input=words, tools=[CALLED[kind][0] for kind in kinds])
    assert [item.type for item in told.output] == ["message", "function_call", "local_shell_call", "shell_call"]
    assert [without_ids(item) for item in told.output[2:]] == [CALLED[kind][2] for kind in kinds[1:]]


def test_member_of_a_namespace_is_called_by_both_its_names(ask: Ask, either: Responses) -> None:
    name = "look" if either.model == "native" else "mcp__files__look"
    [item] = ask(input=f"[[tool {name} {{}}]]", tools=[NAMESPACE]).output
    assert item.type == "function_call"
    assert (item.name, item.namespace) == ("look", "mcp__files")


def test_tools_that_nobody_here_can_run_end_no_turn(ask: Ask, either: Responses) -> None:
    told = ask(input="[[reply Good morning]]", tools=[*HOSTED, FUNCTION])
    assert told.output_text == "Good morning"


def test_upstream_is_told_of_the_tools_that_it_can_call_alone(either: Responses) -> None:
    tools = [*HOSTED, FUNCTION, *({"type": kind} for kind in ("local_shell", "shell", "apply_patch"))]
    sent = either.sent("", tools=tools, tool_choice="auto", parallel_tool_calls=True)
    assert {tool["type"] for tool in sent["tools"]} == {"function"}
    names = [tool.get("name") or tool["function"]["name"] for tool in sent["tools"]]
    assert names == ["look", "local_shell", "shell", "apply_patch"]
    assert (sent["tool_choice"], sent["parallel_tool_calls"]) == ("auto", True)


@pytest.mark.parametrize(
    "choice",
    ["auto", "required", "none", {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "web_search"}]}],
    ids=str,
)
def test_nothing_about_tools_is_sent_when_none_is_left(either: Responses, choice: Any) -> None:
    sent = either.sent("", tools=HOSTED, tool_choice=choice, parallel_tool_calls=False)
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & sent.keys()


@pytest.mark.parametrize("kind", ["web_search_preview", "file_search", "code_interpreter", "mcp", "something_new"])
def test_choice_that_forces_a_tool_which_nobody_can_run_is_refused(either: Responses, sdk: OpenAI, kind: str) -> None:
    choice: Any = {"type": kind, "server_label": "files"}
    with pytest.raises(openai.BadRequestError) as raised:
        sdk.responses.create(model=either.model, input="Hi", tools=HOSTED, tool_choice=choice)  # type: ignore[arg-type]
    assert (raised.value.code, raised.value.param) == ("unsupported_value", "tool_choice")


@pytest.mark.parametrize("kind", ["local_shell", "shell", "apply_patch"])
def test_choice_that_forces_a_tool_of_the_client_is_honoured(ask: Ask, either: Responses, kind: str) -> None:
    told = ask(input="Hi", tools=[FUNCTION, {"type": kind}], tool_choice={"type": kind})
    assert [item.type for item in told.output] == [f"{kind}_call"]
    assert told.tool_choice == "required" if kind == "local_shell" else told.tool_choice.type == kind  # type: ignore[union-attr]


def test_what_was_left_out_is_one_line_of_the_log(either: Responses, responses_gateway: Gateway) -> None:
    http_response = either.post(input="Hi", tools=[*HOSTED, {"type": "web_search"}, {"type": "new\nkind"}])
    request_id = http_response.headers["x-request-id"]

    def lines() -> list[str]:
        return [line for line in responses_gateway.stderr_text().splitlines() if request_id in line]

    wait_until("the line is written", lambda: bool(lines()))
    [line] = lines()
    assert "smartroute.responses" in line
    assert line.count("left out the tool type web_search;") == 1
    assert line.endswith("; and 2 more")


def test_sealed_reasoning_of_another_upstream_is_not_sent(either: Responses, tokens: list[str]) -> None:
    made = either.create("[[reasoning Hm]] [[reply Yes]]", include=["reasoning.encrypted_content"])
    [reasoning] = [item for item in made["output"] if item["type"] == "reasoning"]
    assert reasoning["encrypted_content"]
    assert "demo" not in reasoning["encrypted_content"]
    for model in ("chat", "native"):
        sent = json.dumps(Responses(either.gateway, tokens[0], model).sent([user("Hi"), *made["output"]]))
        is_its_own = model == either.model == "native"
        assert ("demo-backend-sealed" in sent) == is_its_own
        assert reasoning["encrypted_content"] not in sent


@pytest.mark.parametrize("place", [0, 5], ids=["before", "after"])
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("[[message maximum context length is 8192 tokens]]", "context_length_exceeded", "context window"),
        ("[[code rate_limit_exceeded]] [[message Please try again in 7s]]", "rate_limit_exceeded", "again in 7s."),
    ],
)
def test_error_inside_a_stream_has_the_code_that_agents_act_on(
    either: Responses, place: int, words: str, code: str, message: str
) -> None:
    text = f"[[tokens 5]] [[pace 20]] [[stream-error object@{place}]] {words}"
    http_response = either.post(input=text, stream=True)
    if place == 0:
        error = http_response.json()["error"]
    else:
        events = [json.loads(line[6:]) for line in http_response.text.splitlines() if line.startswith("data: {")]
        assert events[-1]["type"] == "response.failed"
        assert any(event["type"] == "response.output_text.delta" for event in events)
        error = events[-1]["response"]["error"]
    assert error["code"] == code
    assert message in error["message"]
