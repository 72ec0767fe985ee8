"""Makes the calls that the OpenAPI document shows as examples, and tells them as the document keeps them.

After a change of answers: ``.venv/bin/python -m tests.openapi.recording URL TOKEN PLUS_TOKEN SPENT_TOKEN`` writes
blueprints/api_v1/openapi/examples.json anew from a gateway set up as in ``CONFIG``; the last token's account
has no prompts left.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import requests

from tests.harness.processes import ROOT

FILE = ROOT / "blueprints" / "api_v1" / "openapi" / "examples.json"
CONFIG = """
[[upstreams]]
name = "demo"
base_url = "{demo}"

[[upstreams]]
name = "fragile"
base_url = "{demo}"

[[upstreams]]
name = "broken"
base_url = "{demo}"

[[upstreams]]
name = "native"
base_url = "{demo}"
dialect = "responses"

[[profiles]]
alias = "smart-route-mini"
context_length = 128000
max_output_tokens = 16000
routes = [{{ upstream = "demo", model = "demo-model", context_length = 128000 }}]

[[profiles]]
alias = "smart-route"
context_length = 128000
routes = [{{ upstream = "native", model = "demo-model", context_length = 128000 }}]

# Routes that fail often are left out for a while: these are for that alone.
[[profiles]]
alias = "fragile"
context_length = 4096
routes = [{{ upstream = "fragile", model = "demo-model", context_length = 4096 }}]

[[profiles]]
alias = "broken"
routes = [{{ upstream = "broken", model = "demo-model" }}]

[[plans]]
slug = "free"
name = "Free"
profile = "smart-route-mini"
daily = 200
monthly = 1000

[[plans]]
slug = "plus"
name = "Plus"
profile = "broken"

