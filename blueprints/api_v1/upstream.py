"""Asking upstreams, by the adapter that ``requests`` sends with; and reading their refusals.

Each upstream has connections of its own; no proxy or netrc from the environment, no redirects, no cookies.
"""

from __future__ import annotations

import email.utils
import logging
import time
from collections.abc import Mapping
from typing import Any

import gevent
import orjson
import requests
from msgspec import Struct

from catalog.model import Catalog, Route, Upstream

from .errors import (
    ContentRefused,
    ContextTooLong,
    GatewayError,
    UpstreamBusy,
    UpstreamError,
    UpstreamOverloaded,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from .translation.upstream_errors import is_context_overflow
from .upstream_body import BodyCut, UpstreamBody
from .upstream_connections import UpstreamAdapter
from .upstream_wire import NoConnection, StaleConnection

log = logging.getLogger("smartroute.upstream")

MAX_ANSWER_BYTES = 64 * 1024 * 1024
_MAX_ERROR_BYTES = 64 * 1024
_MAX_LIST_BYTES = 8 * 1024 * 1024
_ERROR_BODY_S = 5.0
_MESSAGE_CHARACTERS = 300  # of an upstream's message, what is its own; a prompt that it repeats comes behind

# How upstreams say that they refuse the content.
_POLICY_PHRASES = ("content_filter", "content_policy_violation", "content management policy", "invalid_prompt")


class UpstreamAnswer:
    """An answer with status 200 whose header has been read."""

    def __init__(self, answer: requests.Response) -> None:
        """Keep the header's content type and the unread body."""
        raw: Any = answer.raw
        self.body: UpstreamBody = raw.body
        self.content_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """Read the whole body as JSON; the caller bounds the time.

        Raises:
            UpstreamError: it is cut off, too large, or no JSON.
        """
        try:
            raw = self.body.read_all(MAX_ANSWER_BYTES)
            return orjson.loads(raw)
        except BodyCut as error:
            raise UpstreamError(detail=f"answer cut off: {error}") from error
        except orjson.JSONDecodeError as error:
            raise UpstreamError(detail=f"answer is no JSON ({self.content_type}), {len(raw)} bytes") from error
        finally:
            self.close()

    def close(self) -> None:
        """Drop the connection unless the body has been read to its end."""
        self.body.close()


class UpstreamText(Struct, frozen=True):
    """What an upstream said, whatever the status; its key is taken out."""

    status: int
    text: str


class Upstreams:
    """The doors to every upstream of one catalog."""

    def __init__(self, catalog: Catalog, env: Mapping[str, str]) -> None:
        """Open nothing yet; keys are read from ``env`` by the names that the catalog gives."""
        self._doors = {upstream.name: _Door(upstream, catalog.api_key(upstream, env)) for upstream in catalog.upstreams}

    def send(self, route: Route, path: str, payload: bytes, *, wait_s: float) -> UpstreamAnswer:
        """Post ``payload`` to ``path`` below the upstream's base address; return its answer of status 200.

        ``wait_s`` bounds the wait for the answer's header.

        Raises:
            UpstreamError: no usable answer; another route may give one.
            UpstreamRefused: the upstream calls it the client's own error.
        """
        return self._doors[route.upstream.name].send(path, payload, wait_s)

    def look(self, upstream: Upstream, path: str, payload: bytes, *, wait_s: float) -> UpstreamAnswer | UpstreamText:
        """Post ``payload`` as ``send`` does; return a refusal in the upstream's own words, for operators alone.

        Raises:
            UpstreamError: no answer came.
        """
        return self._doors[upstream.name].look(path, payload, wait_s)

    def models(self, upstream: Upstream, *, wait_s: float, below: str = "") -> UpstreamText:
        """Get the upstream's list of models, at ``below`` its base address if given.

        Raises:
            UpstreamError: no answer came.
        """
        return self._doors[upstream.name].get(f"{below}/models", wait_s)


class _Door:
    """One upstream's connections."""

    def __init__(self, upstream: Upstream, key: str | None) -> None:
        self._upstream = upstream
        self._key = key
        self._adapter = UpstreamAdapter()
        self._requests: dict[str, requests.PreparedRequest] = {}

    def send(self, path: str, payload: bytes, wait_s: float) -> UpstreamAnswer:
        answer = self._answer(self._prepared(path, payload), wait_s)
        usable = self._usable(answer)
        if usable is None:
            raise self._refusal(answer)
        return usable

    def look(self, path: str, payload: bytes, wait_s: float) -> UpstreamAnswer | UpstreamText:
        answer = self._answer(self._prepared(path, payload), wait_s)
        return self._usable(answer) or UpstreamText(answer.status_code, self._redacted(_text_of(answer)))

    def get(self, path: str, wait_s: float) -> UpstreamText:
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "smart-route",
            **self._authorization(),
        }
        request = requests.Request("GET", self._upstream.base_url + path, headers=headers).prepare()
        answer = self._answer(request, wait_s)
        return UpstreamText(answer.status_code, self._redacted(_text_of(answer, _MAX_LIST_BYTES)))

    def _answer(self, request: requests.PreparedRequest, wait_s: float) -> requests.Response:
        try:
            return self._exchange(request, wait_s)
        except requests.exceptions.RequestException as error:
            raise self._failure(error) from error
        except ValueError as error:  # of a host name or a key that cannot be written
            raise UpstreamError(detail=self._redacted(str(error))) from error

    def _usable(self, answer: requests.Response) -> UpstreamAnswer | None:
        if answer.status_code != 200 or answer.headers.get("Content-Encoding", "identity") != "identity":
            return None
        return UpstreamAnswer(answer)

    def _exchange(self, prepared: requests.PreparedRequest, wait_s: float) -> requests.Response:
        timeout = (self._upstream.connect_timeout, wait_s)
        try:
            return self._adapter.send(prepared, stream=True, timeout=timeout)
        except StaleConnection:
            self._adapter.close()  # what closed one may have closed the others
            return self._adapter.send(prepared, stream=True, timeout=timeout)

    def _prepared(self, path: str, payload: bytes) -> requests.PreparedRequest:
        first = self._requests.get(path)
        if first is None:
            headers = {
                "Content-Type": "application/json",
                "Accept": "application/json, text/event-stream",
                "Accept-Encoding": "identity",
                "User-Agent": "smart-route",
                **self._authorization(),
            }
            first = requests.Request("POST", self._upstream.base_url + path, headers=headers).prepare()
            self._requests[path] = first
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url, prepared.hooks = first.method, first.url, first.hooks
        prepared.headers = first.headers.copy()
        prepared.headers["Content-Length"] = str(len(payload))
        prepared.body = payload
        return prepared

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key}"} if self._key else {}

    def _failure(self, error: requests.exceptions.RequestException) -> UpstreamError:
        """Return the error that an answer which never came amounts to."""
        detail = self._redacted(str(error))
        if isinstance(error, NoConnection | requests.exceptions.ConnectTimeout | requests.exceptions.SSLError):
            return UpstreamUnreachable(detail=detail)
        if isinstance(error, requests.exceptions.Timeout):
            return UpstreamTimeout(detail=detail)
        return UpstreamError(detail=detail)

    def _refusal(self, answer: requests.Response) -> GatewayError:
        """Return the error that an answer other than a usable 200 amounts to; what a refusal says is logged."""
        status = answer.status_code
        if status == 200:  # it holds an answer, and content is never logged
            answer.close()
            coding = answer.headers.get("Content-Encoding", "identity")[:40]
            return UpstreamError(detail=f"HTTP 200, but content encoding {coding}")
        text = self._redacted(_text_of(answer))
        detail = f"HTTP {status}: {text[:1000]}"
        if status in (400, 413, 422):
            said = _said_in(text)
            if is_context_overflow(said):
                return ContextTooLong(None, "messages", detail=detail)
            if any(phrase in said.lower() for phrase in _POLICY_PHRASES):
                return ContentRefused(detail=detail)
            return UpstreamRefused(param=_param_in(text), detail=detail)
        if status in (408, 504):
            return UpstreamTimeout(detail=detail)
        if status == 429:
            seconds = retry_after_s(answer.headers.get("Retry-After"), time.time())
            return UpstreamOverloaded(detail=detail) if seconds is None else UpstreamBusy(seconds, detail=detail)
        if status == 529:
            return UpstreamOverloaded(detail=detail)
        return UpstreamError(detail=detail)

    def _redacted(self, text: str) -> str:
        return text.replace(self._key, "[key]") if self._key else text


