"""Wrong tokens are limited by address, right ones by nothing."""

from __future__ import annotations

import itertools

import pytest
import requests

from models import token_format
from service.signing_in.bounded_counters import BoundedCounters
from tests.harness.gateway import Gateway

NUMBERS = itertools.count(1)


@pytest.fixture
def address() -> str:
    """A network address of the test's own."""
    return f"198.51.100.{next(NUMBERS)}"


def ask(gateway: Gateway, address: str, token: str | None, path: str = "models") -> requests.Response:
    """Ask as somebody from an address."""
    headers = {"X-Forwarded-For": address, **({"Authorization": f"Bearer {token}"} if token else {})}
    return requests.get(f"{gateway.api}/{path}", headers=headers, timeout=20)


@pytest.mark.parametrize("kind", ["unknown", "malformed", "missing"])
def test_sixty_first_wrong_token_of_a_minute_is_answered_429_and_the_right_one_is_taken(
    gateway: Gateway, token: str, address: str, kind: str
) -> None:
    wrong = {"unknown": token_format.generate(), "malformed": "sr_cut", "missing": None}[kind]
    statuses = [ask(gateway, address, wrong).status_code for _ in range(60)]
    assert statuses == [401] * 60
    refused = ask(gateway, address, wrong)
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "too_many_wrong_tokens"
    assert set(refused.json()["error"]) == {"message", "type", "param", "code"}
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["x-should-retry"] == "false"
    assert refused.headers["x-request-id"].startswith("req_")
    assert ask(gateway, address, token).status_code == 200
    assert ask(gateway, f"203.0.113.{next(NUMBERS)}", wrong).status_code == 401


def test_addresses_of_one_ipv6_network_are_counted_together(gateway: Gateway) -> None:
    for number in range(60):
        assert ask(gateway, f"2001:db8:0:9:{number:x}::1", "sr_cut").status_code == 401
    assert ask(gateway, "2001:db8:0:9:ffff::1", "sr_cut").status_code == 429
    assert ask(gateway, "2001:db8:0:a::1", "sr_cut").status_code == 401


def test_right_tokens_are_not_counted(gateway: Gateway, token: str, address: str) -> None:
    for _ in range(70):
        assert ask(gateway, address, token, "usage").status_code == 200
    assert ask(gateway, address, "sr_cut").status_code == 401


def test_counters_stay_few_whatever_comes_and_forget_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    counters = BoundedCounters(1000)
    for number in range(100_000):
        counters.incr(f"address {number}", 60)
    assert len(counters) == 1000
    assert counters.get("address 0") == 0
    assert counters.get("address 99999") == 1
    assert counters.incr("address 99999", 60) == 2
    now = counters.get_expiry("address 99999")
    monkeypatch.setattr("service.signing_in.bounded_counters.time.time", lambda: now)
    assert counters.get("address 99999") == 0
    assert counters.incr("address 99999", 60) == 1
