"""Books over connections to MariaDB that break at any point: what was told is true, and nothing counts twice."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from models import reservation
from models.quota import Limits
from models.reservation import Reserved
from models.storage import StorageUnavailable
from tests.models.breaking_proxy import BreakingProxy
from tests.models.ledger import DONE, FAILED, Ledger

LIMITS = Limits(daily=8, monthly=None)
SEED = 11


@pytest.fixture
def proxy(ledger: Ledger) -> Iterator[BreakingProxy]:
    port = ledger.engine.url.port
    assert port
    proxy = BreakingProxy(port, SEED)
    yield proxy
    proxy.close()


@pytest.fixture
def far(ledger: Ledger, proxy: BreakingProxy) -> Iterator[Ledger]:
    """The same database behind the proxy."""
    url = ledger.engine.url.set(port=proxy.port).render_as_string(hide_password=False)
    far = Ledger(url, make_tables=False)
    far.storage.clock = None
    yield far
    far.storage.let_go()
    far.close()


@pytest.mark.parametrize("shared_ledger", ["mariadb"], indirect=True)
def test_books_stay_true_whenever_connections_break(ledger: Ledger, far: Ledger, proxy: BreakingProxy) -> None:
    ledger.storage.clock = None
    account_ids = ledger.add_accounts(4)
    became: Counter[tuple[int, str]] = Counter()

    def ask(seed: int) -> None:
        chance = random.Random(seed)
        account_id = chance.choice(account_ids)
        request = far.request(account_id, f"req_{secrets.token_hex(12)}")
        decision = reservation.reserve(far.storage, request, LIMITS, far.calendar, owner_id=5)
        if not isinstance(decision, Reserved):
            became[account_id, "refused"] += 1
        elif chance.random() < 0.7:
            # False: it was closed by a first try whose answer was lost.
            reservation.give_back(far.storage, account_id, decision.row_id, FAILED)
            became[account_id, "given back"] += 1
        else:
            assert reservation.mark(far.storage, decision.row_id)
            assert reservation.settle(far.storage, decision.row_id, DONE)
            became[account_id, "settled"] += 1

    proxy.share = 0.02
    with ThreadPoolExecutor(8) as crowd:
        asked = [crowd.submit(ask, seed) for seed in range(100)]
    proxy.share = 0.0
    lost = [each.exception() for each in asked if each.exception() is not None]
    assert all(isinstance(each, StorageUnavailable) for each in lost), lost
    far.storage.unfinished.repeat()
    assert proxy.broken > 5
    for account_id in account_ids:
        shown = ledger.standing(account_id, LIMITS)
        kept = became[account_id, "settled"]
        assert ledger.counted(account_id, shown.windows.day, shown.windows.month) == (shown.day_used, shown.month_used)
        assert shown.day_used <= 8
        assert kept <= shown.day_used <= kept + len(lost)
