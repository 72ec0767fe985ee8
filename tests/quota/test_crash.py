"""Killed workers, a killed house, and workers of other machines that fell silent."""

from __future__ import annotations

import time

import pytest
import requests

from models import lease, reservation
from tests.conftest import GatewayFactory
from tests.harness.gateway import Gateway
from tests.harness.processes import wait_until
from tests.models.ledger import Ledger
from tests.quota.crowd import Crowd

SILENT = "[[delay 60]]"
TALKING = "[[tokens 1000]] [[pace 100]]"


def used_today(gateway: Gateway, token: str) -> int:
    http_response = requests.get(f"{gateway.api}/usage", headers={"Authorization": f"Bearer {token}"}, timeout=10)
    return int(http_response.json()["day"]["used"])


def fifty_under_way(crowd: Crowd, gateway: Gateway, token: str) -> None:
    """Half of them have had output, half have not."""
    crowd.send([(SILENT, number % 2 == 0) for number in range(25)])
    crowd.send([(TALKING, True)] * 25)

    def all_under_way() -> bool:
        crowd.wait(0.05)
        talking = sum(answer.has_output for answer in crowd.answers)
        return talking == 25 and used_today(gateway, token) == 50

    wait_until("50 requests are under way", all_under_way, timeout_s=20)


def closed(crowd: Crowd, ledger: Ledger) -> bool:
    """Whether exactly the requests that still run have open rows."""
    crowd.wait(0.2)
    return len(crowd.running) < 50 and len(ledger.open_rows()) == len(crowd.running)


@pytest.mark.parametrize("database", ["sqlite", "mariadb"])
def test_after_a_crash_only_what_gave_output_counts(gateway_factory: GatewayFactory, database: str) -> None:
    gateway = gateway_factory(database, workers=2)
    account = gateway.account(plan="free")
    ledger = Ledger(gateway.database_url, make_tables=False)
    with Crowd(gateway.api, account["token"]) as crowd:
        fifty_under_way(crowd, gateway, account["token"])
        gateway.kill9_worker()
        wait_until("the rows of the killed worker are closed", lambda: closed(crowd, ledger), timeout_s=20)
        silent_and_alive = sum(not answer.has_output for answer in crowd.running)
        assert len(ledger.open_rows()) == len(crowd.running)
        assert used_today(gateway, account["token"]) == 25 + silent_and_alive

        gateway.kill9_all()
        crowd.wait(5)
    gateway.start()
    wait_until("nothing stays reserved", lambda: not ledger.open_rows(), timeout_s=20)
    assert used_today(gateway, account["token"]) == 25 == ledger.counted_of_token(account["token"])
    ledger.close()


def test_silent_worker_of_another_machine_is_swept_and_a_living_one_is_not(gateway_factory: GatewayFactory) -> None:
    gone, living = 11, 22
    gateways = [gateway_factory(database) for database in ("sqlite", "mariadb")]
    ledgers = [Ledger(gateway.database_url, make_tables=False) for gateway in gateways]
    rows: list[list[int]] = []
    for ledger in ledgers:
        ledger.storage.clock = None
        lease.renew(ledger.storage, gone, "another machine", 1)
        [account_id] = ledger.add_accounts(1)
        opened = [ledger.admit(account_id, owner_id=owner) for owner in (gone, gone, living)]
        reservation.mark(ledger.storage, opened[1])
        rows.append(opened)
    began = time.monotonic()
    expected = ["failed", "interrupted", "open"]
    while [ledger.statuses(opened) for ledger, opened in zip(ledgers, rows, strict=True)] != [expected, expected]:
        elapsed = time.monotonic() - began
        assert elapsed < 60, "swept within a minute"
        for ledger, opened in zip(ledgers, rows, strict=True):
            lease.renew(ledger.storage, living, "a third machine", 1)
            assert elapsed > 25 or ledger.statuses(opened) == ["open", "started", "open"]
        time.sleep(1)
    for ledger in ledgers:
        assert gone not in lease.leases(ledger.storage)
        ledger.close()
