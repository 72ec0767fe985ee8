"""400 requests at once on an account with 200 left."""

from __future__ import annotations

from collections import Counter

import pytest
import requests

from tests.conftest import GatewayFactory
from tests.harness.gateway import Gateway
from tests.models.ledger import Ledger
from tests.quota.crowd import Crowd

ASKED, LEFT = 400, 200


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("database", ["sqlite", "mariadb"])
def test_exactly_as_many_of_a_crowd_succeed_as_the_quota_has_left(
    gateway_factory: GatewayFactory, database: str, workers: int
) -> None:
    gateway = gateway_factory(database, workers=workers)
    account, other = gateway.accounts(2, plan="free")
    with Crowd(gateway.api, account["token"]) as crowd:
        crowd.send([("[[tokens 3]]", number % 2 == 0) for number in range(ASKED)])
        crowd.wait(60)
        answers = crowd.answers

    statuses = Counter(answer.status for answer in answers)
    assert statuses == {200: LEFT, 429: ASKED - LEFT}
    assert {answer.is_whole for answer in answers} == {True}
    for refused in (answer for answer in answers if answer.status == 429):
        error = refused.json()["error"]
        assert (error["code"], error["type"]) == ("insufficient_quota", "usage_limit_reached")
        assert "200 of 200 today" in error["message"]
        assert "200 of 1,000 this month" in error["message"]
        assert refused.headers["x-should-retry"] == "false"
        assert 1 <= int(refused.headers["retry-after"]) <= 86_400
        assert error["resets_at"] % 86_400 == 0
    assert_all_agree(gateway, account["token"], used=LEFT)
    assert_all_agree(gateway, other["token"], used=0)


def assert_all_agree(gateway: Gateway, token: str, used: int) -> None:
    """The usage endpoint, the headers and the table tell the same, and nothing is reserved."""
    http_response = requests.get(f"{gateway.api}/usage", headers={"Authorization": f"Bearer {token}"}, timeout=10)
    report = http_response.json()
    assert (report["day"]["used"], report["day"]["left"]) == (used, LEFT - used)
    assert report["month"]["used"] == used
    assert http_response.headers["x-ratelimit-remaining-requests"] == str(LEFT - used)
    ledger = Ledger(gateway.database_url, make_tables=False)
    assert ledger.open_rows() == []
    assert ledger.counted_of_token(token) == used
    ledger.close()
