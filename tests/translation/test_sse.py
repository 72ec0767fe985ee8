"""Server-sent events in whatever pieces and with whatever line ends they come."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueprints.api_v1 import sse
from blueprints.api_v1.sse import EventSplitter, EventTooLong
from tests.translation.recorded import NAMES, recorded


def split(pieces: list[bytes]) -> list[bytes]:
    splitter = EventSplitter()
    events = [event for piece in pieces for event in splitter.feed(piece)]
    return events + splitter.finish()


def bytes_of(text: bytes) -> list[bytes]:
    return [text[place : place + 1] for place in range(len(text))]


@pytest.mark.parametrize("name", NAMES)
def test_recorded_stream_gives_the_same_events_wherever_it_is_cut(name: str) -> None:
    stream = recorded(name)
    whole = split([stream])
    assert len(whole) > 2
    assert split(bytes_of(stream)) == whole
    for place in range(1, len(stream), 3):
        assert split([stream[:place], stream[place:]]) == whole


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_ends_an_event_as_soon_as_it_has_come(end: bytes) -> None:
    splitter = EventSplitter()
    assert splitter.feed(b'data: {"a":1}' + end + end) == [b'{"a":1}']
    assert splitter.feed(b"data: 2" + end) == []
    assert splitter.feed(end) == [b"2"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_data_lines_of_one_event_are_joined_by_a_line_feed(end: bytes) -> None:
    text = end.join([b"event: chunk", b"data: one", b"id: 7", b"data:two", b"data", b": comment", b"", b""])
    assert split([text]) == [b"one\ntwo\n"]


def test_line_separators_inside_a_text_do_not_end_the_line() -> None:
    data = '{"content":"a\u2028b\u2029c\u0085d\x0be\x0cf"}'.encode()
    assert split([b"data: " + data + b"\n\n"]) == [data]


def test_byte_order_mark_belongs_to_no_field_and_counts_only_at_the_start() -> None:
    text = b"\xef\xbb\xbfdata: 1\n\n\xef\xbb\xbfdata: 2\n\ndata: 3\n\n"
    assert split([text]) == [b"1", b"3"]
    assert split(bytes_of(text)) == [b"1", b"3"]


def test_event_without_data_is_none() -> None:
    assert split([b": comment\n\n\n\nevent: ping\n\ndata:\n\ndata: \n\ndata: x\n\n"]) == [b"x"]


def test_last_event_without_its_blank_line_counts_but_half_a_line_does_not() -> None:
    assert split([b"data: 1\n\ndata: [DONE]\n"]) == [b"1", b"[DONE]"]
    assert split([b'data: 1\n\ndata: {"cut']) == [b"1"]


def test_event_of_a_megabyte_in_small_pieces_is_joined_once() -> None:
    text = b"data: " + b"x" * 1_000_000 + b"\n\n"
    assert split([text[place : place + 1000] for place in range(0, len(text), 1000)]) == [b"x" * 1_000_000]


def test_event_without_an_end_is_given_up() -> None:
    pieces = [b"x" * 65_536] * (sse.MAX_EVENT_BYTES // 65_536 + 1)
    with pytest.raises(EventTooLong):
        split(pieces)


@given(
    datas=st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1), max_size=6),
    ends=st.lists(st.sampled_from([b"\n", b"\r\n", b"\r"]), min_size=1),
    cuts=st.lists(st.integers(0, 400), max_size=12),
)
def test_any_events_with_any_line_ends_in_any_pieces_come_out_whole(
    datas: list[str], ends: list[bytes], cuts: list[int]
) -> None:
    text = b""
    for place, data in enumerate(datas):
        end = ends[place % len(ends)]
        text += b"data: " + data.encode() + end + end
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[start:end] for start, end in pairwise(places)]
    assert split(pieces) == [data.encode() for data in datas]
