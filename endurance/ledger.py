"""What the gateway wrote down: rows of the usage log, totals, sums, read from its database behind its back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from models.usage_log import UsageLog
from models.usage_sums import EVERYBODY, UsageSpan, UsageSum
from models.usage_tally import SUMS, LoggedRow
from models.usage_totals import LOGGED, NO_UPSTREAM, TotalledUpTo, UsageTotal, tallies_of

Figures = dict[str, int]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the usage log, as far as it is compared."""

    client_name: str
    request_id: str
    account: str
    seq: int
    kind: str
    status: str
    counted: bool
    error_code: str | None
    alias_served: str
    prompt_tokens: int | None
    completion_tokens: int | None
    is_owned: bool
    day_start: datetime
    month_start: datetime

    @property
    def is_open(self) -> bool:
        """Tell whether it is a reservation still."""
        return self.is_owned or self.status in ("open", "started")

    def __str__(self) -> str:
        """Return a short text for a report."""
        counted = "counted" if self.counted else "not counted"
        return f"row {self.request_id} {self.kind} {self.status} {self.error_code or ''} {counted}"


_ROWS = sa.text(
    "SELECT u.client_name, u.request_id, a.email AS account, u.seq, u.kind, u.status, u.counted, u.error_code,"
    " u.alias_served, u.prompt_tokens, u.completion_tokens, u.owner_id IS NOT NULL AS is_owned, u.day_start,"
    " u.month_start"
    " FROM usage_log u JOIN accounts a ON a.id = u.account_id ORDER BY u.id"
)


class Ledger:
    """Reads one database."""

    def __init__(self, url: str) -> None:
        """Connect when asked."""
        self._engine = sa.create_engine(url, poolclass=sa.NullPool)

    def rows(self) -> list[Row]:
        """Return every row of the usage log, oldest first."""
        with self._connected() as connection:
            found = connection.execute(_ROWS).mappings()
            return [Row(**{**row, "counted": bool(row["counted"]), "is_owned": bool(row["is_owned"]),
                           "client_name": row["client_name"] or "",
                           "day_start": _moment(row["day_start"]), "month_start": _moment(row["month_start"])})
                    for row in found]  # fmt: skip

    def open_rows(self) -> int:
        """Return how many reservations are open."""
        query = sa.text("SELECT count(*) FROM usage_log WHERE owner_id > 0")
        with self._connected() as connection:
            return int(connection.execute(query).scalar_one())

    def wrong_totals(self) -> tuple[int, list[str]]:
        """Hold totals against the rows that they are of; return how many rows these are, and the differences."""
        added_up, wrong = 0, []
        with self._connected() as connection:
            for account_id, seq in connection.execute(sa.select(TotalledUpTo.account_id, TotalledUpTo.seq)).all():
                query = sa.select(*LOGGED).where(UsageLog.account_id == account_id, UsageLog.seq <= seq)
                rows = [LoggedRow(*row) for row in connection.execute(query)]
                added_up += len(rows)
                wanted = {key: {name: getattr(tally, name) for name in SUMS} for key, tally in tallies_of(rows).items()}
                totals = connection.execute(sa.select(UsageTotal.__table__).where(UsageTotal.account_id == account_id))
                found = {
                    (row["day_start"], row["alias_served"], row["upstream"] or NO_UPSTREAM): _sums(row)
                    for row in totals.mappings()
                }
                wrong += [f"account {account_id}, {key}: {_difference(found.get(key, {}), wanted.get(key, {}))}"
                          for key in {*wanted, *found} if wanted.get(key) != found.get(key)]  # fmt: skip
        return added_up, wrong

    def wrong_sums(self) -> tuple[int, list[str]]:
        """Hold the house's sums of each day that is summed up against the totals; return how many days, and faults."""
        wrong = []
        with self._connected() as connection:
            summed = sa.select(UsageSpan.start).where(UsageSpan.length == "day", UsageSpan.summed == UsageSpan.changed)
            days = connection.execute(summed).scalars().all()
            for start in days:
                of_house = (UsageSum.length == "day", UsageSum.start == start, UsageSum.account_id == EVERYBODY)
                sums = _added(connection.execute(sa.select(UsageSum.__table__).where(*of_house)).mappings())
                of_day = sa.select(UsageTotal.__table__).where(UsageTotal.day_start == start)
                totals = _added(connection.execute(of_day).mappings())
                if sums != totals:
                    wrong.append(f"{start:%F}: {_difference(sums, totals)}")
        return len(days), wrong

    def wal_bytes(self) -> int | None:
        """Return the size of SQLite's write-ahead log; None for another database."""
        return self._file_size("-wal")

    def database_bytes(self) -> int | None:
        """Return the size of SQLite's file; None for another database."""
        return self._file_size("")

    def _file_size(self, suffix: str) -> int | None:
        if self._engine.dialect.name != "sqlite":
            return None
        try:
            return os.stat(f"{self._engine.url.database}{suffix}").st_size
        except FileNotFoundError:
            return 0

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        with self._engine.connect() as connection:
            yield connection


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    assert isinstance(moment, datetime)
    return moment.replace(tzinfo=UTC)


def _sums(row: Any) -> Figures:
    return {name: int(row[name]) for name in SUMS}


def _added(rows: Any) -> Figures:
    added = dict.fromkeys(SUMS, 0)
    for row in rows:
        for name in SUMS:
            added[name] += int(row[name])
    return added


def _difference(found: Figures, wanted: Figures) -> str:
    names = [name for name in SUMS if found.get(name) != wanted.get(name)]
    return ", ".join(f"{name} {found.get(name)} instead of {wanted.get(name)}" for name in names)
