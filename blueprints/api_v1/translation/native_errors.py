"""What a Responses upstream says of a failure, and what a client may be told of it. Pure."""

from __future__ import annotations

from typing import Any

from ..errors import GatewayError, UpstreamError
from .upstream_errors import TOLD_CODES, error_of, shape_of


def error_in_event(event: object, *, param: str) -> GatewayError | None:
    """Return our error for an event that reports one, in any of the forms that upstreams use."""
    if isinstance(event, list) and event:  # Gemini wraps it in an array
        event = event[0]
    if not isinstance(event, dict):
        return UpstreamError(detail=f"no event: {shape_of(event)}")
    kind = event.get("type")
    if kind == "error" or (kind is None and event.get("error")) or event.get("object") == "error":
        return error_of(event.get("error") or event, param=param)
    if kind in ("response.failed", "response.cancelled"):
        return error_in_response(event.get("response"), param=param)
    return None


def error_in_response(told: object, *, param: str) -> GatewayError:
    """Return our error for a response object that did not come to a good end."""
    error = told.get("error") if isinstance(told, dict) else told
    return error_of(error, param=param)


def shown_error(error: GatewayError) -> dict[str, Any]:
    """Return the error object of an ``error`` event: type, code, message and param."""
    shown: dict[str, Any] = dict(error.body()["error"])
    shown["code"] = error.code if error.code in TOLD_CODES else "server_error"
    return shown
