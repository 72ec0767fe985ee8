"""Chat streams of upstreams of every make, as the client gets them."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprints.api_v1.errors import GatewayError, UpstreamError, UpstreamIncomplete
from blueprints.api_v1.sse import EventSplitter
from blueprints.api_v1.translation import chat_over_chat
from blueprints.api_v1.translation.chunk_templates import ChunkTemplates
from tests.translation.recorded import NAMES, chunks_of, new_translator, recorded, said, translated

TEXT = "Hello world, this is text."
FOREIGN = ["AbC123", "backend", "fp_", "Secret", "secret", "c2VjcmV0", "c2ln", "1790000000", "cost", "provider", "1234"]


class NoTemplates(ChunkTemplates):
    """Every chunk is parsed."""

    def fill(self, chunks: list[bytes], start: int) -> tuple[int, bytes, int]:
        return 0, b"", 0


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}).encode()


# -- the same bytes, however they come and whichever way they are translated


@pytest.mark.parametrize("name", NAMES)
def test_cutting_the_stream_at_any_byte_changes_nothing(name: str) -> None:
    stream = recorded(name)
    whole = translated([stream], include_usage=True)
    assert translated([stream[i : i + 1] for i in range(len(stream))], include_usage=True) == whole
    for place in range(1, len(stream), 17):
        assert translated([stream[:place], stream[place:]], include_usage=True) == whole


@pytest.mark.parametrize("name", NAMES)
def test_chunks_taken_over_as_bytes_are_what_parsing_gives(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = recorded(name)
    fast = translated([stream], include_usage=True)
    monkeypatch.setattr(chat_over_chat, "ChunkTemplates", NoTemplates)
    assert translated([stream], include_usage=True) == fast


@given(st.lists(st.text(), min_size=1, max_size=30), st.booleans(), st.booleans())
@settings(max_examples=200)
def test_any_texts_come_out_alike_as_bytes_and_parsed(texts: list[str], ascii_only: bool, spaced: bool) -> None:
    def dumped(value: object) -> bytes:
        return json.dumps(value, ensure_ascii=ascii_only, separators=None if spaced else (",", ":")).encode()

    events = [dumped({"choices": [{"index": 0, "delta": {"content": text}}]}) for text in texts]
    told = []
    for templates in (ChunkTemplates(), NoTemplates()):
        for pieces in ([[event] for event in events], [events[:3], events[3:]]):
            translator = new_translator()
            translator._templates = templates
            out = b"".join(map(translator.feed, pieces)) + translator.feed([chunk({}, "stop")]) + translator.finish()
            told.append((out, translator.output_bytes))
    assert told == [told[0]] * 4
    assert said(told[0][0])[0].content == "".join(texts)


def test_most_chunks_of_a_plain_stream_are_taken_over_as_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes] = []
    parse = chat_over_chat.ChatOverChat._parsed

    def counting(self: chat_over_chat.ChatOverChat, data: bytes, out: bytearray) -> None:
        parsed.append(data)
        parse(self, data, out)

    monkeypatch.setattr(chat_over_chat.ChatOverChat, "_parsed", counting)
    translator = new_translator()
    for number in range(500):
        translator.feed([chunk({"content": f"word {number}"})])
    assert len(parsed) < 5


@pytest.mark.parametrize("broken", [b'a"b', b"a\\", b"a\nb", b"\xff\xfe", b"\\x41", b"\\ud800", b'","index":1,"x":"'])
def test_chunk_with_a_broken_text_never_passes_as_bytes(broken: bytes) -> None:
    translator = new_translator()
    for word in ("one", "two", "three"):
        translator.feed([chunk({"content": word})])
    data = chunk({"content": "@"}).replace(b"@", broken)
    out = b""
    try:
        out = translator.feed([data])
        translator.finish()
    except UpstreamError:
        pass
    if out:
        [told] = [json.loads(event[6:]) for event in out.split(b"\n\n") if event]
        assert told["choices"][0]["index"] == 0
        assert told["choices"][0]["delta"].keys() == {"content"}


# -- what recorded streams say


@pytest.mark.parametrize("name", [name for name in NAMES if name != "text_repeats_other_fields.sse"])
def test_nothing_of_the_upstream_shows(name: str) -> None:
    out = translated([recorded(name)], include_usage=True).decode()
    assert [word for word in FOREIGN if word in out] == []
    for told in chunks_of(out.encode()):
        assert told["id"] == "chatcmpl-ours"
        assert told["created"] == 1_800_000_000
        assert told["model"] == "smart-route"
        assert told["object"] == "chat.completion.chunk"


@pytest.mark.parametrize(
    "name",
    [
        "openai_text.sse",
        "usage_every_chunk.sse",
        "role_every_chunk.sse",
        "crlf.sse",
        "cr_bom.sse",
        "deepseek_reasoning.sse",
        "openrouter_reasoning.sse",
    ],
)
def test_text_arrives_whole_with_a_finish_reason(name: str) -> None:
    choice = said(translated([recorded(name)]))[0]
    assert choice.content == TEXT
    assert choice.finish == "stop"


@pytest.mark.parametrize(
    ("name", "thought"),
    [
        ("deepseek_reasoning.sse", "First I think."),
        ("openrouter_reasoning.sse", "Let me see"),
        ("mistral_thinking.sse", "Hm so"),
    ],
)
def test_reasoning_has_one_name_whatever_the_upstream_calls_it(name: str, thought: str) -> None:
    assert said(translated([recorded(name)]))[0].reasoning == thought


@pytest.mark.parametrize("name", ["characters_raw.sse", "characters_escaped.sse"])
def test_odd_characters_arrive_unchanged(name: str) -> None:
    content = said(translated([recorded(name)]))[0].content
    for odd in ["\u2028", "\u2029", "😀", "\u0000\u001f", "data: fake\n\ndata: [DONE]\n\n", 'quote " and \\']:
        assert content.count(odd) == 2


@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("tools_interleaved.sse", [("get_weather", '{"city":"Paris"}'), ("get_time", '{"zone":"CET"}')]),
        ("tools_fragments.sse", [("write", '{"text":"one two three \\"quoted\\" four"}')]),
        ("tools_no_index.sse", [("first", '{"a":123}'), ("second", '{"b":2}')]),
        ("gemini_same_index.sse", [("first", '{"a":1}'), ("second", '{"b":2}'), ("second", '{"b":3}')]),
        ("ollama_objects.sse", [("first", '{"a":{"deep":[1,2]}}'), ("second", "{}")]),
        ("tools_repeated_names.sse", [("write", '{"text":"aabbcc"}')]),
        ("custom_tool.sse", [("apply_patch", "*** Begin\n more lines\n")]),
    ],
)
def test_tool_calls_are_numbered_named_and_given_ids_of_our_own(name: str, calls: list[tuple[str, str]]) -> None:
    choice = said(translated([recorded(name)]))[0]
    assert [(call["name"], call["text"]) for call in choice.calls.values()] == calls
    assert [call["id"] for call in choice.calls.values()] == [f"call_ours{n + 1}" for n in range(len(calls))]
    assert choice.finish == "tool_calls"


def test_logprobs_pass_with_their_allowed_keys() -> None:
    tokens = [
        token
        for told in chunks_of(translated([recorded("logprobs.sse")]))
        for token in (told["choices"][0].get("logprobs") or {}).get("content") or []
    ]
    assert [token["token"] for token in tokens] == ["Hello", " world", ",", " this"]
    assert all(token.keys() == {"token", "logprob", "bytes", "top_logprobs"} for token in tokens)


def test_refusal_and_old_function_calls_pass() -> None:
    assert said(translated([recorded("refusal.sse")]))[0].refusal == "I will not."
    out = translated([recorded("legacy_function.sse")])
    fragments = [told["choices"][0]["delta"].get("function_call") for told in chunks_of(out)]
    assert "".join(part["arguments"] for part in fragments if part) == '{"a":1}'
    assert chunks_of(out)[-1]["choices"][0]["finish_reason"] == "function_call"


def test_text_after_a_choice_has_finished_is_dropped() -> None:
    choices = said(translated([recorded("two_choices.sse")]))
    assert choices[0].content == "Hello world,"
    assert choices[1].content == "Hello world, more still!"
    assert (choices[0].finish, choices[1].finish) == ("stop", "length")


# -- usage


@pytest.mark.parametrize(
    ("name", "prompt", "completion"),
    [("openai_text.sse", 12, 6), ("usage_every_chunk.sse", 5, 7), ("deepseek_reasoning.sse", 12, 6)],
)
def test_usage_comes_once_in_a_chunk_of_its_own_and_only_when_asked(name: str, prompt: int, completion: int) -> None:
    *others, last = chunks_of(translated([recorded(name)], include_usage=True))
    assert last["choices"] == []
    assert (last["usage"]["prompt_tokens"], last["usage"]["completion_tokens"]) == (prompt, completion)
    assert all(told["usage"] is None and told["choices"] for told in others)
    assert all("usage" not in told and told["choices"] for told in chunks_of(translated([recorded(name)])))


# -- beginnings and ends


def test_nothing_is_given_out_before_the_first_output() -> None:
    translator = new_translator()
    assert translator.feed([chunk({"role": "assistant", "content": ""}), chunk({"content": None})]) == b""
    assert not translator.has_output
    out = translator.feed([chunk({"content": "x"})])
    assert translator.has_output
    assert out.count(b"data: ") == 2


def test_restart_forgets_the_failed_attempt() -> None:
    translator = new_translator()
    translator.feed([chunk({"role": "assistant"}), b'{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":9}}'])
    translator.restart()
    out = translator.feed([chunk({"role": "assistant", "content": "y"}), chunk({}, "stop"), b"[DONE]"])
    assert said(out + translator.finish())[0].content == "y"
    assert translator.tokens() is None


def test_stream_that_just_stops_is_incomplete() -> None:
    translator = new_translator()
    translator.feed([chunk({"content": "x"})])
    with pytest.raises(UpstreamIncomplete):
        translator.finish()


def test_stream_that_stops_between_two_choices_is_incomplete() -> None:
    def of(index: int) -> list[bytes]:
        choices = [{"index": index, "delta": {"content": "x"}}, {"index": index, "delta": {}, "finish_reason": "stop"}]
        return [json.dumps({"choices": [choice]}).encode() for choice in choices]

    translator = new_translator(n=2)
    out = translator.feed(of(0))
    assert not translator.has_finished
    with pytest.raises(UpstreamIncomplete):
        translator.finish()
    out += translator.feed(of(1))
    assert translator.has_finished
    assert sorted(said(out + translator.finish())) == [0, 1]


def test_upstream_that_gives_fewer_choices_than_asked_for_may_say_that_it_is_done() -> None:
    translator = new_translator(n=3)
    out = translator.feed([chunk({"content": "x"}), chunk({}, "stop"), b"[DONE]"])
    assert sorted(said(out + translator.finish())) == [0]


def test_end_with_neither_output_nor_finish_reason_is_a_broken_answer() -> None:
    for events in ([], [b"[DONE]"], [chunk({"role": "assistant"}), b"[DONE]"], [b'{"choices":[]}', b"[DONE]"]):
        translator = new_translator()
        translator.feed(events)
        with pytest.raises(UpstreamError) as caught:
            translator.finish()
        assert not isinstance(caught.value, UpstreamIncomplete)


def test_missing_finish_reason_before_done_becomes_stop_and_a_missing_done_does_no_harm() -> None:
    translator = new_translator()
    out = translator.feed([chunk({"content": "x"}), b"[DONE]"]) + translator.finish()
    assert said(out)[0].finish == "stop"
    translator = new_translator()
    out = translator.feed([chunk({"content": "x"}), chunk({}, "length")]) + translator.finish()
    assert said(out)[0].finish == "length"


def test_empty_answer_with_a_finish_reason_is_a_normal_one() -> None:
    translator = new_translator()
    assert translator.feed([chunk({"role": "assistant"}), chunk({}, "stop"), b"[DONE]"]) == b""
    assert said(translator.finish())[0].finish == "stop"


@pytest.mark.parametrize(
    "trouble",
    [
        b'{"error":{"message":"backend","code":500}}',
        b'{"error":"backend"}',
        b'{"object":"error","message":"backend"}',
        b'[{"error":{"message":"backend"}}]',
        b'{"choices":[{"index":0,"delta":{},"finish_reason":"error"}]}',
        b"not json",
        b"null",
        b"[]",
        b'"text"',
    ],
)
def test_error_in_any_form_keeps_what_came_before_it_and_ends_the_stream(trouble: bytes) -> None:
    translator = new_translator()
    with pytest.raises(UpstreamError):
        translator.feed([chunk({"content": "a"}), trouble])  # nothing has left: another route may be tried
    translator.restart()
    out = translator.feed([chunk({"content": "a"})]) + translator.feed([chunk({"content": "b"}), trouble])
    assert b'"b"' in out
    assert translator.is_done
    with pytest.raises(UpstreamError) as caught:
        translator.finish()
    assert b"backend" not in translator.fail(caught.value)


KEYS = [
    *("choices", "delta", "index", "content", "tool_calls", "function", "name", "arguments", "id", "type", "custom"),
    *("finish_reason", "usage", "error", "prompt_tokens", "logprobs", "reasoning", "annotations", "audio", "text"),
    *("function_call", "refusal", "thinking", "object", "message", "url_citation", "completion_tokens", "input"),
]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.lists(
        st.builds(
            lambda delta, reason: {"choices": [{"delta": delta, "finish_reason": reason}]}, JSON_VALUES, JSON_VALUES
        )
        | JSON_VALUES,
        max_size=4,
    )
)
@settings(max_examples=300)
def test_whatever_an_upstream_sends_is_an_answer_or_an_upstream_error(events: list[Any]) -> None:
    translator = new_translator(include_usage=True)
    try:
        out = translator.feed([json.dumps(event).encode() for event in events]) + translator.finish()
    except UpstreamError:
        return
    assert chunks_of(out)


def test_fail_ends_a_stream_in_openais_shape() -> None:
    error, done, _ = new_translator().fail(GatewayError()).split(b"\n\n")
    assert json.loads(error[6:])["error"].keys() == {"message", "type", "param", "code"}
    assert done == b"data: [DONE]"


def test_splitter_and_translator_keep_no_more_of_a_long_stream_than_of_a_short_one() -> None:
    translator, splitter = new_translator(), EventSplitter()
    event = b"data: " + chunk({"content": "some words of text"}) + b"\n\n"

    def run(events: int) -> int:
        for _ in range(events):
            translator.feed(splitter.feed(event))
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = run(200)
        after = run(20_000)
    finally:
        tracemalloc.stop()
    assert after - before < 10_000
