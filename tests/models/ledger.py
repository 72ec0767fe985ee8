"""The model layer on a database of a test's own, with a clock that the test sets."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

import models.all_tables  # noqa: F401  (create_all makes every table)
from models import lease, reservation, token_format
from models.account import Account
from models.base import db
from models.calendar_windows import Calendar, Window
from models.engine import engine_options, prepare_engine
from models.lease import WorkerLease
from models.quota import Limits, Standing, newest_row, prompts_counted, standing
from models.reservation import Outcome, QuotaUsedUp, Request, Reserved, TooManyOpen
from models.service_token import ServiceToken
from models.storage import Storage
from models.usage_log import UsageLog

OWNER = 77
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DONE = Outcome(status="completed", upstream="east", upstream_model="m", attempts=1, prompt_tokens=3)
FAILED = Outcome(status="failed", error_code="upstream_error")
PLENTY = Limits(daily=1000, monthly=10_000)


class ClockedStorage(Storage):
    """A storage whose database tells the time that the test says; None is the real one."""

    clock: datetime | None = None

    def now(self, connection: sa.Connection, told: datetime | None = None) -> datetime:
        return super().now(connection, told) if self.clock is None else self.clock


class Ledger:
    """Reserves and closes rows of accounts of its own; ``clock`` starts at noon of 10 March 2026."""

    def __init__(self, url: str, *, make_tables: bool = True, **options: object) -> None:
        self.engine = sa.create_engine(url, **{**engine_options(url), **options})
        prepare_engine(self.engine)
        self.storage = ClockedStorage(self.engine)
        self.storage.clock = NOON
        self.calendar = Calendar(ZoneInfo("UTC"))
        self._numbers = itertools.count(1)
        if make_tables:
            with self.engine.execution_options(writes=True).begin() as connection:
                db.metadata.create_all(connection)

    @property
    def url(self) -> str:
        """The database's URL with its password."""
        return self.engine.url.render_as_string(hide_password=False)

    def add_accounts(self, count: int) -> list[int]:
        """Make accounts, each with a token whose id is its own."""
        return [self._add_account() for _ in range(count)]

    def _add_account(self) -> int:
        key = f"account {next(self._numbers)}".encode().ljust(32, b"\0")

        def add(connection: sa.Connection) -> int:
            account = sa.insert(Account).values(email_hash=key, is_operator=False, session_epoch=1)
            account_id = connection.execute(account).lastrowid
            connection.execute(
                sa.insert(ServiceToken).values(id=account_id, account_id=account_id, digest=key, sealed=b"x")
            )
            return int(account_id)

        return self.storage.write(add)

    def request(self, account_id: int, request_id: str | None = None) -> Request:
        return Request(
            account_id=account_id,
            token_id=account_id,
            request_id=request_id or f"req_{next(self._numbers)}",
            endpoint="chat/completions",
            alias_asked="smart-route-mini",
            alias_served="smart-route-mini",
            client_name="curl/8",
        )

    def reserve(
        self, account_id: int, limits: Limits = PLENTY, owner_id: int = OWNER
    ) -> Reserved | QuotaUsedUp | TooManyOpen:
        return reservation.reserve(self.storage, self.request(account_id), limits, self.calendar, owner_id)

    def admit(self, account_id: int, limits: Limits = PLENTY, owner_id: int = OWNER) -> int:
        """Reserve what must fit; gives the row's id."""
        decision = self.reserve(account_id, limits, owner_id)
        assert isinstance(decision, Reserved)
        return decision.row_id

    def standing(self, account_id: int, limits: Limits = PLENTY) -> Standing:
        def look(connection: sa.Connection) -> Standing:
            newest = newest_row(connection, account_id)
            return standing(connection, account_id, limits, self.calendar, self.storage.now(connection), newest)

        return self.storage.read(look)

    def used(self, account_id: int) -> tuple[int, int]:
        """Prompts used of the day and of the month, by the running numbers."""
        now = self.standing(account_id)
        return now.day_used, now.month_used

    def counted(self, account_id: int, *windows: Window) -> tuple[int, ...]:
        """Prompts in windows, by counting rows."""
        return self.storage.read(
            lambda connection: tuple(prompts_counted(connection, account_id, window) for window in windows)
        )

    def row(self, row_id: int) -> sa.Row[tuple[object, ...]]:
        return self.storage.read(
            lambda connection: connection.execute(sa.select(UsageLog.__table__).where(UsageLog.id == row_id)).one()
        )

    def statuses(self, row_ids: Iterable[int]) -> list[str]:
        return [str(self.row(row_id).status) for row_id in row_ids]

    def open_rows(self) -> list[int]:
        """Ids of all rows that are not closed."""
        unclosed = sa.select(UsageLog.id).where(UsageLog.status.in_(["open", "started"]))
        return self.storage.read(lambda connection: list(connection.scalars(unclosed)))

    def counted_of_token(self, token: str) -> int:
        """Rows that count of whoever has a service token."""
        rows = (
            sa.select(sa.func.count())
            .select_from(UsageLog)
            .join(ServiceToken, ServiceToken.account_id == UsageLog.account_id)
            .where(ServiceToken.digest == token_format.digest(token), UsageLog.counted)
        )
        return self.storage.read(lambda connection: connection.execute(rows).scalar_one())

    def owners(self) -> list[int]:
        """Owners of leases and of open rows."""
        return list(lease.leases(self.storage))

    def busiest_pid(self) -> int:
        """Process id of the worker with most open rows."""
        busiest = (
            sa.select(WorkerLease.pid)
            .join(UsageLog, UsageLog.owner_id == WorkerLease.id)
            .group_by(WorkerLease.id, WorkerLease.pid)
            .order_by(sa.func.count().desc())
        )
        return self.storage.read(lambda connection: connection.scalars(busiest).first()) or 0

    def forget_owners(self) -> None:
        """End every lease, and close every open row as lost."""
        for owner_id in self.owners():
            lease.end(self.storage, owner_id)

    def close(self) -> None:
        self.engine.dispose()
