"""A Chat Completions stream from an upstream, as the client may see it.

Most chunks of a stream differ from the one before in one JSON string. Such a chunk is not parsed again:
its text is taken over as bytes between the two halves of a chunk that was checked (``_Template``).
Everything else is parsed and rebuilt from the allowed keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from .. import sse
from ..errors import UpstreamError, UpstreamIncomplete
from .chat_answer import (
    Tokens,
    arguments_text,
    content_of,
    error_in,
    finish_reason,
    logprobs,
    reasoning_of,
    tokens,
    usage,
)

# The inside of a JSON string (RFC 8259, section 7), as bytes.
_STRING_INSIDE = re.compile(rb'[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*')
_TEXT_FIELD = re.compile(rb'"(?:content|reasoning_content|reasoning|arguments)"\s*:\s*"((?:[^"\\]|\\.)*)"')
# Stands for the text while a template is made; no upstream can guess it.
_MARK = "b5f0c1d2-smart-route-text-8e7a"
_MARK_BYTES = _MARK.encode()
_MOST_TEMPLATES = 4
_USELESS_AFTER = 16  # templates learnt without a single use: this upstream changes something in every chunk


@dataclass(frozen=True, slots=True)
class _Template:
    """A checked chunk cut at its text: ``upstream_head + text + upstream_tail`` becomes head + text + tail."""

    upstream_head: bytes
    upstream_tail: bytes
    head: bytes
    tail: bytes


@dataclass(slots=True)
class _Call:
    """A tool call that is being streamed."""

    index: int
    call_id: str
    kind: str = "function"
    name: str = ""
    started: bool = False
    held: str = ""
    upstream_id: str = ""


@dataclass(slots=True)
class _Choice:
    """One choice of the stream."""

    index: int
    calls: list[_Call] = field(default_factory=list)
    by_key: dict[object, _Call] = field(default_factory=dict)
    finish: str | None = None


class ChatOverChat:
    """Turns the upstream's chunks into the client's, one stream long. Pure but for its own state."""

    def __init__(
        self,
        *,
        alias: str,
        answer_id: str,
        created: int,
        include_usage: bool,
        new_call_id: Callable[[], str],
    ) -> None:
        """Take what the answer is known by; ``new_call_id`` makes the ids that tool calls are handed out with."""
        self._skeleton = {"id": answer_id, "object": "chat.completion.chunk", "created": created, "model": alias}
        self._include_usage = include_usage
        self._new_call_id = new_call_id
        self._choices: dict[int, _Choice] = {}
        self._templates: list[_Template] = []
        self._learnt_in_vain = 0
        self._usage: dict[str, Any] | None = None
        self._upstream_usage: object = None
        self.has_output = False
        self.is_done = False
        self.output_bytes = 0

    def feed(self, events: list[bytes]) -> bytes:
        """Return the client's bytes for the data of some upstream events; empty when there are none to send.

        Raises:
            UpstreamError: the upstream reports an error or sends something that is no chunk.
        """
        out = bytearray()
        for data in events:
            if self.is_done:
                break
            fast = self._by_template(data)
            if fast is not None:
                out += fast
            elif data == b"[DONE]":
                self.is_done = True
            else:
                out += self._slowly(data)
        return bytes(out)

    @property
    def has_finished(self) -> bool:
        """Tell whether every choice that has begun has told how it ended."""
        return bool(self._choices) and all(choice.finish for choice in self._choices.values())

    def finish(self) -> bytes:
        """Return the stream's last bytes, after the upstream's end.

        Raises:
            UpstreamIncomplete: the upstream just stopped.
            UpstreamError: it ended with neither output nor a finish reason.
        """
        if not self.has_finished:
            if not self.has_output:
                raise UpstreamError(detail="the stream ended with neither output nor a finish reason")
            if not self.is_done:
                raise UpstreamIncomplete(detail="the stream ended without a finish reason")
        out = bytearray()
        for choice in self._choices.values():
            if choice.finish is None:
                out += self._finish(choice, "stop")
        if self._include_usage:
            out += self._chunk([], usage=self._usage or _no_usage())
        return bytes(out) + sse.DONE

    def tokens(self) -> Tokens | None:
        """Return the upstream's token counts, if it told any."""
        return tokens(self._usage, self._upstream_usage)

    def set_estimate(self, estimate: Tokens) -> None:
        """Give the counts to show a client that asked for usage where the upstream told none."""
        if self._usage is None:
            self._usage = {
                "prompt_tokens": estimate.prompt,
                "completion_tokens": estimate.completion,
                "total_tokens": estimate.prompt + estimate.completion,
            }

    # -- chunks that are known but for their text

    def _by_template(self, data: bytes) -> bytes | None:
        for template in self._templates:
            if not (data.startswith(template.upstream_head) and data.endswith(template.upstream_tail)):
                continue
            text = data[len(template.upstream_head) : len(data) - len(template.upstream_tail)]
            is_whole = len(data) == len(template.upstream_head) + len(text) + len(template.upstream_tail)
            if text and is_whole and _STRING_INSIDE.fullmatch(text) and _is_utf8(text):
                self._learnt_in_vain = 0
                self.output_bytes += len(text)
                return template.head + text + template.tail
        return None

    def _learn(self, data: bytes, chunk: dict[str, Any], text: str, render: Callable[[str], bytes]) -> None:
        """Remember a chunk whose only variable part is ``text``, if it can be proved to be."""
        if self._learnt_in_vain >= _USELESS_AFTER:
            return
        for match in _TEXT_FIELD.finditer(data):
            head, tail = data[: match.start(1)], data[match.end(1) :]
            try:
                if orjson.loads(b'"' + match[1] + b'"') != text:
                    continue
                marked = orjson.loads(head + _MARK_BYTES + tail)
            except orjson.JSONDecodeError:
                continue
            # The text stands at one place only, and that is this one: nothing else may change with it.
            if _replaced(chunk, text, _MARK) == marked:
                out_head, found, out_tail = render(_MARK).partition(_MARK_BYTES)
                if found and _MARK_BYTES not in out_tail:
                    self._templates = [*self._templates[-_MOST_TEMPLATES + 1 :], _Template(head, tail, out_head, out_tail)]
                    self._learnt_in_vain += 1
                return

    # -- everything else

    def _slowly(self, data: bytes) -> bytes:
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise UpstreamError(detail=f"a chunk that is not JSON: {data[:200]!r}") from error
        trouble = error_in(chunk)
        if trouble is not None:
            raise UpstreamError(detail=f"error in the stream: {trouble[:500]}")
        told_usage = usage(chunk.get("usage"))
        if told_usage is not None:
            self._usage, self._upstream_usage = told_usage, chunk["usage"]
        out = bytearray()
        choices = chunk.get("choices")
        for told in choices if isinstance(choices, list) else []:
            if isinstance(told, dict):
                out += self._choice(told, data, chunk)
        return bytes(out)

    def _choice(self, told: dict[str, Any], data: bytes, chunk: dict[str, Any]) -> bytes:
        index = told.get("index")
        index = index if isinstance(index, int) and not isinstance(index, bool) else 0
        out = bytearray()
        choice = self._choices.get(index)
        is_new = choice is None
        if choice is None:
            choice = self._choices[index] = _Choice(index)
            out += self._delta(choice, {"role": "assistant", "content": ""})
        delta = told.get("delta") if isinstance(told.get("delta"), dict) else {}
        assert isinstance(delta, dict)  # noqa: S101
        sent: list[tuple[str, Callable[[str], bytes]]] = []  # each text that left, and how to say another

        if choice.finish is None:
            reasoning = reasoning_of(delta)
            if reasoning:
                sent.append((reasoning, lambda text: self._delta(choice, {"reasoning_content": text})))
            content = content_of(delta)
            if content:
                probabilities = logprobs(told.get("logprobs"))
                if probabilities is None:
                    sent.append((content, lambda text: self._delta(choice, {"content": text})))
                else:
                    self.output_bytes += len(content)
                    self.has_output = True
                    out += self._delta(choice, {"content": content}, logprobs=probabilities)
            for text, render in sent:
                out += render(text)
            other = {
                name: delta[name]
                for name, kind in (("refusal", str), ("function_call", dict), ("annotations", list), ("audio", dict))
                if isinstance(delta.get(name), kind) and delta[name]
            }
            if other:
                self.has_output = True
                out += self._delta(choice, other)
            for call in delta.get("tool_calls") or []:
                if isinstance(call, dict):
                    out += self._call(choice, call, sent)
        if sent:
            self.has_output = True
            self.output_bytes += sum(len(text) for text, _ in sent)
        reason = told.get("finish_reason")
        if reason and choice.finish is None:
            out += self._finish(choice, reason)
        elif len(sent) == 1 and not is_new and not chunk.get("usage") and len(chunk["choices"]) == 1:
            self._learn(data, chunk, *sent[0])
        return bytes(out)

    def _call(
        self, choice: _Choice, told: dict[str, Any], sent: list[tuple[str, Callable[[str], bytes]]]
    ) -> bytes:
        call = self._find_call(choice, told)
        body = told.get(call.kind)
        body = body if isinstance(body, dict) else {}
        text_key = "input" if call.kind == "custom" else "arguments"
        text = arguments_text(body.get(text_key))
        name = body.get("name")
        if not call.name and isinstance(name, str):
            call.name = name
        if not call.started:
            # Clients fail on a first delta without a name: nothing of the call leaves before it is known.
            call.held += text
            if not call.name:
                return b""
            self._templates.clear()
            return self._start(choice, call)
        if not text:
            return b""

        def render(piece: str) -> bytes:
            return self._delta(choice, {"tool_calls": [{"index": call.index, call.kind: {text_key: piece}}]})

        sent.append((text, render))
        return render(text)

    def _find_call(self, choice: _Choice, told: dict[str, Any]) -> _Call:
        key: object = told.get("index")
        upstream_id = told.get("id") if isinstance(told.get("id"), str) else ""
        assert isinstance(upstream_id, str)  # noqa: S101
        if key is None:
            key = upstream_id or (choice.calls[-1].upstream_id or len(choice.calls) - 1 if choice.calls else 0)
        call = choice.by_key.get(key)
        names_another = False
        if call is not None and upstream_id and call.upstream_id and upstream_id != call.upstream_id:
            kind_body = told.get("function") or told.get("custom")
            names_another = isinstance(kind_body, dict) and bool(kind_body.get("name"))
        if call is None or names_another:
            kind = "custom" if told.get("type") == "custom" or "custom" in told else "function"
            call = _Call(len(choice.calls), self._new_call_id(), kind)
            choice.calls.append(call)
            choice.by_key[key] = call
        if upstream_id and not call.upstream_id:
            call.upstream_id = upstream_id
        return call

    def _start(self, choice: _Choice, call: _Call) -> bytes:
        call.started = True
        self.has_output = True
        text_key = "input" if call.kind == "custom" else "arguments"
        first = {
            "index": call.index,
            "id": call.call_id,
            "type": call.kind,
            call.kind: {"name": call.name, text_key: ""},
        }
        out = self._delta(choice, {"tool_calls": [first]})
        held, call.held = call.held, ""
        self.output_bytes += len(held) + len(call.name)
        if held:
            out += self._delta(choice, {"tool_calls": [{"index": call.index, call.kind: {text_key: held}}]})
        return out

    def _finish(self, choice: _Choice, told: object) -> bytes:
        self._templates.clear()
        out = b""
        for call in choice.calls:
            if not call.started:  # its name never came; the client shall see what there is of it
                out += self._start(choice, call)
        choice.finish = finish_reason(told, has_calls=bool(choice.calls))
        return out + self._delta(choice, {}, finish=choice.finish)

    def _delta(
        self,
        choice: _Choice,
        delta: dict[str, Any],
        *,
        finish: str | None = None,
        logprobs: dict[str, Any] | None = None,
    ) -> bytes:
        shown: dict[str, Any] = {"index": choice.index, "delta": delta}
        if logprobs is not None:
            shown["logprobs"] = logprobs
        shown["finish_reason"] = finish
        return self._chunk([shown])

    def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        chunk = {**self._skeleton, "choices": choices}
        if self._include_usage:
            chunk["usage"] = None
        return sse.encode(orjson.dumps({**chunk, **more}))


def _replaced(value: Any, text: str, by: str) -> Any:
    """Return a copy of parsed JSON in which every string equal to ``text`` is another."""
    if isinstance(value, str):
        return by if value == text else value
    if isinstance(value, dict):
        return {key: _replaced(inner, text, by) for key, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner, text, by) for inner in value]
    return value


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _no_usage() -> dict[str, int]:
    return {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
