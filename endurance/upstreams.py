"""The upstream's side: three demo upstreams behind profiles with several routes, one of which comes and goes."""

from __future__ import annotations

import contextlib
import random
import sys
import threading
from collections.abc import Iterator

from tests.harness.demo import Demo
from tests.harness.processes import Processes, free_port

AWAY_S = (2.0, 6.0)
"""How long the upstream that comes and goes is away, at least and at most."""

# `north` is never disturbed. `south` fails by words in the prompt, `east` is stopped and started again. Each model
# name has a health of its own; `demo-grim` is that of the alias whose faults clients are to see.
_UPSTREAM = """
[[upstreams]]
name = "{name}"
base_url = "{base_url}"
dialect = "{dialect}"
first_byte_timeout = 20
idle_timeout = 20
answer_timeout = 40
"""
NORTH = '{ upstream = "north", model = "demo-north" }'
ROUTES = {  # weakest first: everybody may ask for the first three by name
    "spread": [
        '{ upstream = "north", model = "demo-north", order = 1 }',
        '{ upstream = "south", model = "demo-south", order = 1 }',
        '{ upstream = "east", model = "demo-east", order = 1 }',
        '{ upstream = "west", model = "demo-west", order = 1 }',
    ],
    "grim": ['{ upstream = "south", model = "demo-grim" }'],
    "doubled": ['{ upstream = "south", model = "demo-south" }', NORTH],
    "smart-route-mini": [NORTH],
    "smart-route": ['{ upstream = "south", model = "demo-south" }', NORTH],
    "smart-route-focus": [NORTH],
    "smart-route-deep": ['{ upstream = "west", model = "demo-west" }', NORTH],
    "smart-route-ultra": ['{ upstream = "east", model = "demo-east" }', NORTH],
    "smart-route-turbo": [
        '{ upstream = "east", model = "demo-east" }', '{ upstream = "west", model = "demo-west" }', NORTH,
    ],
    "smart-route-infinite": ['{ upstream = "east", model = "demo-east" }', NORTH],
}  # fmt: skip


class Demos:
    """Three demo upstreams; ``east`` can go and come back at its port."""

    def __init__(self, processes: Processes) -> None:
        """Start them."""
        self._processes = processes
        self.ports = {name: free_port() for name in ("north", "south", "east")}
        self.running = {name: self._start(name) for name in self.ports}
        self.outages = 0

    def config(self) -> str:
        """Return ``[[upstreams]]`` and ``[[profiles]]`` of the gateway's file."""
        places = {**self.ports, "west": self.ports["north"]}
        upstreams = [
            _UPSTREAM.format(
                name=name, base_url=f"http://127.0.0.1:{port}/v1", dialect="both" if name == "west" else "chat"
            )
            for name, port in places.items()
        ]
        profiles = [
            f'[[profiles]]\nalias = "{alias}"\nroutes = [{", ".join(routes)}]\n' for alias, routes in ROUTES.items()
        ]
        return "\n".join([*upstreams, *profiles])

    def open_requests(self) -> int:
        """Return how many requests they are answering."""
        return sum(int(demo.open()["open"]) for demo in self.running.values())

    def stop(self) -> None:
        """End all of them."""
        for demo in self.running.values():
            demo.stop()

    @contextlib.contextmanager
    def flapping(self, every_s: float) -> Iterator[None]:
        """Stop ``east`` and start it again about every so many seconds, for the time of the block."""
        ends = threading.Event()
        thread = threading.Thread(target=self._flap, args=(every_s, ends))
        thread.start()
        try:
            yield
        finally:
            ends.set()
            thread.join()

    def _flap(self, every_s: float, ends: threading.Event) -> None:
        while not ends.wait(random.uniform(0.5, 1.5) * every_s):
            self.running["east"].stop()
            ends.wait(random.uniform(*AWAY_S))
            self.running["east"] = self._start("east")
            self.outages += 1

    def _start(self, name: str) -> Demo:
        command = [sys.executable, "-m", "demo_upstream", "--port", str(self.ports[name]), "--exit-with-stdin"]
        return Demo(self._processes, command)
