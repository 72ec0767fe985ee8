"""A member of an application in this process, with a history of requests."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask

from models import usage_totals
from models.account import Account
from models.base import utcnow
from models.service_token import ServiceToken
from service.services import EXTENSION, Services
from tests.accounts.house import Visitor
from tests.usage import history


class Member(Visitor):
    """Signs up and opens the documentation, which makes plan and token."""

    def __init__(self, app: Flask, email: str | None = None) -> None:
        super().__init__(app, address=f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1")
        email = self.email = email or f"member-{secrets.token_hex(4)}@example.org"
        self.house: Services = app.extensions[EXTENSION]
        assert self.sign_up(email).status_code == 303
        assert self.get("/docs").status_code == 200
        self.account_id = self._one(sa.select(Account.id).where(Account.email == email))
        newest = sa.select(sa.func.max(ServiceToken.id)).where(ServiceToken.account_id == self.account_id)
        self.token_id = self._one(newest)
        self.written: list[dict[str, Any]] = []

    def has_sent(self, times: list[datetime], change: Callable[[dict[str, Any]], None] = lambda row: None) -> None:
        """Write requests at ``times``; ``change`` may alter each row."""
        rows = history.rows(
            self.account_id, self.house.calendar, times, first_seq=len(self.written) + 1, seed=len(self.written)
        )
        made = [{**row, "token_id": self.token_id} for row in rows]
        for row in made:
            change(row)
        history.write(self.house.storage, made)
        self.written += made

    def has_sent_for_days(self, days: int, count: int) -> None:
        """Write ``count`` requests of the last days, the last of them a moment ago."""
        now = utcnow()
        self.has_sent([*history.moments(now - timedelta(days=days), now, count - 1, seed=days), now])

    def add_up(self) -> None:
        """Do what housekeeping does in one round."""
        for _ in usage_totals.total_up(self.house.storage):
            pass

    def _one(self, statement: sa.Select[Any]) -> int:
        return int(self.house.storage.read(lambda connection: connection.execute(statement).scalar_one()))
