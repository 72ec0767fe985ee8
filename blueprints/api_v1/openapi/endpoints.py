"""Every endpoint of the API in words: what it does, takes, answers, and which errors it can answer with."""

from __future__ import annotations

from msgspec import Struct, field

from .shapes import Shape, flag, one_of, text, whole

CHAT, COMPLETIONS, RESPONSES, STORED, MODELS, USAGE = (
    "Chat",
    "Completions",
    "Responses",
    "Stored responses",
    "Models",
    "Usage",
)
TAGS = {
    CHAT: "Conversations, with tools, images and answers in JSON.",
    COMPLETIONS: "Texts that go on where you stopped.",
    RESPONSES: "The Responses API: items, events, compaction. Coding agents speak it.",
    STORED: "What was kept of a response, until its time is over or you delete it.",
    MODELS: "The aliases and what they can do.",
    USAGE: "What is left of your quota.",
}

_ANY = ("invalid_api_key", "too_many_wrong_tokens", "internal_error", "storage_unavailable")
_BODY = (
    "invalid_json",
    "invalid_type",
    "invalid_value",
    "missing_required_parameter",
    "string_above_max_length",
    "array_above_max_length",
    "unsupported_parameter",
    "unsupported_value",
    "request_timeout",
    "request_too_large",
    "unsupported_media_type",
    "model_not_found",
)
_GENERATION = (
    *_ANY,
    *_BODY,
    "context_length_exceeded",
    "invalid_prompt",
    "insufficient_quota",
    "rate_limit_exceeded",
    "upstream_error",
    "upstream_incomplete",
    "upstream_unavailable",
    "server_is_overloaded",
    "upstream_timeout",
)
_CHAINS = ("previous_response_not_found", "invalid_encrypted_content")
_STORED = (*_ANY, "response_not_found")

# Answers of addresses and methods that are not in the document.
ELSEWHERE = ("unknown_url", "method_not_allowed", "upgrade_required")


class Parameter(Struct, frozen=True):
    """A parameter of the path, the query or the header."""

    name: str
    place: str
    about: str
    shape: Shape

    def shown(self) -> Shape:
        """Return it as the document has it."""
        return {
            "name": self.name,
            "in": self.place,
            "description": self.about,
            "required": self.place == "path",
            "schema": self.shape,
        }


class Endpoint(Struct, frozen=True):
    """One method of one path. ``request``, ``answer`` and ``events`` name schemas of the document.

    ``codes`` are those of the errors; ``counts`` says what it does to the quota.
    """

    method: str
    path: str
    operation_id: str
    tag: str
    summary: str
    about: str
    answer: str
    codes: tuple[str, ...]
    counts: str = "Counts nothing."
    request: str | None = None
    events: str | None = None
    parameters: tuple[Parameter, ...] = field(default=())
    has_etag: bool = False