def retry_after_s(value: str | None, now: float) -> int | None:
    """Return the seconds of a Retry-After header, given as a number or a date (RFC 9110, section 10.2.3)."""
    if not value:
        return None
    try:
        return max(0, round(float(value)))
    except (ValueError, OverflowError):
        pass
    try:
        return max(0, round(email.utils.parsedate_to_datetime(value).timestamp() - now))
    except (ValueError, TypeError):
        return None


def _text_of(answer: requests.Response, most_bytes: int = _MAX_ERROR_BYTES) -> str:
    try:
        with gevent.Timeout(_ERROR_BODY_S, False):
            return bytes(answer.raw.read(most_bytes, decode_content=True)).decode("utf-8", "replace")
    except Exception as error:  # whatever it is, the status alone must do
        return f"(unreadable: {type(error).__name__})"
    finally:
        answer.close()
    return "(no body in time)"


def _said_in(text: str) -> str:
    """Return what a refusal says in its own words: code, type and the beginning of its message.

    Nothing else of it: some upstreams repeat the client's prompt, which may hold any phrase.
    """
    try:
        told = orjson.loads(text)
    except orjson.JSONDecodeError:
        return "" if text.lstrip()[:1] in ("{", "[") else text  # JSON that was cut may hold the prompt as well
    if isinstance(told, dict):
        told = told.get("error") or told.get("detail") or told
    words: list[str] = []
    for one in told if isinstance(told, list) else [told]:
        error = one.get("error", one) if isinstance(one, dict) else one
        if isinstance(error, str):
            words.append(error[:_MESSAGE_CHARACTERS])
        elif isinstance(error, dict):
            said = [error.get(name) for name in ("code", "type", "message", "msg")]
            words += [str(word)[:_MESSAGE_CHARACTERS] for word in said if isinstance(word, str | int)]
    return "\n".join(words)


def _param_in(text: str) -> str | None:
    """Return the field that an OpenAI-shaped error names."""
    try:
        error = orjson.loads(text)["error"]
        param = error["param"]
    except (orjson.JSONDecodeError, KeyError, TypeError, IndexError):
        return None
    return param if isinstance(param, str) and 0 < len(param) <= 100 else None
