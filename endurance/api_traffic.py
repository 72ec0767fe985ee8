"""Scenarios of clients that behave: all endpoints, chains, tool loops, lists, and what is refused."""

from __future__ import annotations

import random
from typing import Any

from endurance.clients import Answer, Clients, Member
from endurance.seen import BROKEN, COMPLETE, CONTINUATION, PROMPT, REFUSED

TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
RESPONSES_TOOL = {"type": "function", "name": "look", "parameters": {"type": "object"}}
# Beyond `max_body_mb` of the run's configuration.
TOO_LARGE = b'{"messages": [{"role": "user", "content": "' + b"x" * 1_300_000 + b'"}]}'
BAD_BODIES = {
    b'{"messages": [': "invalid_json",
    b"\xff\xfe": "invalid_json",
    b"{}": "missing_required_parameter",
    b'{"messages": "hello"}': "invalid_type",
    b'{"messages": [{"role": "user", "content": "hi"}], "temperature": 9}': "invalid_value",
}
# Their aliases lead to an upstream that is stopped now and then: what streams from there is cut.
SHAKY_PLANS = ("ultimate", "max", "unlimited")
ABOVE_ALL = "smart-route-infinite"
# Together they have every route first, and every member may ask for them.
HEALING = ("spread", "spread", "grim")
# As chat and as Responses tell it; and of a completion with two prompts, whose second finds nobody.
CUT_UPSTREAM = tuple(f"{BROKEN}:{code}" for code in ("upstream_incomplete", "server_error", "upstream_unavailable"))


def chat(
    clients: Clients, member: Member, scenario: str, text: str, *, stream: bool = False, model: str = "", **more: Any
) -> Answer:
    """Ask for a chat completion; ``more`` goes to ``Clients.ask``, ``messages`` and ``tools`` into the body."""
    body: dict[str, Any] = {
        "messages": more.pop("messages", None) or [{"role": "user", "content": text}],
        **({"tools": more.pop("tools")} if "tools" in more else {}),
        **({"model": model} if model else {}),
        **({"stream": True, "stream_options": {"include_usage": True}} if stream else {}),
    }
    more.setdefault("expected", _whole_or_cut(member, model))
    return clients.ask(scenario, "POST", "/v1/chat/completions", body, member=member, **{"kind": PROMPT, **more})


def respond(clients: Clients, member: Member, scenario: str, told: Any, *, stream: bool = False, **more: Any) -> Answer:
    """Ask for a response; what ``Clients.ask`` does not know goes into the body."""
    own = {name: more.pop(name) for name in ("kind", "expected", "manner", "no_output_before_s") if name in more}
    body = {"input": told, "stream": stream, **more}
    own.setdefault("expected", _whole_or_cut(member, ""))
    return clients.ask(scenario, "POST", "/v1/responses", body, member=member, **{"kind": PROMPT, **own})


def chat_whole(clients: Clients, member: Member) -> None:
    """A question and its whole answer."""
    chat(clients, member, "chat whole", f"[[tokens {random.randrange(1, 60)}]] what is this?")


def chat_streamed(clients: Clients, member: Member) -> None:
    """A stream at the pace of a model."""
    text = f"[[tokens {random.randrange(5, 50)}]] [[pace {random.choice((5, 20, 60))}]] go on"
    chat(clients, member, "chat streamed", text, stream=True)


def heal(clients: Clients, member: Member) -> None:
    """A good request that may go to any of the upstreams: it lets breakers close."""
    chat(clients, member, "healing", f"[[tokens 2]] {random.random()}", model=random.choice(HEALING))


def completions(clients: Clients, member: Member) -> None:
    """The classic endpoint, whole or streamed, sometimes with two prompts."""
    stream = random.random() < 0.5
    prompt: Any = random.choice(("[[tokens 8]] once", ["[[tokens 3]] one", "[[tokens 4]] two"]))
    body: dict[str, Any] = {"prompt": prompt, "stream": stream}
    if stream:
        body["stream_options"] = {"include_usage": True}
    name = "completions streamed" if stream else "completions whole"
    expected = _whole_or_cut(member, "")
    clients.ask(name, "POST", "/v1/completions", body, member=member, kind=PROMPT, expected=expected)


def responses_unstored(clients: Clients, member: Member) -> None:
    """One response of which nothing stays."""
    stream = random.random() < 0.5
    name = "responses streamed" if stream else "responses whole"
    respond(clients, member, name, "[[tokens 12]] [[pace 10]] tell", stream=stream, store=False)