_COUNTS = "Counts one prompt once output was delivered; nothing where it only brings back results of tool calls."
_RESPONSE_ID = Parameter("response_id", "path", "The id of a stored response.", text())
_ALIAS = Parameter("alias", "path", "The alias, as `GET models` lists it.", text())

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "post",
        "/chat/completions",
        "createChatCompletion",
        CHAT,
        "Answer a chat",
        "Sends the conversation so far, answers with the next message. With `stream` the answer comes as events, each "
        "one `data: {…}`, ended by `data: [DONE]`; after 15 seconds of silence a comment line `: keep-alive`.",
        answer="ChatCompletion",
        codes=_GENERATION,
        counts=_COUNTS,
        request="ChatCompletionRequest",
        events="ChatCompletionEvent",
    ),
    Endpoint(
        "post",
        "/completions",
        "createCompletion",
        COMPLETIONS,
        "Continue a text",
        "Goes on with one or more texts, or fills the gap before `suffix`. With `stream` the answer comes as events, "
        "ended by `data: [DONE]`.",
        answer="Completion",
        codes=_GENERATION,
        counts="Counts one prompt once output was delivered, however many texts it continues.",
        request="CompletionRequest",
        events="CompletionEvent",
    ),
    Endpoint(
        "post",
        "/responses",
        "createResponse",
        RESPONSES,
        "Make a response",
        "Answers a text or a list of items. With `stream` the events tell each step, from `response.created` to "
        "`response.completed`, and end with `data: [DONE]`. Unless `store` is false the response is kept, and "
        "`previous_response_id` goes on from it.",
        answer="Response",
        codes=(*_GENERATION, *_CHAINS),
        counts=_COUNTS,
        request="ResponsesRequest",
        events="ResponseEvent",
    ),
    Endpoint(
        "get",
        "/responses/{response_id}",
        "getResponse",
        STORED,
        "Show a stored response",
        "Shows it as it stands, also while it is made. Events are not kept: `stream=true` is refused.",
        answer="Response",
        codes=(*_STORED, "unsupported_parameter", "context_length_exceeded"),
        parameters=(_RESPONSE_ID, Parameter("stream", "query", "Only false.", {**flag(), "enum": [False]})),
    ),
    Endpoint(
        "delete",
        "/responses/{response_id}",
        "deleteResponse",
        STORED,
        "Delete a stored response",
        "Whatever builds on it is refused from then on.",
        answer="DeletedResponse",
        codes=_STORED,
        parameters=(_RESPONSE_ID,),
    ),
    Endpoint(
        "get",
        "/responses/{response_id}/input_items",
        "listInputItems",
        STORED,
        "List what a response was asked",
        "Gives the input items of a stored response, a page at a time.",
        answer="InputItemList",
        codes=(*_STORED, "invalid_value", "context_length_exceeded"),
        parameters=(
            _RESPONSE_ID,
            Parameter("limit", "query", "Items a page.", whole(minimum=1, maximum=100, default=20)),
            Parameter("order", "query", "Newest or oldest first.", {**one_of("desc", "asc"), "default": "desc"}),
            Parameter("after", "query", "The `last_id` of the page before.", text()),
        ),
    ),
    Endpoint(
        "post",
        "/responses/{response_id}/cancel",
        "cancelResponse",
        STORED,
        "Stop a response",
        "Stops one that is still being streamed, within about a second and a half. One that has ended by itself is "
        "answered 400.",
        answer="Response",
        codes=(*_STORED, "invalid_value", "context_length_exceeded"),
        counts="Counts nothing; what is stopped before its first output is given back.",
        parameters=(_RESPONSE_ID,),
    ),
    Endpoint(
        "post",
        "/responses/compact",
        "compactConversation",
        RESPONSES,
        "Make a conversation short",
        "Has the model sum up the input and answers with one sealed item that stands for all of it.",
        answer="Compaction",
        codes=(*_GENERATION, *_CHAINS),
        counts="Counts one prompt.",
        request="CompactRequest",
    ),
    Endpoint(
        "post",
        "/responses/input_tokens",
        "countInputTokens",
        RESPONSES,
        "Estimate the length of a request",
        "Takes the body of `POST responses` and tells about how many tokens its input is. No model is asked.",
        answer="InputTokens",
        codes=(*_ANY, *_BODY, *_CHAINS, "context_length_exceeded"),
        request="ResponsesRequest",
    ),
    Endpoint(
        "get",
        "/models",
        "listModels",
        MODELS,
        "List the aliases",
        "Shows every alias, what it can do, and whether your plan may use it. An answer that you have is not sent "
        "again: give its ETag back in `If-None-Match`.",
        answer="ModelList",
        codes=_ANY,
        parameters=(
            Parameter("client_version", "query", "Codex CLI's version: adds the catalogue that it reads.", text()),
        ),
        has_etag=True,
    ),
    Endpoint(
        "get",
        "/models/{alias}",
        "getModel",
        MODELS,
        "Show one alias",
        "Shows what one alias can do. Its slashes, if it has any, may be sent as they are.",
        answer="Model",
        codes=(*_ANY, "model_not_found"),
        parameters=(_ALIAS,),
    ),
    Endpoint(
        "get",
        "/usage",
        "getUsage",
        USAGE,
        "Show what is left of the quota",
        "Shows both windows: what is used, what is left, when it starts anew.",
        answer="Usage",
        codes=_ANY,
    ),
)
