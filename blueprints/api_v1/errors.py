"""Every error that the API can answer with, and the one place that words them.

```text
GatewayError             500 internal_error         a fault of ours; the trace goes to the log
  InvalidRequest         400 (many codes)           the client changes the request; `param` names the field
    BodyTooLarge         413 request_too_large
    UnsupportedMediaType 415 unsupported_media_type
    BodyTooLate          408 request_timeout        the body did not arrive in time
    UpstreamRefused      400 invalid_value          the upstream calls it the client's own error
      ContextTooLong     400 context_length_exceeded
      ContentRefused     400 invalid_prompt         its rules forbid the content
  Unauthenticated        401 invalid_api_key        the client sends a valid token
  UnknownModel           404 model_not_found        no such alias
  UnknownUrl             404 unknown_url
  UnknownResponse        404 response_not_found     no such stored response of this account
  UpgradeRequired        426 upgrade_required       there is no WebSocket here; HTTP does it all
  MethodNotAllowed       405 method_not_allowed
  QuotaExceeded          429 insufficient_quota     the client waits for the window's end
  TooManyRequests        429 rate_limit_exceeded    the plan's requests at once are under way
    TooManyWaiting       429 rate_limit_exceeded    the account's line in this worker is full
  TooManyWrongTokens     429 too_many_wrong_tokens  the client's address sent one wrong token after the other
  StorageTrouble         503 storage_unavailable    our own database is out of reach
  UpstreamError          502 upstream_error         the upstream failed; another route may do better
    UpstreamTimeout      504 upstream_timeout
    UpstreamUnreachable  503 upstream_unavailable
    UpstreamBusy         429 rate_limit_exceeded    with the time that it asked for
    UpstreamOverloaded   503 server_is_overloaded   without one
    UpstreamIncomplete   502 upstream_incomplete    the stream ended in the middle
```

No text here says anything of an upstream: the original goes to the log under the request id.
"""

from __future__ import annotations

from typing import Any

INVALID_REQUEST = "invalid_request_error"
SERVER_ERROR = "server_error"
RETRY_SHORTLY_S = 5


class GatewayError(Exception):
    """An error with all that its answer needs.

    ``retry_after`` is in whole seconds. ``final`` tells SDKs not to try again by themselves.
    ``detail`` is for the log alone.
    """

    status = 500
    type = SERVER_ERROR
    code = "internal_error"
    message = "The gateway met an unexpected fault. Please try again; if it stays, tell the operator the request id."
    retry_after: int | None = None
    final = False

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: int | None = None,
        detail: str | None = None,
    ) -> None:
        """Take what differs from the class."""
        super().__init__(message or self.message)
        self.message = message or self.message
        self.code = code or self.code
        self.param = param
        self.retry_after = retry_after if retry_after is not None else self.retry_after
        self.detail = detail

    def body(self) -> dict[str, Any]:
        """Return the answer's body: OpenAI's error shape, all four keys always there."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}

    def headers(self) -> dict[str, str]:
        """Return the headers that belong to this error."""
        headers = {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if self.final:
            headers["x-should-retry"] = "false"
        return headers


class InvalidRequest(GatewayError):
    """The client has to change the request; ``param`` is the path of the field."""

    status = 400
    type = INVALID_REQUEST
    code = "invalid_value"
    message = "The request is not valid."


class BodyTooLarge(InvalidRequest):
    """The body is larger than the operator allows, before or after decompression."""

    status = 413
    code = "request_too_large"
    message = "The request body is too large."
    final = True


class UnsupportedMediaType(InvalidRequest):
    """The body is not JSON by its own account."""

    status = 415
    code = "unsupported_media_type"
    message = "Send the body as application/json."


class BodyTooLate(InvalidRequest):
    """The body did not arrive in time."""

    status = 408
    code = "request_timeout"
    message = "The request body did not arrive in time."


class Unauthenticated(GatewayError):
    """The token is missing, malformed, unknown, revoked, or its account is suspended."""

    status = 401
    type = INVALID_REQUEST
    code = "invalid_api_key"
    message = "Send your service token as 'Authorization: Bearer sr_…'. You find it on the documentation page."


class UnknownModel(GatewayError):
    """``model`` is no public alias."""

    status = 404
    type = INVALID_REQUEST
    code = "model_not_found"

    def __init__(self, asked: str, allowed: list[str]) -> None:
        """Name the aliases that the account's plan may use."""
        shown = asked if len(asked) <= 100 else asked[:100] + "…"
        super().__init__(f"The model '{shown}' does not exist. Your plan may use: {', '.join(allowed)}.", param="model")


class UnknownUrl(GatewayError):
    """Nothing is served at this path."""

    status = 404
    type = INVALID_REQUEST
    code = "unknown_url"

    def __init__(self, method: str, path: str) -> None:
        """Name what was asked for."""
        super().__init__(f"Unknown request URL: {method} {path[:200]}. The endpoints stand on the documentation page.")


class UnknownResponse(GatewayError):
    """No response of this account is stored under this id; a foreign one is answered alike."""

    status = 404
    type = INVALID_REQUEST
    code = "response_not_found"

    def __init__(self, response_id: str) -> None:
        """Name what was asked for."""
        super().__init__(f"Response with id '{response_id[:100]}' not found.")


