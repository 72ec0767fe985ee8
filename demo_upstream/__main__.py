"""``python -m demo_upstream --port 0``: binds, prints one line with the address, serves until told to end."""

from gevent import monkey

monkey.patch_all(ssl=False)  # before anything else; TLS is not spoken here, and importing it takes time

import argparse  # noqa: E402
import os  # noqa: E402
import resource  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402

import gevent  # noqa: E402
from gevent.event import Event  # noqa: E402

from demo_upstream.server import make_server  # noqa: E402


def main() -> None:
    """Serve until SIGTERM, SIGINT or (if asked) the end of standard input."""
    parser = argparse.ArgumentParser(prog="python -m demo_upstream", description="The demo upstream of Smart Route.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--exit-with-stdin", action="store_true", help="end when standard input ends")
    parser.add_argument("--log", action="store_true", help="one line a request on standard error")
    arguments = parser.parse_args()

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # thousands of streams at once
    ended = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, ended.set)
    try:
        server = make_server(arguments.port, arguments.host, log=arguments.log)
    except OSError as exc:
        parser.exit(1, f"demo upstream: cannot listen on {arguments.host}:{arguments.port}: {exc.strerror}\n")
    server.start()
    print(f"demo upstream on http://{arguments.host}:{server.server_port}/v1", flush=True)
    if arguments.exit_with_stdin:
        gevent.spawn(_wait_for_end_of_input).link(lambda _: ended.set())
    ended.wait()
    server.close()
    sys.stderr.flush()
    os._exit(0)  # at once: streams under way, and a thread that still reads standard input, are let go


def _wait_for_end_of_input() -> None:
    pool = gevent.get_hub().threadpool  # a file as standard input cannot be polled
    while pool.apply(os.read, (0, 4096)):
        pass


main()
