"""Bodies of failed answers. All texts hold TELL_TALE: a client of a gateway must never see one of them."""

from typing import Any

import orjson

from demo_upstream.conversation import BadRequest
from demo_upstream.script import Script

TELL_TALE = "demo-backend-secret"
_KINDS: dict[int, tuple[str, str | None]] = {
    400: ("invalid_request_error", None),
    401: ("authentication_error", "invalid_api_key"),
    402: ("insufficient_quota", "insufficient_quota"),
    403: ("permission_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    413: ("invalid_request_error", "request_too_large"),
    422: ("invalid_request_error", "unprocessable"),
    429: ("requests", "rate_limit_exceeded"),
}
_CONTEXT = (
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens. "
    f"Please reduce the length of the messages. ({TELL_TALE})"
)
_JSON = "application/json"


def failure_body(script: Script, status: int) -> tuple[str, bytes]:
    """Give content type and body of the failed answer that ``script.body`` names (default ``error``)."""
    error = error_object(script, status)
    match script.body:
        case "text":
            return "text/plain; charset=utf-8", error["message"].encode()
        case "html":
            page = f"<html><title>{status} {TELL_TALE}</title><body>{error['message']}</body></html>"
            return "text/html", page.encode()
        case "empty":
            return _JSON, b""
        case "garbage":
            return _JSON, b"\x00\xff\xfe{" + TELL_TALE.encode() + bytes(range(128, 200))
        case "null":
            return _JSON, b"null"
        case "context":
            context = {
                "type": "invalid_request_error",
                "param": "messages",
                "code": "context_length_exceeded",
            }
            return _JSON, orjson.dumps({"error": {"message": script.message or _CONTEXT, **context}})
        case "string":
            return _JSON, orjson.dumps({"error": error["message"]})
        case "detail":
            return _JSON, orjson.dumps({"detail": [{"loc": ["body"], "msg": error["message"], "type": "value"}]})
        case "array":
            return _JSON, orjson.dumps([{"error": error}])
        case "object":
            return _JSON, orjson.dumps({"object": "error", **error})
    return _JSON, orjson.dumps({"error": error})


def error_object(script: Script, status: int) -> dict[str, Any]:
    """The inner object of an OpenAI error, with what the script says of message, param and code."""
    kind, code = _KINDS.get(status, ("server_error", None))
    return {
        "message": script.message or f"{TELL_TALE}: worker demo-backend-7 at 10.0.0.7:8080 failed ({status})",
        "type": kind,
        "param": script.param,
        "code": script.code or code,
    }


def bad_request_body(error: BadRequest) -> bytes:
    """The body of a 400 for a request that is wrong in itself."""
    inner = {
        "message": error.message,
        "type": "invalid_request_error",
        "param": error.param,
        "code": error.code,
    }
    return orjson.dumps({"error": inner})


def stream_error_payload(script: Script, form: str) -> bytes:
    """One event of an error in the middle of a stream, in one of the forms that backends use."""
    error = error_object(script, 500)
    shapes: dict[str, Any] = {
        "string": {"error": error["message"]},
        "flat": {"object": "error", **error, "code": script.code or 500},
        "array": [{"error": error}],
        "finish": {
            "id": "chatcmpl-demofailed",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "demo-backend",
            "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error", "error": error}],
        },
    }
    return orjson.dumps(shapes.get(form, {"error": error}))
