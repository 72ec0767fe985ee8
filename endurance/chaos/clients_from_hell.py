"""Thousands of connections that never come to an end, and requests beyond every limit."""

from __future__ import annotations

import gzip
import json
import resource
import subprocess
import sys
import time
import zlib
from typing import Any

import psutil
import zstandard

from endurance import seen
from endurance.chaos.crowd import Crowd, Notes, share, tally
from endurance.chaos.flood import cpu_s_of
from endurance.chaos.hell import KINDS
from endurance.chaos.place import Place, place, told_of
from endurance.chaos.scenario import NotPossible, Stage, scenario
from endurance.clients import Member
from endurance.wire import Gone, Wire
from tests.harness.processes import ROOT

CONNECTIONS = 3_000
HELL_S = 10.0
HEADS_END_S = 12.0
MEMORY_MB = 40.0
GROWTH_MB = 15.0
GONE_S = 6.0
OTHERS_P99_MS = 1_000.0
WORK_P99_MS = 100.0
BOMBS = 5
MB = 1024 * 1024


@scenario(
    "slow-loris",
    "Thousands of connections that never come to an end",
    done=f"One worker, {CONNECTIONS} connections at once for {HELL_S:g} s, twice: silent ones, heads that trickle,"
    " bodies that trickle (with a right token), streams of 600 events at once that nobody reads. Four others"
    " work, on another upstream.",
    expects={
        "all": "The others are served",
        "p99": f"At p99 within {OTHERS_P99_MS / 1000:g} s once all are open",
        "work": f"Of that the worker's own work is {WORK_P99_MS:g} ms at p99 at most",
        "hung-up": f"Silent connections and trickling heads are hung up on within {HEADS_END_S:g} s",
        "gone": "Once they have gone, no connection of theirs is left",
        "memory": f"The second crowd leaves at most {GROWTH_MB:g} MB more memory behind than the first",
        "books": "The books of the others balance",
    },
)
def slow_loris(stage: Stage) -> None:
    """Connections that hold on."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit < CONNECTIONS + 500:
        raise NotPossible(f"this process may open {limit} files; ulimit -n {CONNECTIONS + 1000}")
    with place(stage.processes, upstreams=2) as here:
        bad = here.member("hell@example.org", "apart")
        [worker] = here.gateway.worker_pids()
        with Crowd(here.gateway.port, here.members, run="quiet") as before:
            time.sleep(3)
        memory = [here.gateway.memory_mb()]
        with Crowd(here.gateway.port, here.members, run="beside", meter=lambda: cpu_s_of(worker)) as beside:
            loud: list[tuple[float, float]] = []
            for _ in range(2):
                open_at, told = _hell(stage, here, bad)
                loud.append((open_at, time.monotonic()))
                time.sleep(GONE_S)
                memory.append(here.gateway.memory_mb())
        time.sleep(GONE_S)  # kept connections end
        left = _connections(here)
        others = [each for _, each, _ in beside.notes.short]
        failed = [each for each in others if each.how != seen.COMPLETE]
        stage.check("all", len(others) > 100 and not failed, tally(others), [str(each) for each in failed])
        quiet, busy = _ms(before.notes), [ms for begin, end in loud for ms in _ms(beside.notes, begin, end)]
        stage.check(
            "p99",
            share(busy, 0.99) <= OTHERS_P99_MS,
            f"p50 {share(quiet, 0.5):.1f} → {share(busy, 0.5):.1f} ms,"
            f" p99 {share(quiet, 0.99):.1f} → {share(busy, 0.99):.1f} ms",
        )
        work = [ms for begin, end in loud for ms in _work_ms(beside.notes, begin, end)]
        stage.check(
            "work", share(work, 0.99) <= WORK_P99_MS, f"p50 {share(work, 0.5):.1f} ms, p99 {share(work, 0.99):.1f} ms"
        )
        hung_up, latest = told["hung_up"], told["latest_s"]
        quarter = CONNECTIONS // len(KINDS)
        stage.check(
            "hung-up",
            hung_up["silent"] == hung_up["heads"] == quarter and max(latest["silent"], latest["heads"]) <= HEADS_END_S,
            ", ".join(f"{kind}: {hung_up[kind]} of {quarter}, at most {latest[kind]:.1f} s" for kind in KINDS[:3]),
        )
        stage.check("gone", left == 0, f"{left} left")
        told_mb = " MB, then ".join(f"{each:.0f}" for each in memory)
        stage.check("memory", memory[2] <= memory[1] + GROWTH_MB, f"{told_mb} MB")
        books = here.books([*before.notes.seen, *beside.notes.seen])
        # Streams that nobody read have rows, too; no Seen of ours belongs to them.
        stage.check("books", *told_of([each for each in books if not each.says.startswith("Each row belongs")]))


def _hell(stage: Stage, here: Place, bad: Member) -> tuple[float, dict[str, Any]]:
    """Let them come and go; return when all were open, and what became of them."""
    figures = [str(each) for each in (here.gateway.port, CONNECTIONS, HELL_S)]
    command = [sys.executable, "-m", "endurance.chaos.hell", *figures, bad.token]
    hell = stage.processes.start(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert hell.stdout is not None
    hell.stdout.readline()
    open_at = time.monotonic()
    told: dict[str, Any] = json.loads(hell.stdout.readline())
    stage.processes.stop(hell)
    return open_at, told


def _connections(here: Place) -> int:
    """Return how many clients are connected."""
    open_now = [each for pid in here.gateway.worker_pids() for each in psutil.Process(pid).net_connections("tcp")]
    return sum(each.laddr.port == here.gateway.port and each.status != psutil.CONN_LISTEN for each in open_now)


@scenario(
    "limits",
    "Requests beyond every limit",
    done="One worker, two megabytes of body allowed: large headers, many headers, bodies too large by their length, in"
    " chunks and once they are unpacked (gzip and zstd of a gigabyte), while four others work.",
    expects={
        "told": "Each is answered by the status that fits",
        "next": "A request just within the limits is answered",
        "others": "The others are served, at p99 within 500 ms",
        "memory": f"Afterwards memory is within {MEMORY_MB:g} MB of before",
        "books": "The books balance: what is refused has no row",
    },
)
def limits(stage: Stage) -> None:
    """Too much of everything."""
    with place(stage.processes) as here:
        member = here.member("limits@example.org")
        with Crowd(here.gateway.port, here.members, run="warm") as warm:
            time.sleep(2)
        before = here.gateway.memory_mb()
        bodies = _bodies()
        wrong, asked = [], 0
        with Crowd(here.gateway.port, here.members) as crowd:
            for _ in range(BOMBS):
                for name, (fitting, more, sent) in bodies.items():
                    asked += 1
                    got = _status(here, member, more, sent)
                    if got not in fitting:
                        wrong.append(f"{name}: {got}, not {' or '.join(map(str, fitting))}")
                time.sleep(0.3)
        stage.check("told", not wrong, f"{asked} requests of {len(bodies)} kinds", wrong)
        text = "[[tokens 1]] " + "x" * (2 * MB - 200)
        body = json.dumps({"messages": [{"role": "user", "content": text}]}).encode()
        head = "".join(f"X-{number}: {'y' * 100}\r\n" for number in range(60)) + f"Content-Length: {len(body)}\r\n"
        answered = _status(here, member, head, body)
        stage.check("next", answered == 200, f"{len(body):,} bytes and 60 headers: {answered}")
        others = [each for _, each, _ in crowd.notes.short]
        failed = [each for each in others if each.how != seen.COMPLETE]
        at_p99 = share(_ms(crowd.notes), 0.99)
        stage.check(
            "others", not failed and at_p99 <= 500, f"{tally(others)}; p99 {at_p99:.0f} ms", [str(e) for e in failed]
        )
        time.sleep(2)
        after = here.gateway.memory_mb()
        stage.check("memory", after <= before + MEMORY_MB, f"{before:.0f} MB, then {after:.0f}")
        books = here.books([*warm.notes.seen, *crowd.notes.seen])
        stage.check("books", *told_of([each for each in books if not each.says.startswith("Each row belongs")]))


def _bodies() -> dict[str, tuple[tuple[int, ...], str, bytes]]:
    """Return, under a name: the statuses that fit, the head's further lines, the body."""
    gigabyte = zlib.compressobj(9, wbits=31)
    bomb = b"".join(gigabyte.compress(bytes(MB)) for _ in range(1024)) + gigabyte.flush()
    packer = zstandard.ZstdCompressor().compressobj()
    frozen = b"".join(packer.compress(bytes(MB)) for _ in range(1024)) + packer.flush()
    large = b'{"messages": "' + b"x" * (2 * MB) + b'"}'
    chunks = b"".join(b"%x\r\n%b\r\n" % (65536, b"x" * 65536) for _ in range(40)) + b"0\r\n\r\n"
    twice = gzip.compress(gzip.compress(large))
    return {
        "a header of 64 KB": ((400, 431), f"X-Large: {'y' * 65536}\r\nContent-Length: 2\r\n", b"{}"),
        "200 headers": (
            (400, 431), "".join(f"X-{number}: y\r\n" for number in range(200)) + "Content-Length: 2\r\n", b"{}",
        ),
        "a length beyond the limit": ((413,), f"Content-Length: {len(large)}\r\n", large),
        "a length of 100 GB": ((413,), "Content-Length: 100000000000\r\n", b""),
        "a length that is no number": ((400,), "Content-Length: many\r\n", b""),
        "chunks beyond the limit": ((413,), "Transfer-Encoding: chunked\r\n", chunks),
        "gzip of a gigabyte": ((413,), f"Content-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n", bomb),
        "zstd of a gigabyte": ((413,), f"Content-Encoding: zstd\r\nContent-Length: {len(frozen)}\r\n", frozen),
        "gzip in gzip": ((400,), f"Content-Encoding: gzip\r\nContent-Length: {len(twice)}\r\n", twice),
    }  # fmt: skip


def _status(here: Place, member: Member, head: str, body: bytes) -> int:
    """Return what a request is answered; 0: nothing."""
    line = "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    try:
        wire = Wire(here.gateway.port, patience_s=30)
    except Gone:
        return 0
    try:
        wire.send(f"{line}Authorization: Bearer {member.token}\r\n{head}\r\n".encode() + body)
        return wire.head()[0]
    except Gone:
        return 0
    finally:
        wire.close()


def _work_ms(notes: Notes, begin: float, end: float) -> list[float]:
    return [work * 1000 for sent, _, work in notes.short if begin <= sent < end]


def _ms(notes: Notes, begin: float = 0.0, end: float = float("inf")) -> list[float]:
    return [each.seconds * 1000 for sent, each, _ in notes.short if begin <= sent < end]
