"""The log line of a request, where nobody takes it any more."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from middleware.request_log import RequestLog


def serve(log: RequestLog) -> bytes:
    """One request, as a server handles it."""
    environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "PATH_INFO": "/"}
    body = log(environ, lambda *_: lambda _: None)
    try:
        return b"".join(body)
    finally:
        body.close()  # type: ignore[attr-defined]


def app(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b"hello"]


def closed(_line: bytes) -> None:
    raise OSError(errno.EBADF, "Bad file descriptor")


def test_closed_standard_output_breaks_no_answer_and_is_told_once(capfd: pytest.CaptureFixture[str]) -> None:
    log = RequestLog(app, closed)
    assert [serve(log) for _ in range(3)] == [b"hello"] * 3
    assert capfd.readouterr().err.count("Bad file descriptor") == 1


def test_closed_standard_error_breaks_no_answer_either(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed:
        def write(self, _text: str) -> int:
            raise OSError(errno.EBADF, "Bad file descriptor")

        def flush(self) -> None:
            pass

    monkeypatch.setattr("sys.stderr", Closed())
    assert serve(RequestLog(app, closed)) == b"hello"


def test_fault_of_the_answer_itself_is_not_hidden() -> None:
    def broken(_environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])

        class Body:
            def __iter__(self) -> Any:
                return iter([b"hello"])

            def close(self) -> None:
                raise OSError("the answer's own")

        return Body()

    with pytest.raises(OSError, match="the answer's own"):
        serve(RequestLog(broken, closed))