def responses_chained(clients: Clients, member: Member) -> None:
    """Stored responses, each built upon the one before; then looked at, sometimes deleted."""
    previous: dict[str, Any] = {}
    made = ""
    for step in range(3):
        answer = respond(clients, member, "responses chained", f"[[tokens 6]] {step}", stream=step == 1, **previous)
        if not answer.is_complete:
            return
        made = _response_id(answer)
        previous = {"previous_response_id": made}
    clients.ask("stored response", "GET", f"/v1/responses/{made}", member=member)
    clients.ask("stored response", "GET", f"/v1/responses/{made}/input_items?limit=2", member=member)
    if random.random() < 0.5:
        clients.ask("stored response", "DELETE", f"/v1/responses/{made}", member=member)


def chat_tools(clients: Clients, member: Member) -> None:
    """A turn of several steps: what only brings back tool results is not counted again."""
    stream = random.random() < 0.5
    text = '[[tool look {"at": 1}]] [[then]] [[tool look {"at": 2}]] [[tool look {"at": 3}]] [[then]] [[tool look]]'
    messages: list[dict[str, Any]] = [{"role": "user", "content": text}]
    kind = PROMPT
    for _ in range(4):
        answer = chat(clients, member, "tool loop", "", stream=stream, messages=messages, tools=[TOOL], kind=kind)
        calls = _tool_calls(answer) if answer.is_complete else []
        if not calls:
            return
        messages = [*messages, {"role": "assistant", "content": None, "tool_calls": calls}]
        messages += [{"role": "tool", "tool_call_id": call["id"], "content": "seen"} for call in calls]
        kind = CONTINUATION


def responses_tools(clients: Clients, member: Member) -> None:
    """The same by the Responses API, chained by ``previous_response_id``."""
    told: Any = "[[tool look]] [[then]] [[tool look]]"
    more: dict[str, Any] = {}
    for _ in range(3):
        answer = respond(clients, member, "tool loop of responses", told, tools=[RESPONSES_TOOL], **more)
        if not answer.is_complete:
            return
        calls = [item["call_id"] for item in answer.told[0]["output"] if item["type"] == "function_call"]
        if not calls:
            return
        told = [{"type": "function_call_output", "call_id": call, "output": "seen"} for call in calls]
        more = {"previous_response_id": answer.told[0]["id"], "kind": CONTINUATION}


def lists(clients: Clients, member: Member) -> None:
    """What scripts ask for besides; it counts nothing."""
    path = random.choice(("models", "models/smart-route-mini", "usage"))
    clients.ask(path.split("/")[0], "GET", f"/v1/{path}", member=member)


def above_plan(clients: Clients, member: Member) -> None:
    """An alias above the plan is served by the plan's own."""
    chat(clients, member, "alias above plan", "[[tokens 3]] best", model=ABOVE_ALL)


def unknown_model(clients: Clients, member: Member) -> None:
    """A name that is no alias."""
    chat(clients, member, "unknown model", "hi", model="gpt-unknown", expected=[f"{REFUSED}:model_not_found"])


def wrong_token(clients: Clients, member: Member) -> None:
    """A token that is not right."""
    guess = Member("", "", random.choice(("", "sr_" + "0" * 33, "nonsense")))
    expected = [f"{REFUSED}:invalid_api_key", f"{REFUSED}:too_many_wrong_tokens"]
    chat(clients, guess, "wrong token", "hi", expected=expected)


def bad_body(clients: Clients, member: Member) -> None:
    """A body that is refused."""
    body, code = random.choice(list(BAD_BODIES.items()))
    expected = [f"{REFUSED}:{code}"]
    clients.ask("bad body", "POST", "/v1/chat/completions", body, member=member, kind=PROMPT, expected=expected)


def huge_body(clients: Clients, member: Member) -> None:
    """A body over the limit."""
    expected = [f"{REFUSED}:request_too_large"]
    clients.ask("huge body", "POST", "/v1/chat/completions", TOO_LARGE, member=member, kind=PROMPT, expected=expected)


def _whole_or_cut(member: Member, model: str) -> list[str]:
    is_shaky = member.plan in SHAKY_PLANS and model in ("", ABOVE_ALL)
    return [COMPLETE, *CUT_UPSTREAM] if is_shaky else [COMPLETE]


def _response_id(answer: Answer) -> str:
    last = answer.told[-1]
    return str((last.get("response") or last)["id"])


def _tool_calls(answer: Answer) -> list[dict[str, Any]]:
    calls: dict[int, dict[str, Any]] = {}
    for event in answer.told:
        for choice in event.get("choices") or []:
            for number, part in enumerate((choice.get("delta") or choice.get("message") or {}).get("tool_calls") or []):
                call = calls.setdefault(part.get("index", number), {"type": "function", "function": {"arguments": ""}})
                call["id"] = part.get("id") or call.get("id")
                call["function"]["name"] = part["function"].get("name") or call["function"].get("name")
                call["function"]["arguments"] += part["function"].get("arguments") or ""
    return list(calls.values())
