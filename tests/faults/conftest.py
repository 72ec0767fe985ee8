"""One gateway for the whole matrix; its cells are tried side by side before the first test looks at one."""

from __future__ import annotations

import contextlib
import random
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import pytest

from tests.api.conftest import self_signed_server
from tests.conftest import new_database
from tests.faults.acts import good
from tests.faults.client import Member, Seen
from tests.faults.matrix import KEY, Cell, catalog
from tests.faults.server import blackhole, fault_server
from tests.faults.table import FAULTS
from tests.harness.gateway import Gateway
from tests.harness.processes import Processes, free_port

AT_ONCE, HEAVY_AT_ONCE = 16, 2


@pytest.fixture(scope="session")
def tried(request: pytest.FixtureRequest, processes: Processes) -> dict[str, Seen | Exception]:
    """What was seen of each cell that the session has a test of."""
    wanted = [cell for item in request.session.items if (cell := _cell_of(item)) is not None]
    acts = {fault.name: fault.act for fault in FAULTS if fault.act is not None}
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(fault_server({"good": good, **acts}))
        tls = stack.enter_context(self_signed_server(processes.new_folder("tls")))
        slow = stack.enter_context(blackhole())
        places = {
            "refused": f"http://127.0.0.1:{free_port()}/v1",
            "dns": "http://leak-host.invalid/v1",
            "tls": f"https://127.0.0.1:{tls}/v1",
            "slow-connect": f"http://127.0.0.1:{slow}/v1",
        }
        url = new_database(request, "sqlite", processes.new_folder("database"))
        config = catalog(server, places)
        gateway = stack.enter_context(Gateway(processes, database_url=url, config=config, env={"LEAK_KEY": KEY}))
        free: SimpleQueue[Member] = SimpleQueue()
        for account in gateway.accounts(AT_ONCE, plan="all"):
            free.put(stack.enter_context(contextlib.closing(Member(gateway, account["token"]))))

        def attempt(cell: Cell) -> Seen | Exception:
            member = free.get()
            try:
                return member.try_cell(cell, server)
            except Exception as error:  # the cell's own test raises it
                return error
            finally:
                free.put(member)

        found: dict[str, Seen | Exception] = {}
        for is_heavy, at_once in ((False, AT_ONCE), (True, HEAVY_AT_ONCE)):
            cells = [cell for cell in wanted if cell.fault.is_heavy == is_heavy]
            random.Random(1).shuffle(cells)  # those that wait long would only wait side by side
            with ThreadPoolExecutor(at_once) as pool:
                found |= zip(map(str, cells), pool.map(attempt, cells), strict=True)
        return found


def _cell_of(item: pytest.Item) -> Cell | None:
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    cell = parameters.get("cell")
    return cell if isinstance(cell, Cell) else None
