"""A gateway with profiles of several routes, all on the demo upstream: the model's name tells which one answered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.client import Api
from tests.conftest import GatewayFactory
from tests.harness.demo import Demo

ROUTES: dict[str, list[dict[str, Any]]] = {
    "able": [
        {"model": "narrow", "context_length": 1000, "input": '["text"]', "tools": "false"},
        {"model": "no-json", "context_length": 3000, "structured_output": "false"},
        {"model": "wide", "context_length": 6000, "input": '["text", "image", "audio"]'},
    ],
    "plain-only": [
        {"model": "p1", "context_length": 1000, "input": '["text"]', "tools": "false", "structured_output": "false"},
        {"model": "p2", "context_length": 2000, "input": '["text"]', "tools": "false", "structured_output": "false"},
    ],
    "single": [{"model": "single-one"}],
    "breaking": [{"model": "breaking-one"}, {"model": "breaking-two"}],
    "busy": [{"model": "busy-one"}, {"model": "busy-two"}],
    "returning": [{"model": "first"}, {"model": "second"}],
    "both-down": [{"model": "down-one"}, {"model": "down-two"}],
    "weighted": [{"model": "w3", "order": 1, "weight": 3}, {"model": "w1", "order": 1, "weight": 1}],
    "own-faults": [{"model": "own-faults-one"}],
    "late": [{"model": f"late-{place}"} for place in range(4)],
    "told": [{"model": "told-one"}, {"model": "told-two"}],
    "swift": [{"model": "swift-one"}, {"model": "swift-two"}],
}


def config(demo: Demo) -> str:
    """The catalog's file: a profile for each name, a plan for all of them and one that is served fast."""
    lines = [
        "[service]\ndeadline_seconds = 2.5",
        f'[[upstreams]]\nname = "east"\nbase_url = "{demo.base_url}"\nfirst_byte_timeout = 1\nanswer_timeout = 1',
    ]
    for alias, routes in ROUTES.items():
        lines.append(f'[[profiles]]\nalias = "{alias}"')
        for route in routes:
            lines.append('[[profiles.routes]]\nupstream = "east"')
            lines += [f"{key} = {json.dumps(value) if key == 'model' else value}" for key, value in route.items()]
    for speed in ("standard", "fast"):
        lines.append(f'[[plans]]\nslug = "{speed}"\nprofile = "swift"\nspeed = "{speed}"')
    return "\n".join(lines)


class Member(Api):
    """An account whose answers tell which model gave them."""

    def model_of(self, http_response: Any) -> str:
        row = self.closed_row(http_response.headers["x-request-id"])
        return str(row["upstream_model"])

    def receipt(self, http_response: Any) -> dict[str, Any]:
        told = self.closed_row(http_response.headers["x-request-id"])["routing"]
        return dict(json.loads(told))


@pytest.fixture(scope="module")
def members(module_gateway_factory: GatewayFactory, demo: Demo) -> dict[str, Member]:
    """A member on each of the plans ``standard`` and ``fast``."""
    gateway = module_gateway_factory("sqlite", config=config(demo))
    return {plan: Member(gateway, gateway.account(plan=plan)["token"]) for plan in ("standard", "fast")}


@pytest.fixture
def member(members: dict[str, Member]) -> Member:
    """The one on ``standard``."""
    return members["standard"]