class UpgradeRequired(GatewayError):
    """A client tried to open a WebSocket."""

    status = 426
    type = INVALID_REQUEST
    code = "upgrade_required"
    message = "This endpoint has no WebSocket. Send a POST request over HTTP."

    def headers(self) -> dict[str, str]:
        """Name the protocol to use (RFC 9110, section 15.5.22)."""
        return {**super().headers(), "Upgrade": "HTTP/1.1", "Connection": "Upgrade"}


class MethodNotAllowed(GatewayError):
    """The path exists, for other methods."""

    status = 405
    type = INVALID_REQUEST
    code = "method_not_allowed"

    def __init__(self, method: str, allowed: list[str]) -> None:
        """Name the methods that are allowed; they are answered in ``Allow`` too."""
        super().__init__(f"Method {method} is not allowed here. Allowed: {', '.join(allowed)}.")
        self._allowed = allowed

    def headers(self) -> dict[str, str]:
        """Add ``Allow`` (RFC 9110, section 15.5.6)."""
        return {**super().headers(), "Allow": ", ".join(self._allowed)}


class QuotaExceeded(GatewayError):
    """The day's or the month's prompts are used up; ``resets_at`` is in Unix seconds."""

    status = 429
    type = "usage_limit_reached"
    code = "insufficient_quota"
    final = True

    def __init__(
        self, message: str, *, resets_at: int, retry_after: int, more_headers: dict[str, str] | None = None
    ) -> None:
        """Say when the window that blocks ends; ``more_headers`` are what the endpoint's clients look for."""
        super().__init__(message, retry_after=retry_after)
        self.resets_at = resets_at
        self._more_headers = more_headers or {}

    def headers(self) -> dict[str, str]:
        """Add the endpoint's own."""
        return super().headers() | self._more_headers

    def body(self) -> dict[str, Any]:
        """Add ``resets_at``, which coding agents show to their users."""
        body = super().body()
        body["error"]["resets_at"] = self.resets_at
        return body


class TooManyRequests(GatewayError):
    """As many requests of the account are under way as its plan allows at once."""

    status = 429
    type = "requests"
    code = "rate_limit_exceeded"
    retry_after = 1

    def __init__(self, allowed: int) -> None:
        """Say how many may be open."""
        super().__init__(f"Your plan allows {allowed} requests at once. Please try again in 1s.")


class TooManyWaiting(TooManyRequests):
    """More requests of the account wait for their turn than a worker lets wait."""

    message = "Too many of your requests wait at once. Please try again in 1s."

    def __init__(self) -> None:
        """Say so."""
        GatewayError.__init__(self)


class TooManyWrongTokens(GatewayError):
    """The token is wrong, and too many wrong ones came from this address; right ones are taken all the same."""

    status = 429
    type = INVALID_REQUEST
    code = "too_many_wrong_tokens"
    message = "Too many requests with wrong tokens came from your address. A request with the right token is answered."
    final = True


class StorageTrouble(GatewayError):
    """Our own database is out of reach."""

    status = 503
    code = "storage_unavailable"
    message = "The gateway's own storage does not answer at the moment. Please try again shortly."
    retry_after = RETRY_SHORTLY_S


class UpstreamError(GatewayError):
    """The upstream broke, answered with nonsense, or refused the gateway itself."""

    status = 502
    code = "upstream_error"
    message = "The model behind this alias did not give a usable answer. Please try again."
    retry_after = RETRY_SHORTLY_S


class UpstreamTimeout(UpstreamError):
    """The upstream did not answer in time."""

    status = 504
    code = "upstream_timeout"
    message = "The model behind this alias did not answer in time. Please try again."


class UpstreamUnreachable(UpstreamError):
    """No connection to the upstream could be made."""

    status = 503
    code = "upstream_unavailable"
    message = "The model behind this alias cannot be reached at the moment. Please try again."


class UpstreamBusy(UpstreamError):
    """The upstream is rate limited and said for how long; ``retry_after`` is 1 to 60 s."""

    status = 429
    type = "requests"
    code = "rate_limit_exceeded"

    def __init__(self, retry_after: int, detail: str | None = None) -> None:
        """Say how long to wait; agents really sleep that long, so it is kept at a minute at most."""
        seconds = min(max(retry_after, 1), 60)
        super().__init__(
            f"The model behind this alias is rate limited. Please try again in {seconds}s.",
            retry_after=seconds,
            detail=detail,
        )


class UpstreamOverloaded(UpstreamError):
    """The upstream has too much to do and did not say for how long."""

    status = 503
    code = "server_is_overloaded"
    message = "The model behind this alias has too much to do at the moment. Please try again later."


class UpstreamIncomplete(UpstreamError):
    """The upstream's stream ended without saying that it was finished."""

    code = "upstream_incomplete"
    message = "The answer was cut off before its end."


class UpstreamRefused(InvalidRequest):
    """The upstream calls the request the client's own error (400, 413, 422)."""

    code = "invalid_value"
    message = "The model behind this alias does not accept this request. Check its fields and their values."


class ContextTooLong(UpstreamRefused):
    """The prompt does not fit into the context window."""

    code = "context_length_exceeded"

    def __init__(self, context_length: int | None, param: str, detail: str | None = None) -> None:
        """Word it as coding agents recognise it: by the phrase "maximum context length is N tokens"."""
        limit = "" if context_length is None else f" This model's maximum context length is {context_length} tokens."
        super().__init__(
            f"The input exceeds the context window of this model.{limit} Please shorten it.", param=param, detail=detail
        )


class ContentRefused(UpstreamRefused):
    """The upstream's rules forbid the content."""

    code = "invalid_prompt"
    message = "The model behind this alias refuses this content. Please change it."
