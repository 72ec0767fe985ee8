"""What the gateway tells of each account's quota at the end of a run."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from datetime import UTC, datetime, timedelta

from endurance.books import Used
from endurance.clients import Member
from endurance.house import House


def used_of(house: House) -> dict[str, Used]:
    """Ask ``GET /v1/usage`` for every account of the traffic; the service's time zone is UTC."""
    return {each.email: _used(house.gateway.port, each) for each in (*house.members, house.spender, house.crowded)}


def _used(port: int, member: Member) -> Used:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        headers = {"Authorization": f"Bearer {member.token}", "Connection": "close"}
        connection.request("GET", "/v1/usage", headers=headers)
        told = json.loads(connection.getresponse().read())
    day_start = datetime.fromtimestamp(told["day"]["resets_at"], UTC) - timedelta(days=1)
    last_of_month = datetime.fromtimestamp(told["month"]["resets_at"], UTC) - timedelta(days=1)
    return Used(told["day"]["used"], told["month"]["used"], day_start, last_of_month.replace(day=1))
