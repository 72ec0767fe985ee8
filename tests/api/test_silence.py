"""Silence is bridged by a comment every 15 s, before the header and inside a stream."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from tests.api.client import Api

COMMENT = b": keep-alive\n\n"


def test_comment_bridges_15_seconds_before_the_header_and_inside(api: Api) -> None:
    with ThreadPoolExecutor() as pool:
        before = pool.submit(api.stream, "[[delay 15.6]] [[reply late]]", model="patient")
        inside = pool.submit(api.stream, "[[silence 15.6@4]] [[reply a b c]]", model="patient")
        failing = pool.submit(api.stream, "[[delay 15.6]] [[status 500]]", model="patient")
        started = time.monotonic()
        streams = [before.result(), inside.result(), failing.result()]
    assert time.monotonic() - started < 18
    [(at, first), *_] = streams[0].pieces
    assert (first, 14.9 < at < 15.5) == (COMMENT, True)
    assert (streams[0].status, streams[0].text) == (200, "late")
    [(at, comment)] = [piece for piece in streams[1].pieces if piece[1].startswith(b":")]
    assert (comment, 14.9 < at < 15.5) == (COMMENT, True)
    assert streams[1].text == "a b c"
    # The header has left with the comment, so the failure travels inside the stream and still counts nothing.
    assert streams[2].status == 200
    assert streams[2].error is not None
    assert streams[2].error["code"] == "upstream_error"
    assert streams[2].events[-1] == "[DONE]"
    row = api.row(streams[2].request_id)
    assert (row["status"], row["counted"]) == ("failed", 0)
