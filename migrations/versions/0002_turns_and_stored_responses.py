"""Turns of the usage log, and stored responses.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# What a column was on the day of this revision; the models may move on.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
BLOB = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql")
TABLE_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Bring the schema to this revision. No statement copies the usage log: it may be large."""
    op.create_table(
        "stored_responses",
        sa.Column("id", ID, nullable=False),
        sa.Column("response_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("previous_response_id", sa.String(length=64), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("input_items", BLOB, nullable=False),
        sa.Column("body", BLOB, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_stored_responses_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_stored_responses"),
        sa.UniqueConstraint("response_id", name="uq_stored_responses_response_id"),
        **TABLE_OPTIONS,
    )
    op.create_index("ix_stored_responses_account_id", "stored_responses", ["account_id"])
    op.create_index("ix_stored_responses_expires_at", "stored_responses", ["expires_at"])
    op.create_table(
        "stored_items",
        sa.Column("id", ID, nullable=False),
        sa.Column("item_id", sa.String(length=64), nullable=False),
        sa.Column("stored_response_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["stored_response_id"],
            ["stored_responses.id"],
            name="fk_stored_items_stored_response_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_stored_items"),
        sa.UniqueConstraint("item_id", name="uq_stored_items_item_id"),
        **TABLE_OPTIONS,
    )
    op.create_index("ix_stored_items_stored_response_id", "stored_items", ["stored_response_id"])
    op.add_column("usage_log", sa.Column("turn", sa.String(length=16), nullable=True))
    op.add_column("usage_log", sa.Column("step", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("usage_log", sa.Column("claim", sa.String(length=32), nullable=True))
    op.create_index("ix_usage_log_turn", "usage_log", ["turn"])
    op.create_index("uq_usage_log_claim", "usage_log", ["claim"], unique=True)
