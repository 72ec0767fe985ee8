"""What a worker says on a connection, byte for byte: real sockets, an application of a few lines."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import gevent
import gevent.event
import gevent.socket
import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger

from service.process import server_errors
from service.process.gateway_worker import GatewayWorker, _Address
from service.process.request_head import MOST_BYTES
from service.process.waits import Waits

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
GET = b"GET /a HTTP/1.1\r\nHost: a\r\n"


class Loaded:
    """What gunicorn hands a worker to load."""

    def __init__(self, app: App) -> None:
        self._app = app

    def wsgi(self) -> App:
        return self._app


class Client:
    """A connection to a worker, and how often the worker's side was written to."""

    def __init__(self, worker: GatewayWorker) -> None:
        self._worker = worker
        self._listener = gevent.socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        name = self._listener.getsockname()
        self._socket = gevent.socket.create_connection(name, timeout=5)
        theirs, address = self._listener.accept()
        self._serving = gevent.spawn(worker.handle, _Address(name), theirs, address)

    def another(self) -> Client:
        """A further connection to the same worker."""
        return Client(self._worker)

    def send(self, sent: bytes) -> None:
        self._socket.sendall(sent)

    def next(self) -> bytes:
        """What comes in one piece."""
        return self._socket.recv(1_000_000)

    def rest(self) -> bytes:
        """All that comes until the worker closes."""
        pieces = []
        while piece := self.next():
            pieces.append(piece)
        return b"".join(pieces)

    def wait_for_end(self) -> None:
        """Return when the worker has closed the connection, whatever nobody has read of it."""
        self._serving.get(timeout=5)

    def close(self) -> None:
        self._socket.close()
        self._listener.close()
        self._serving.join(5)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Make a worker of an application, and a client of that."""
    monkeypatch.setattr("gunicorn.util.write_error", server_errors.write_error)

    @contextmanager
    def client(app: App, **state: Any) -> Iterator[Client]:
        config = Config()
        for name, value in {"keepalive": 5, "limit_request_field_size": 16_380, "forwarded_allow_ips": ""}.items():
            config.set(name, value)
        worker = GatewayWorker(1, os.getppid(), [], Loaded(app), 30, config, Logger(config))
        worker.load_wsgi()
        for name, value in state.items():
            setattr(worker, name, value)
        made = Client(worker)
        try:
            yield made
        finally:
            made.close()
            worker.tmp.close()

    return client


def echo(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with what came."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    told = [environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("HTTP_A"), environ["wsgi.input"].read(length)]
    body = repr(told).encode()
    start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def stream(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answer in pieces, of which one is empty."""
    start("200 OK", [("Content-Type", "text/event-stream")])

    def pieces() -> Iterator[bytes]:
        for piece in (b"one", b"", b"two"):
            yield piece
            gevent.sleep(0.05)

    return pieces()


def head_of(answer: bytes) -> dict[str, str]:
    lines = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    return {"": lines[0]} | dict(line.split(": ", 1) for line in lines[1:])


def test_whole_answer_comes_in_one_piece_and_the_connection_stays(answers: Any) -> None:
    with answers(echo) as client:
        for _ in range(2):
            client.send(GET + b"A: b\r\nA: c\r\n\r\n")
            answer = client.next()
            assert answer.endswith(b"\r\n\r\n['GET', '/a', 'b,c', b'']")
            head = head_of(answer)
            assert (head[""], head["Connection"], head["Server"]) == ("HTTP/1.1 200 OK", "keep-alive", "gunicorn")
            assert head["Date"].endswith(" GMT")


