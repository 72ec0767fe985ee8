"""The service under test as its clients see it: an address, accounts with tokens, and what they have used."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.harness.demo import Demo
from tests.harness.gateway import Gateway

# One alias on two routes: what a script breaks on `demo-model` alone, `demo-spare` answers.
CONFIG = """
[service]
name = "Smart Routing AI Model"

[[upstreams]]
name = "demo"
base_url = "{base_url}"
dialect = "{dialect}"

[[profiles]]
alias = "smart-route-mini"
context_length = 128000
max_output_tokens = 16000

[[profiles.routes]]
upstream = "demo"
model = "demo-model"

[[profiles.routes]]
upstream = "demo"
model = "demo-spare"

[[plans]]
slug = "free"
daily = 200
monthly = 1000

[[plans]]
slug = "tiny"
name = "Tiny"
profile = "smart-route-mini"
price = 0
daily = 1
monthly = 5
"""
ALIAS = "smart-route-mini"
ACCOUNTS_AT_ONCE = 12  # one start of a Python makes them all


@dataclass
class Service:
    """A running gateway before the demo upstream, which speaks ``dialect`` to it (chat | responses)."""

    gateway: Gateway
    demo: Demo
    dialect: str
    _spare: dict[str, list[str]] = field(default_factory=dict)
    _made: int = 0

    @property
    def api(self) -> str:
        """The address that clients are given."""
        return self.gateway.api

    def new_token(self, plan: str = "free") -> str:
        """Token of an account that nobody has used."""
        spare = self._spare.setdefault(plan, [])
        if not spare:
            numbers = range(self._made, self._made + ACCOUNTS_AT_ONCE)
            self._made += ACCOUNTS_AT_ONCE
            emails = [f"client{number}@example.org" for number in numbers]
            made = self.gateway.accounts(ACCOUNTS_AT_ONCE, plan=plan, emails=emails)
            spare += [account["token"] for account in made]
        return spare.pop()

    def usage(self, token: str) -> dict[str, Any]:
        """The account's usage report; asking counts nothing."""
        headers = {"Authorization": f"Bearer {token}"}
        http_response = requests.get(f"{self.api}/usage", headers=headers, timeout=5)
        http_response.raise_for_status()
        report: dict[str, Any] = http_response.json()
        return report

    def prompts_counted(self, token: str) -> int:
        """Prompts of the running month that were counted for the account."""
        used: int = self.usage(token)["month"]["used"]
        return used

    def upstream_requests(self, text: str) -> list[dict[str, Any]]:
        """What this gateway asked the demo upstream with ``text`` somewhere in the body, oldest first."""
        path = {"chat": "/v1/chat/completions", "responses": "/v1/responses"}[self.dialect]
        asked = [request for request in self.demo.requests() if request["path"] == path]
        return [request for request in asked if text in json.dumps(request["body"])]

    def custom_call(self, name: str, text: str) -> str:
        """Trigger words that call a custom tool; a chat upstream knows it as a function of one string."""
        if self.dialect == "chat":
            return f"[[tool {name} {json.dumps({'input': text})}]]"
        return f"[[custom {name} {json.dumps(text)}]]"