[[plans]]
slug = "tiny"
name = "Tiny"
profile = "smart-route-mini"
daily = 1
monthly = 1
"""
ALIAS = "smart-route-mini"
_WEATHER = {
    "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
_HELLO = [{"role": "user", "content": "Say hello"}]

# Operation -> its examples: name, words, body.
CALLS: dict[str, list[tuple[str, str, dict[str, Any]]]] = {
    "createChatCompletion": [
        ("whole", "A question", {"model": ALIAS, "messages": _HELLO}),
        (
            "stream",
            "As a stream",
            {"model": ALIAS, "messages": _HELLO, "stream": True, "stream_options": {"include_usage": True}},
        ),
        (
            "tools",
            "With a tool",
            {
                "model": ALIAS,
                "messages": [{"role": "user", "content": "What is the weather in Paris?"}],
                "tools": [{"type": "function", "function": {"name": "get_weather", **_WEATHER}}],
                "tool_choice": "required",
            },
        ),
    ],
    "createCompletion": [
        ("whole", "A text to continue", {"model": ALIAS, "prompt": "Once upon a time", "max_tokens": 8}),
        ("stream", "As a stream", {"model": ALIAS, "prompt": "Once upon a time", "stream": True}),
    ],
    "createResponse": [
        ("whole", "A question", {"model": ALIAS, "input": "Say hello"}),
        ("stream", "As a stream", {"model": ALIAS, "input": "Say hello", "stream": True,
                                                      "store": False}),
        (
            "tools",
            "With a tool",
            {
                "model": ALIAS,
                "input": [{"role": "user", "content": "What is the weather in Paris?"}],
                "tools": [{"type": "function", "name": "get_weather", **_WEATHER}],
                "tool_choice": "required",
                "store": False,
            },
        ),
    ],
    "compactConversation": [
        ("whole", "A short conversation", {"model": ALIAS, "input": [{"role": "user", "content": "My cat is Mia."}]}),
    ],
    "countInputTokens": [("whole", "A question", {"model": ALIAS, "input": "Say hello"})],
}  # fmt: skip
PATHS = {
    "createChatCompletion": "chat/completions",
    "createCompletion": "completions",
    "createResponse": "responses",
    "compactConversation": "responses/compact",
    "countInputTokens": "responses/input_tokens",
}
_VARYING = re.compile(
    r'\b(chatcmpl-|cmpl-|(?:resp|msg|rs|fc|ctc|call|cmp)_)[A-Za-z0-9]+|'
    r'"(created|created_at|completed_at|resets_at|used|left)":\d+|"resets_at_iso":"[^"]*"|'
    r'"encrypted_content":"[^"]*"|resets at [0-9: -]+|https?://[^/"]+'
)  # fmt: skip


def record(api: str, token: str, plus_token: str, spent_token: str) -> dict[str, Any]:
    """Make every call against a running gateway."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"

    def post(path: str, body: Any) -> requests.Response:
        return session.post(f"{api}/{path}", json=body, timeout=10)

    calls: dict[str, list[dict[str, Any]]] = {}
    for operation, examples in CALLS.items():
        for name, words, body in examples:
            answer = post(PATHS[operation], body)
            assert answer.status_code == 200, answer.text
            told = {"events": shortened(events_of(answer.text))} if body.get("stream") else {"answer": answer.json()}
            calls.setdefault(operation, []).append({"name": name, "summary": words, "request": body, **told})
    kept = calls["createResponse"][0]["answer"]["id"]
    for operation, words, path in (
        ("getResponse", "The response from above", f"responses/{kept}"),
        ("listInputItems", "Its input", f"responses/{kept}/input_items"),
        ("listModels", "The first two aliases", "models"),
        ("getModel", "One alias", f"models/{ALIAS}"),
        ("getUsage", "A Free account", "usage"),
    ):
        answer = session.get(f"{api}/{path}", timeout=10)
        told = answer.json()
        if operation == "listModels":
            told["data"] = told["data"][:2]
        calls[operation] = [{"name": "whole", "summary": words, "answer": told}]
    gone = session.delete(f"{api}/responses/{kept}", timeout=10).json()
    calls["deleteResponse"] = [{"name": "whole", "summary": "The response from above", "answer": gone}]

    failures = [
        requests.get(f"{api}/usage", timeout=10),
        session.get(f"{api}/models/nobody", timeout=10),
        session.get(f"{api}/responses/resp_unknown", timeout=10),
        session.post(f"{api}/chat/completions", data=b"{", headers={"Content-Type": "application/json"}, timeout=10),
        post("chat/completions", {"messages": _HELLO, "temperature": 3}),
        post("chat/completions", {"messages": "Hello"}),
        post("chat/completions", {}),
        post("completions", {"prompt": ["a"] * 17}),
        post("responses", {"input": "a", "background": True}),
        post("responses", {"input": "a", "previous_response_id": "resp_unknown"}),
        requests.post(
            f"{api}/chat/completions",
            json={"messages": _HELLO},
            headers={"Authorization": f"Bearer {spent_token}"},
            timeout=10,
        ),
        requests.post(
            f"{api}/chat/completions",
            json={"model": "broken", "messages": [{"role": "user", "content": "[[status 500]]"}]},
            headers={"Authorization": f"Bearer {plus_token}"},
            timeout=10,
        ),
    ]
    return {"calls": calls, "errors": {told.json()["error"]["code"]: told.json() for told in failures}}


def events_of(body: str) -> list[Any]:
    """The JSON of every event of a stream; fails on anything that is no event."""
    blocks = [block for block in body.split("\n\n") if block and not block.startswith(":")]
    assert blocks[-1] == "data: [DONE]"
    data = [re.fullmatch(r"(?:event: (\S+)\n)?data: (.*)", block) for block in blocks[:-1]]
    events = []
    for found in data:
        assert found is not None
        event = json.loads(found[2])
        assert found[1] in (None, event.get("type"))
        events.append(event)
    return events


def shortened(events: list[Any]) -> list[Any]:
    """Of each run of deltas of a kind, the first two."""
    kinds = [_delta_kind(event) for event in events]
    return [
        event
        for place, event in enumerate(events)
        if kinds[place] is None or place < 2 or not (kinds[place] == kinds[place - 1] == kinds[place - 2])
    ]


def masked(told: Any) -> Any:
    """The same without what differs from run to run: ids, times, sealed texts, counts of the quota."""
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    return json.loads(_VARYING.sub(lambda found: f'"{found[2]}":0' if found[2] else _mask(found[0]), text))


def _mask(text: str) -> str:
    return f'{text.partition(":")[0]}:"…"' if text.startswith('"') else "…"


def _delta_kind(event: dict[str, Any]) -> str | None:
    if str(event.get("type", "")).endswith(".delta"):
        return str(event["type"])
    choices = event.get("choices") or [{}]
    delta = choices[0].get("delta", choices[0])
    return "text" if delta.keys() & {"content", "text"} and not choices[0].get("finish_reason") else None


if __name__ == "__main__":
    recorded = record(*sys.argv[1:5])
    Path(FILE).write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