def test_stream_is_sent_piece_by_piece_the_first_with_the_head(answers: Any) -> None:
    with answers(stream) as client:
        client.send(GET + b"\r\n")
        first = client.next()
        assert head_of(first)["Transfer-Encoding"] == "chunked"
        assert first.endswith(b"\r\n\r\n3\r\none\r\n")
        assert client.next() == b"3\r\ntwo\r\n"
        assert client.next() == b"0\r\n\r\n"
        client.send(GET + b"Connection: close\r\n\r\n")
        assert client.rest().endswith(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


def test_client_of_the_old_version_gets_the_stream_unframed_and_then_the_end(answers: Any) -> None:
    with answers(stream) as client:
        client.send(b"GET /a HTTP/1.0\r\n\r\n")
        answer = client.rest()
        assert (head_of(answer)[""], head_of(answer)["Connection"]) == ("HTTP/1.0 200 OK", "close")
        assert answer.endswith(b"\r\n\r\nonetwo")


def test_head_has_the_headers_alone(answers: Any) -> None:
    with answers(echo) as client:
        client.send(b"HEAD /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        first, _, second = client.rest().partition(b"\r\n\r\n")
        assert int(head_of(first)["Content-Length"]) > 0
        assert second.startswith(b"HTTP/1.1 200 OK\r\n")


def test_client_that_waits_for_a_word_before_its_body_gets_it(answers: Any) -> None:
    with answers(echo) as client:
        client.send(b"POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert client.next() == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"xyz")
        assert client.next().endswith(b"['POST', '/a', None, b'xyz']")


@pytest.mark.parametrize("options", ["keep-alive, Close", "te\r\nConnection: close"])
def test_client_that_wants_the_connection_closed_among_other_options_gets_that(answers: Any, options: str) -> None:
    with answers(echo) as client:
        client.send(GET + f"Connection: {options}\r\n\r\n".encode() + GET + b"\r\n")
        answer = client.rest()
        assert head_of(answer)["Connection"] == "close"
        assert answer.count(b"HTTP/1.1 ") == 1


def test_worker_that_ends_says_so(answers: Any) -> None:
    with answers(echo, alive=False) as client:
        client.send(GET + b"\r\n")
        assert head_of(client.rest())["Connection"] == "close"


@pytest.mark.parametrize("header", [("A b", "c"), ("A", "b\r\nSet-Cookie: c=d"), ("A", "\x00")])
def test_header_that_would_break_the_answer_is_a_fault_of_ours(answers: Any, header: tuple[str, str]) -> None:
    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [header])
        return []

    with answers(app) as client:
        client.send(GET + b"\r\n")
        answer = client.rest()
        assert answer.startswith(b"HTTP/1.1 500 ")
        assert b"Set-Cookie" not in answer


def test_stream_that_fails_is_cut_without_the_mark_of_its_end(answers: Any) -> None:
    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [])
        yield b"one"
        raise ValueError

    with answers(app) as client:
        client.send(GET + b"\r\n")
        assert client.rest().endswith(b"3\r\none\r\n")


def test_answer_shorter_than_it_says_is_the_connections_last(answers: Any) -> None:
    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [("Content-Length", "9")])
        return [b"one"]

    with answers(app) as client:
        client.send((GET + b"\r\n") * 2)
        assert client.rest().endswith(b"\r\n\r\none")


def test_headers_of_our_own_are_not_the_applications_to_set(answers: Any) -> None:
    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("204 No Content", [("Server", "x"), ("Transfer-Encoding", "chunked"), ("Content-Length", "0")])
        return []

    with answers(app) as client:
        client.send(GET + b"\r\n")
        head = head_of(client.next())
        assert head["Server"] == "gunicorn"
        assert not {"Transfer-Encoding", "Content-Length"} & set(head)


def test_head_that_comes_byte_by_byte_is_understood(answers: Any) -> None:
    with answers(echo) as client:
        for byte in b"\r\n" + GET + b"A: b\r\n\r\n":
            client.send(bytes([byte]))
            gevent.sleep(0)
        assert client.next().endswith(b"['GET', '/a', 'b', b'']")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (GET + b"A: b\n", 400),
        (b"GET /a HTTP/1.1\n", 400),
        (b"GET /a HTTP/1.1\r\nA: b\r\n\r\n", 400),
        (b"GET /" + b"a" * 9000, 414),
        (GET + b"".join(b"A%d: %s\r\n" % (number, b"b" * 4000) for number in range(9)), 431),
        (GET + b"A: b\r\n" * 101 + b"\r\n", 431),
        (GET + b"A: " + b"b" * 16_400 + b"\r\n\r\n", 431),
    ],
)
def test_head_that_can_no_longer_become_right_is_refused_at_once(answers: Any, sent: bytes, status: int) -> None:
    with answers(echo) as client:
        client.send(sent)
        answer = client.next()
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["type"] == "invalid_request_error"


