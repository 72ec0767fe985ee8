"""Each account knows whether its rows are numbered in order of time, as far as they are added up.

The ids of the usage log are read twice, in order of numbers and in order of time, each from an index alone and page by
page: of an account with millions of rows a driver would keep all of them in memory.

Revision: 0017, after 0016.
"""

from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

COMPARED_AT_ONCE = 5_000

USAGE_LOG = sa.table("usage_log", sa.column("id"), sa.column("account_id"), sa.column("seq"), sa.column("started_at"))
USAGE_TOTALLED = sa.table("usage_totalled", sa.column("account_id"), sa.column("in_order", sa.Boolean()))


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.add_column("usage_totalled", sa.Column("in_order", sa.Boolean(), nullable=False, server_default=sa.true()))
    if not op.get_context().as_sql:  # statements that are only printed have no rows to look at
        _name_disordered()


def _name_disordered() -> None:
    connection = op.get_bind()
    last_id = connection.scalar(sa.select(sa.func.max(USAGE_LOG.c.id)))  # an older gateway may still write
    for account_id in list(connection.scalars(sa.select(USAGE_TOTALLED.c.account_id))):
        rows = sa.select(USAGE_LOG).where(USAGE_LOG.c.account_id == account_id, USAGE_LOG.c.id <= last_id)
        pairs = zip(_by_number(connection, rows), _by_time(connection, rows), strict=True)
        if any(one != other for one, other in pairs):
            of_account = sa.update(USAGE_TOTALLED).where(USAGE_TOTALLED.c.account_id == account_id)
            connection.execute(of_account.values(in_order=False))


def _by_number(connection: sa.Connection, rows: sa.Select[Any]) -> Iterator[list[int]]:
    number = USAGE_LOG.c.seq
    return _pages(connection, rows, [number], lambda last: number > last.seq)


def _by_time(connection: sa.Connection, rows: sa.Select[Any]) -> Iterator[list[int]]:
    time, row_id = USAGE_LOG.c.started_at, USAGE_LOG.c.id
    # Twice the same to say, but neither database finds the place in its index by the second half alone.
    return _pages(
        connection,
        rows,
        [time, row_id],
        lambda last: sa.and_(time >= last.started_at, sa.or_(time > last.started_at, row_id > last.id)),
    )


def _pages(
    connection: sa.Connection,
    rows: sa.Select[Any],
    order: list[sa.ColumnElement[Any]],
    behind: Callable[[sa.Row[Any]], sa.ColumnElement[bool]],
) -> Iterator[list[int]]:
    """Yield the ids of rows in an order, so many at once."""
    page = rows.order_by(*order)
    while True:
        last = connection.execute(page.with_only_columns(*order).offset(COMPARED_AT_ONCE - 1).limit(1)).first()
        yield list(connection.scalars(page.with_only_columns(USAGE_LOG.c.id).limit(COMPARED_AT_ONCE)))
        if last is None:
            return
        page = rows.order_by(*order).where(behind(last))
