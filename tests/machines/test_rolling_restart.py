"""One machine after the other is restarted while many clients ask through nginx: nobody notices, nothing is off."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from tests.harness.processes import is_alive, wait_until
from tests.machines.clients import Clients, used
from tests.machines.conftest import Pair
from tests.machines.machine import Machine
from tests.machines.nginx import pause_between_machines

PATIENCE_S = 60


def stop_and_start(machine: Machine) -> None:
    """As ``systemctl restart`` does."""
    assert machine.stop(patience_s=PATIENCE_S) == 0
    machine.start()


def hand_over(machine: Machine) -> None:
    """As an upgrade does."""
    before = machine.master_pid
    machine.hand_over()
    wait_until("the old one has ended", lambda: not is_alive(before), timeout_s=PATIENCE_S)


def reload(machine: Machine) -> None:
    """As a changed catalog asks for."""
    machine.reload()


@pytest.mark.parametrize("again", [stop_and_start, hand_over, reload])
def test_nobody_notices_that_machines_are_restarted(pair: Pair, again: Callable[[Machine], None]) -> None:
    token = pair.one.account()["token"]
    with Clients(pair.nginx.api, token) as clients:
        wait_until("all are at it", partial(clients.have, 60), timeout_s=30)
        for machine in (pair.two, pair.one):
            goal = clients.answered + 60
            again(machine)
            pause_between_machines()
            wait_until("they go on", partial(clients.have, goal), timeout_s=30)
    assert clients.failures == []
    assert used(pair.nginx.api, token) == clients.answered
    assert pair.one.stderr_text().count("Traceback") == pair.two.stderr_text().count("Traceback") == 0
