"""Sums of the totals for the whole house, by day and month, and where the rows of each day are in the usage log.

Revision: 0013, after 0012.
"""

from datetime import timedelta

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
TABLE_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}

COUNTS = ["requests", "prompts", "continuations", "counted", "completed", "interrupted", "cancelled", "failed"]
TOKENS = ["prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens"]

USAGE_LOG = sa.table("usage_log", sa.column("id"), sa.column("day_start", INSTANT), sa.column("month_start", INSTANT))
USAGE_TOTALS = sa.table("usage_totals", sa.column("day_start", INSTANT))


def upgrade() -> None:
    """Bring the schema to this revision; the running service adds up the days that are named here."""
    spans = op.create_table(
        "usage_spans",
        sa.Column("length", sa.String(length=5), nullable=False),
        sa.Column("start", INSTANT, nullable=False),
        sa.Column("month_start", INSTANT, nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("summed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("length", "start", name="pk_usage_spans"),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "usage_sums",
        sa.Column("length", sa.String(length=5), nullable=False),
        sa.Column("start", INSTANT, nullable=False),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("alias_served", sa.String(length=128), nullable=False),
        sa.Column("upstream", sa.String(length=64), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in TOKENS),
        sa.Column("cost", sa.Double(), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("timed", sa.Integer(), nullable=False),
        sa.Column("error_codes", sa.Text(), nullable=False),
        sa.Column("first_output", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("length", "start", "account_id", "alias_served", "upstream", name="pk_usage_sums"),
        **TABLE_OPTIONS,
    )
    if not op.get_context().as_sql:  # statements that are only printed have no rows to look at
        _name_days(spans)


def _name_days(spans: sa.Table) -> None:
    """Name the days that have totals. One look through the log: seconds at five million rows."""
    connection = op.get_bind()
    totalled = set(connection.scalars(sa.select(USAGE_TOTALS.c.day_start).distinct()))
    if not totalled:
        return
    by_day = sa.select(
        USAGE_LOG.c.day_start,
        sa.func.min(USAGE_LOG.c.month_start),
        sa.func.min(USAGE_LOG.c.id),
        sa.func.max(USAGE_LOG.c.id),
    ).group_by(USAGE_LOG.c.day_start)
    rows = {row[0]: tuple(row[1:]) for row in connection.execute(by_day)}
    for day_start in sorted(totalled):
        # Totals of rows that are gone: the noon of the day lies in its month, whatever the time zone (nearly) is.
        first_of_month = (day_start + timedelta(hours=12)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        month_start, first_id, last_id = rows.get(day_start, (first_of_month, 1, 0))
        connection.execute(
            sa.insert(spans).values(
                length="day",
                start=day_start,
                month_start=month_start,
                first_id=first_id,
                last_id=last_id,
                changed=1,
                summed=0,
            )
        )
