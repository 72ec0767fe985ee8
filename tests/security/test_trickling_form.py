"""A form of which a byte comes every now and then; it was begun by the tests of broken requests."""

from __future__ import annotations

from concurrent.futures import Future

from middleware.form_time import ARRIVAL_S


def test_form_that_trickles_is_given_up(trickled: Future[tuple[bytes, float]]) -> None:
    answer, took_s = trickled.result(timeout=80)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert ARRIVAL_S - 1 < took_s < 3 * ARRIVAL_S
