"""The demo upstream as a process: start and end, its journal, clients that leave, many streams at once."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
import requests

from tests.demo_upstream.conftest import Ask
from tests.harness.demo import Demo
from tests.harness.processes import ROOT, Processes, wait_until

COMMAND = [sys.executable, "-m", "demo_upstream", "--port", "0", "--exit-with-stdin", "--log"]
Journal = Callable[[], list[dict[str, Any]]]


@contextlib.contextmanager
def started(processes: Processes) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    pipe = subprocess.PIPE
    process = processes.start(COMMAND, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().decode()
    finally:
        processes.stop(process)


def request_bytes(text: str) -> bytes:
    message = {"role": "user", "content": text}
    body = json.dumps({"model": "m", "stream": True, "messages": [message]}).encode()
    return b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )


def connect(origin: str) -> socket.socket:
    host, _, port = origin.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def test_it_prints_its_address_and_ends_with_its_standard_input(processes: Processes) -> None:
    with started(processes) as (process, line):
        assert line.startswith("demo upstream on http://127.0.0.1:")
        assert line.endswith("/v1\n")
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(5) == 0


def test_sigterm_ends_it_at_once_with_streams_under_way(processes: Processes) -> None:
    with started(processes) as (process, line), connect(line.split()[-1].removesuffix("/v1")) as sock:
        sock.sendall(request_bytes("[[silence 60@1]]"))
        assert sock.recv(65536)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        assert time.monotonic() - began < 1


def test_taken_port_is_told_in_one_line(demo: Demo) -> None:
    port = demo.origin.rpartition(":")[2]
    command = [sys.executable, "-m", "demo_upstream", "--port", port]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=10, check=False)
    assert ended.returncode == 1
    assert ended.stderr == f"demo upstream: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_log_has_one_line_a_request(processes: Processes) -> None:
    with started(processes) as (process, line):
        message = {"role": "user", "content": "x"}
        url = line.split()[-1] + "/chat/completions"
        assert requests.post(url, json={"model": "m", "messages": [message]}, timeout=5).ok
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"POST /v1/chat/completions complete, 0 events, ")


@pytest.mark.parametrize("words", ["[[delay 60]]", "[[wait 60]]", "[[silence 60@1]]", "[[endless]]"])
def test_client_that_leaves_is_noticed_within_two_seconds(demo: Demo, journal: Journal, words: str) -> None:
    with connect(demo.origin) as sock:
        sock.sendall(request_bytes(words))
        wait_until("the request is under way", lambda: demo.open()["open"])
    wait_until("it was noticed", lambda: journal()[-1]["outcome"] == "client_gone", timeout_s=2)
    assert journal()[-1]["ended"] is not None


def test_client_that_leaves_a_whole_answer_is_noticed_too(demo: Demo, journal: Journal) -> None:
    message = {"role": "user", "content": "[[silence 60]]"}
    with pytest.raises(requests.RequestException):
        requests.post(demo.base_url + "/chat/completions", json={"model": "m", "messages": [message]}, timeout=0.2)
    wait_until("it was noticed", lambda: journal()[-1]["outcome"] == "client_gone", timeout_s=2)


def test_journal_tells_what_was_asked_and_how_it_ended(ask: Ask, journal: Journal) -> None:
    ask("[[tokens 3]]", temperature=0.5)
    ask("[[reset 1]]")
    complete, cut = journal()
    assert complete["headers"]["host"] == "127.0.0.1"
    assert complete["body"]["temperature"] == 0.5
    assert complete["body_size"] > 50
    assert (complete["outcome"], complete["events"]) == ("complete", 5)
    assert complete["started"] <= complete["ended"] <= time.time()
    assert cut["outcome"] == "cut"


def test_journal_keeps_the_last_200_and_no_long_bodies(demo: Demo, journal: Journal) -> None:
    with requests.Session() as session:
        for n in range(202):
            content = "x" * 70_000 if n == 201 else str(n)
            body = {"model": "m", "messages": [{"role": "user", "content": content}]}
            assert session.post(demo.base_url + "/chat/completions", json=body, timeout=5).ok
    kept = journal()
    assert len(kept) == 200
    assert kept[0]["body"]["messages"][0]["content"] == "2"
    assert (kept[-1]["body"], kept[-1]["body_size"] > 70_000) == (None, True)


def test_connections_are_reused_and_requests_may_follow_each_other(demo: Demo) -> None:
    with connect(demo.origin) as sock:
        sock.sendall(request_bytes("[[reply one]]") + request_bytes("[[reply two]] [[silence 0.2]]"))
        seen = b""
        while seen.count(b"\r\n0\r\n\r\n") < 2:
            seen += sock.recv(65536)
    assert seen.index(b'"one"') < seen.index(b'"two"')


def test_chunked_request_bodies_are_read(demo: Demo) -> None:
    body = iter([b'{"model": "m", "mess', b'ages": [{"role": "user", "content": "[[reply ok]]"}]}'])
    answer = requests.post(demo.base_url + "/chat/completions", data=body, timeout=5)
    assert answer.json()["choices"][0]["message"]["content"] == "ok"


def test_http_1_0_clients_get_a_stream_that_ends_with_the_connection(demo: Demo) -> None:
    with connect(demo.origin) as sock:
        sock.sendall(request_bytes("[[reply ok]]").replace(b"HTTP/1.1", b"HTTP/1.0"))
        seen = b""
        while data := sock.recv(65536):
            seen += data
    assert b"transfer-encoding" not in seen.lower()
    assert seen.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"POST /v1/responses HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"400"),
        (b"POST /v1/responses HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n", b"413"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, b"431"),
    ],
)
def test_what_is_no_http_is_refused(demo: Demo, raw: bytes, status: bytes) -> None:
    with connect(demo.origin) as sock:
        sock.sendall(raw)
        assert sock.recv(65536).startswith(b"HTTP/1.1 " + status)


def test_long_answers_are_not_held_in_memory(processes: Processes) -> None:
    with started(processes) as (process, line), connect(line.split()[-1].removesuffix("/v1")) as sock:
        sock.sendall(request_bytes("[[tokens 60000]] [[burst]]"))
        before = psutil.Process(process.pid).memory_info().rss
        size, tail = 0, b""
        while not tail.endswith(b"\r\n0\r\n\r\n"):
            data = sock.recv(1 << 20)
            size, tail = size + len(data), (tail + data)[-10:]
        assert size > 10_000_000
        assert psutil.Process(process.pid).memory_info().rss - before < 3_000_000


def test_three_hundred_silent_streams_are_held_at_once(demo: Demo) -> None:
    with contextlib.ExitStack() as held:
        socks = [held.enter_context(connect(demo.origin)) for _ in range(300)]
        for sock in socks:
            sock.sendall(request_bytes("[[silence 1@1]] [[reply ok]]"))
        wait_until("all are under way", lambda: demo.open()["open"] == 300)
        for sock in socks:
            seen = b""
            while not seen.endswith(b"\r\n0\r\n\r\n"):
                data = sock.recv(65536)
                assert data, "a stream was cut"
                seen += data
    assert demo.open()["open"] == 0
