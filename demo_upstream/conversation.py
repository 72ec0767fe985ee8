"""Reading a request: what both protocols tell, in one form. Knows no sockets and no trigger words."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

Item = dict[str, Any]


class BadRequest(Exception):
    """A request that a real backend would answer with 400; ``param`` names the field."""

    def __init__(self, message: str, param: str | None, code: str | None) -> None:
        super().__init__(message)
        self.message, self.param, self.code = message, param, code


@dataclass(frozen=True, slots=True)
class Conversation:
    """One generation request. Token counts are words."""

    protocol: str  # chat | responses
    body: Item
    model: str
    digest: str  # of the request's bytes: equal requests have equal ids
    stream: bool
    text: str  # of the last user message
    tool_results: tuple[str, ...]  # after that message
    prompt_tokens: int
    cached_tokens: int


def read(protocol: str, raw: bytes) -> Conversation:
    """Parse a request body. Raises BadRequest."""
    body = _object(raw)
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise BadRequest("you must provide a model parameter", "model", "missing_required_parameter")
    field = "messages" if protocol == "chat" else "input"
    items = _items(body, field)
    texts = [_item_text(item) for item in items]
    last_user = max((n for n, item in enumerate(items) if item.get("role") == "user"), default=-1)
    words = [len(text.split()) for text in texts]
    instructions = body.get("instructions")
    base = len(instructions.split()) if isinstance(instructions, str) else 0
    results = tuple(
        text for item, text in zip(items[last_user + 1 :], texts[last_user + 1 :], strict=True) if _is_result(item)
    )
    return Conversation(
        protocol=protocol,
        body=body,
        model=model,
        digest=blake2b(raw, digest_size=12).hexdigest(),
        stream=body.get("stream") is True,
        text=texts[last_user] if last_user >= 0 else "",
        tool_results=results,
        prompt_tokens=base + sum(words),
        cached_tokens=base + sum(words[:-1]),
    )


def tools_of(conversation: Conversation) -> Iterator[Item]:
    """The function tools that were offered, each as ``{"name", "parameters", "namespace"?}``."""
    yield from _flat_tools(conversation.body.get("tools"), None)
    functions = conversation.body.get("functions")
    yield from (f for f in _objects(functions) if isinstance(f.get("name"), str))


def _flat_tools(tools: object, namespace: str | None) -> Iterator[Item]:
    for tool in _objects(tools):
        kind = tool.get("type")
        if kind == "namespace":
            yield from _flat_tools(tool.get("tools"), str(tool.get("name")))
        elif kind == "function":
            inner = tool.get("function")
            function = inner if isinstance(inner, dict) else tool
            yield {**function, "namespace": namespace} if namespace else function


def _object(raw: bytes) -> Item:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as exc:
        raise BadRequest(f"We could not parse the JSON body of your request. ({exc})", None, None) from exc
    if not isinstance(body, dict):
        raise BadRequest("The JSON body of your request is not an object.", None, None)
    return body


def _items(body: Item, field: str) -> list[Item]:
    value = body.get(field)
    if field == "input" and body.get("previous_response_id") is not None:
        message = "Previous response not found: this server stores no responses."
        raise BadRequest(message, "previous_response_id", "previous_response_not_found")
    if value is None:
        raise BadRequest(f"Missing required parameter: '{field}'.", field, "missing_required_parameter")
    if field == "input" and isinstance(value, str):
        return [{"role": "user", "content": value}]
    if not isinstance(value, list) or not value:
        raise BadRequest(f"Invalid '{field}': expected an array with at least one item.", field, "invalid_type")
    for n, item in enumerate(value):
        if not isinstance(item, dict):
            raise BadRequest(f"Invalid '{field}[{n}]': expected an object.", f"{field}[{n}]", "invalid_type")
    return value


def _is_result(item: Item) -> bool:
    kind = item.get("type")
    return item.get("role") in ("tool", "function") or (isinstance(kind, str) and kind.endswith("_output"))


def _item_text(item: Item) -> str:
    content = item.get("content")
    if content is None:
        content = item.get("output")
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in _objects(content) if isinstance(part.get("text"), str))


def _objects(value: object) -> Iterable[Item]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()
