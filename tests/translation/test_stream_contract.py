"""What every translation of a stream promises, whichever dialects lie on its two sides (``StreamTranslator``).

An upstream that fails in the middle of what came at once leaves no trace before the first output, where another
route may be tried, and loses nothing after it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import orjson
import pytest

from blueprints.api_v1 import sse
from blueprints.api_v1.errors import UpstreamError
from blueprints.api_v1.translation.chat_over_responses import ChatOverResponses
from blueprints.api_v1.translation.completions_over_chat import plan_completion
from blueprints.api_v1.translation.completions_stream import MergedCompletions
from blueprints.api_v1.translation.native_responses import NativeResponses
from blueprints.api_v1.translation.responses_over_chat import ResponsesOverChat
from blueprints.api_v1.translation.stream_translator import StreamTranslator
from tests.translation import native_wire, recorded, responses_machine, test_completions_stream
from tests.translation.test_chat_over_responses import translator as chat_over_responses

CHAT_ERRORS = [b'{"error":{"message":"BACKEND"}}', b"no JSON", responses_machine.chunk({"content": "!"}, "error")]
NATIVE_ERRORS = [
    b'{"type":"error","error":{"message":"BACKEND"}}',
    b'{"type":"response.failed","response":{"status":"failed","error":{"message":"BACKEND"}}}',
    b"no JSON",
]


@dataclass(frozen=True)
class Kind:
    """One translation: what its upstream sends, and how its client reads."""

    new: Callable[[], StreamTranslator]
    said: Callable[[bytes], str]
    first: Callable[[str], list[bytes]]
    more: Callable[[str], list[bytes]]
    end: list[bytes]
    errors: list[bytes]

    def answer(self, text: str) -> list[bytes]:
        return [*self.first(text), *self.end]


def chat_text(out: bytes) -> str:
    """What a chat client reads; it fails on a stream that is not well formed."""
    *chunks, last = recorded.chunks_of(out)
    if "error" not in last:
        return recorded.said(out)[0].content
    deltas = [choice["delta"] for one in chunks for choice in one["choices"]]
    assert [delta.get("role") for delta in deltas[:1]] in ([], ["assistant"])
    assert not any("role" in delta for delta in deltas[1:])
    return "".join(delta.get("content") or "" for delta in deltas)


def completion_text(out: bytes) -> str:
    """What a client of classic completions reads."""
    *blocks, last, end = out.split(b"\n\n")
    assert (last, end) == (b"data: [DONE]", b"")
    chunks = [orjson.loads(block.removeprefix(b"data: ")) for block in blocks]
    return "".join(choice["text"] for one in chunks for choice in one.get("choices", []))


def responses_text(out: bytes) -> str:
    """What a Responses client reads: numbers without gaps, one beginning, one end that holds what was streamed."""
    events = native_wire.read(out)
    kinds = native_wire.kinds([event for event in events if event["type"] != "keepalive"])
    assert kinds[:2] == ["created", "in_progress"]
    assert kinds.count("created") == kinds.count("in_progress") == 1
    assert [kind for kind in kinds if kind in ("completed", "failed", "incomplete")] == kinds[-1:]
    added = [event["output_index"] for event in events if event["type"] == "response.output_item.added"]
    assert added == list(range(len(added)))
    text = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    output = events[-1]["response"]["output"]
    assert len(output) == len(added)
    assert text == "".join(part["text"] for item in output for part in item["content"])
    return text


def chat_pieces(text: str) -> list[bytes]:
    return responses_machine.text(*text)


def native_more(text: str) -> list[bytes]:
    same = {"content_index": 0, "logprobs": []}
    return native_wire.numbered([native_wire.of_item("output_text.delta", 0, delta=piece, **same) for piece in text])


def native_first(text: str) -> list[bytes]:
    return native_wire.numbered([*native_wire.BEGIN, *native_wire.message(0, list(text))[: 2 + len(text)]])


def native_end() -> list[bytes]:
    return native_wire.numbered([native_wire.completed()])


def completions_over_responses() -> StreamTranslator:
    known = {**test_completions_stream.KNOWN, "include_usage": True}
    chat = ChatOverResponses(**known, new_call_id=str)
    return MergedCompletions(plan_completion({"prompt": "a"}), **known, chat_streams=[chat])


FROM_CHAT = (chat_pieces, chat_pieces, responses_machine.end(), CHAT_ERRORS)
FROM_NATIVE = (native_first, native_more, native_end(), NATIVE_ERRORS)
KINDS = {
    "chat over chat": Kind(recorded.new_translator, chat_text, *FROM_CHAT),
    "Responses over chat": Kind(responses_machine.machine, responses_text, *FROM_CHAT),
    "Responses over Responses": Kind(native_wire.translator, responses_text, *FROM_NATIVE),
    "chat over Responses": Kind(chat_over_responses, chat_text, *FROM_NATIVE),
    "completions over chat": Kind(lambda: test_completions_stream.merged({"prompt": "a"}), completion_text, *FROM_CHAT),
    "completions over Responses": Kind(completions_over_responses, completion_text, *FROM_NATIVE),
}
CASES = [
    pytest.param(kind, error, id=f"{name}, {place}")
    for name, kind in KINDS.items()
    for place, error in enumerate(kind.errors)
]


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize(("kind", "error"), CASES)
def test_next_route_begins_anew_when_output_and_error_came_at_once(kind: Kind, error: bytes, waits: bool) -> None:
    stream = kind.new()
    out = b"".join(stream.keep_alive() for _ in range(2)) if waits else b""
    with pytest.raises(UpstreamError):
        stream.feed([*kind.first("lost"), error])
    stream.restart()
    assert not stream.has_output
    out += stream.feed(kind.answer("Hello")) + stream.finish()
    out = out.removeprefix(sse.KEEP_ALIVE * 2)
    assert kind.said(out) == "Hello"


@pytest.mark.parametrize(("kind", "error"), CASES)
def test_last_route_that_gave_output_and_error_at_once_leaves_an_error_alone(kind: Kind, error: bytes) -> None:
    stream = kind.new()
    with pytest.raises(UpstreamError) as raised:
        stream.feed([*kind.first("lost"), error])
    out = stream.fail(raised.value)
    assert kind.said(out) == ""
    assert b"BACKEND" not in out
    assert b"lost" not in out


@pytest.mark.parametrize(("kind", "error"), CASES)
def test_nothing_that_came_before_an_error_is_lost_after_output(kind: Kind, error: bytes) -> None:
    stream = kind.new()
    out = stream.feed(kind.first("Hello")) + stream.feed([*kind.more(" all"), error, *kind.more("never")])
    assert stream.is_done
    with pytest.raises(UpstreamError) as raised:
        stream.finish()
    out += stream.fail(raised.value)
    assert kind.said(out) == "Hello all" + ("!" if b'"!"' in error else "")
    assert b"BACKEND" not in out


@pytest.mark.parametrize(("kind", "error"), CASES)
def test_error_of_an_earlier_attempt_is_not_raised_again(kind: Kind, error: bytes) -> None:
    stream = kind.new()
    stream.feed(kind.first("Hello"))
    stream.feed([error])
    stream.restart()
    assert not stream.is_done
    stream.feed(kind.answer("Hello"))
    stream.finish()


@pytest.mark.parametrize("said", ["", "Hello"])
@pytest.mark.parametrize("name", ["Responses over chat", "Responses over Responses"])
def test_cancelled_responses_stream_ends_once_with_all_that_came(name: str, said: str) -> None:
    kind = KINDS[name]
    stream = kind.new()
    assert isinstance(stream, ResponsesOverChat | NativeResponses)
    out = (stream.feed(kind.first(said)) if said else b"") + stream.stop()
    assert kind.said(out) == said
    last = native_wire.read(out)[-1]
    assert (last["type"], last["response"]["status"]) == ("response.incomplete", "cancelled")
    assert last["response"] == stream.final_object()
    assert stream.stop() == stream.fail(UpstreamError()) == b""
