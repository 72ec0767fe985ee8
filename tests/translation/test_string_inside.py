"""Texts cut out of several chunks at once are those that would have been cut out of each alone."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueprints.api_v1.translation.string_inside import AS_WRITTEN, MOST_AT_ONCE, WHOLE, is_utf8, texts_between

HEAD, TAIL = b'{"content":"', b'"}'
# Whole texts, and those that only make one together with what follows them.
TEXTS = [b"word", b" ", rb"\n", rb"\u00e9", rb"\/", rb"\ud83d\ude00", "é".encode(), b"100 %"]
BROKEN = [b"", b"\\", b'"', rb"\u00", rb"\ud83d", rb"\ude00", rb"\x", b"\n", "é".encode()[:1], "é".encode()[1:]]
CHUNKS = st.sampled_from([*(HEAD + text + TAIL for text in TEXTS + BROKEN), b"[DONE]", b"", HEAD[:-1] + TAIL])


@pytest.mark.parametrize("pattern", [WHOLE, AS_WRITTEN])
@given(st.lists(CHUNKS, max_size=8), st.integers(0, 8))
def test_a_run_ends_at_the_first_chunk_that_does_not_fit(
    pattern: re.Pattern[bytes], chunks: list[bytes], start: int
) -> None:
    expected = []
    for chunk in chunks[start:]:
        text = chunk[len(HEAD) : -len(TAIL)]
        if chunk != HEAD + text + TAIL or not text or not pattern.fullmatch(text) or not is_utf8(text):
            break
        expected.append(text)
    assert texts_between(HEAD, TAIL, chunks, start, pattern) == expected


@pytest.mark.parametrize("unfinished", BROKEN[1:])
def test_what_one_chunk_leaves_unfinished_the_next_does_not_finish(unfinished: bytes) -> None:
    chunks = [HEAD + text + TAIL for text in (b"a", unfinished, b"b")]
    assert texts_between(HEAD, TAIL, chunks, 0, WHOLE) == [b"a"]


def test_a_run_is_not_looked_at_to_its_end_however_long_it_is() -> None:
    chunks = [HEAD + b"a" + TAIL] * (MOST_AT_ONCE + 1)
    assert len(texts_between(HEAD, TAIL, chunks, 0, WHOLE)) == MOST_AT_ONCE
