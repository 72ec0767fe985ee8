"""A network between a gateway and its database, simulated: a process that passes bytes on a little later."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from types import TracebackType
from typing import Self

from tests.harness.processes import ROOT, Processes

PIECE_BYTES = 64 * 1024


class Distance:
    """A port of this machine that leads to another one, ``there_and_back_ms`` away; ends with its block."""

    def __init__(self, processes: Processes, port: int, there_and_back_ms: float) -> None:
        """Start it in front of ``port``."""
        self._processes = processes
        command = [sys.executable, "-m", "benchmarks.capacity.distance", str(port), str(there_and_back_ms)]
        self._process = processes.start(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._processes.stop(self._process)


async def _serve(port: int, one_way_s: float) -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_pass_on(reader, far_writer, one_way_s), _pass_on(far_reader, writer, one_way_s))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, one_way_s: float) -> None:
    """Write what comes, each piece ``one_way_s`` after it came; pieces keep their order."""
    loop = asyncio.get_running_loop()
    while piece := await reader.read(PIECE_BYTES):
        loop.call_later(one_way_s, writer.write, piece)
    loop.call_later(one_way_s, writer.close)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2]) / 2000))