def test_large_head_and_the_body_behind_it_are_understood(answers: Any) -> None:
    head = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\nA: " + b"b" * 16_350 + b"\r\nB: "
    head += b"c" * (MOST_BYTES - len(head))
    with answers(echo) as client:
        client.send(head + b"\r\n\r\n" + b"d" * 50_000)
        assert client.next().startswith(b"HTTP/1.1 200 ")


def answered_between(answers: Any, sent: bytes, count: int) -> int:
    """Send ``count`` requests at once; return how often the loop turned between the first and the last."""
    loop = gevent.get_hub().loop
    began: list[int] = []
    all_began = gevent.event.Event()

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        began.append(loop.iteration)
        if len(began) == count:
            all_began.set()
        start("200 OK", [("Content-Length", "0")])
        return []

    with answers(app) as client:
        sending = gevent.spawn(client.send, sent)
        assert all_began.wait(10)
        sending.kill()
    return began[-1] - began[0]


def test_others_get_their_turn_between_requests_that_come_at_once(answers: Any) -> None:
    assert answered_between(answers, (GET + b"\r\n") * 100, 100) >= 99


@pytest.mark.parametrize(
    "framed",
    [
        b"Content-Length: 1000000\r\n\r\n" + b"x" * 1_000_000,
        b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n",
    ],
)
def test_others_get_their_turn_while_a_body_is_passed_over(answers: Any, framed: bytes) -> None:
    assert answered_between(answers, GET + framed + GET + b"\r\n", 2) >= 10


def test_body_that_nobody_read_is_no_request_and_its_fault_no_answer(answers: Any) -> None:
    with answers(stream) as client:
        client.send(GET + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + GET + b"\r\n")
        assert client.rest().count(b"HTTP/1.1 ") == 1


BODY_TO_COME = GET.replace(b"GET", b"POST") + b"Content-Length: 4\r\n\r\n"


def test_body_that_does_not_come_makes_room_for_the_next(answers: Any) -> None:
    with answers(echo, _body_waits=Waits(None, most=1)) as slow, closing(slow.another()) as other:
        slow.send(BODY_TO_COME + b"a")
        gevent.sleep(0.02)
        other.send(BODY_TO_COME + b"abc")
        assert slow.rest() == b""
        other.send(b"d")
        assert other.next().endswith(b"b'abcd']")


def test_connections_at_rest_and_whole_bodies_take_no_room_from_bodies_to_come(answers: Any) -> None:
    with answers(echo, _body_waits=Waits(None, most=1)) as slow, closing(slow.another()) as quick:
        slow.send(BODY_TO_COME + b"a")
        for _ in range(2):
            quick.send(BODY_TO_COME + b"abcd")
            assert quick.next().endswith(b"b'abcd']")
        slow.send(b"bcd")
        assert slow.next().endswith(b"b'abcd']")


def test_answer_that_nobody_takes_makes_room_for_the_next_and_is_closed(answers: Any) -> None:
    ended = []

    def endless(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [("Content-Type", "text/event-stream")])

        def pieces() -> Iterator[bytes]:
            try:
                while True:
                    yield b"a" * 1_000_000
            finally:
                ended.append(environ["PATH_INFO"])

        return pieces()

    with answers(endless, _answer_waits=Waits(None, most=1)) as first, closing(first.another()) as second:
        for client, path in ((first, b"/first"), (second, b"/second")):
            client.send(GET.replace(b"/a", path) + b"\r\n")
            gevent.sleep(0.1)
        first.wait_for_end()
        assert ended == ["/first"]
