"""Totals of the usage log, and how far each account's rows are in them.

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# What a column was on the day of this revision; the models may move on.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
TABLE_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}

COUNTS = ["requests", "prompts", "continuations", "counted", "completed", "interrupted", "cancelled", "failed"]
TOKENS = ["prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens"]


def upgrade() -> None:
    """Bring the schema to this revision; the running service fills the tables."""
    op.create_table(
        "usage_totals",
        sa.Column("account_id", ID, autoincrement=False, nullable=False),
        sa.Column("day_start", INSTANT, nullable=False),
        sa.Column("alias_served", sa.String(length=128), nullable=False),
        sa.Column("upstream", sa.String(length=64), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in TOKENS),
        sa.Column("cost", sa.Double(), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("timed", sa.Integer(), nullable=False),
        sa.Column("error_codes", sa.Text(), nullable=False),
        sa.Column("first_output", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_usage_totals_account_id"),
        sa.PrimaryKeyConstraint("account_id", "day_start", "alias_served", "upstream", name="pk_usage_totals"),
        **TABLE_OPTIONS,
    )
    op.create_index("ix_usage_totals_day_start", "usage_totals", ["day_start"])
    op.create_table(
        "usage_totalled",
        sa.Column("account_id", ID, autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_usage_totalled_account_id"),
        sa.PrimaryKeyConstraint("account_id", name="pk_usage_totalled"),
        **TABLE_OPTIONS,
    )
