"""Invites, sign-ups that wait for their confirmation, and mails that are to be sent.

Revision: 0014, after 0013.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DIGEST = sa.LargeBinary(32).with_variant(sa.BINARY(32), "mysql")
INSTANT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
TABLE_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "invites",
        sa.Column("id", ID, nullable=False),
        sa.Column("digest", DIGEST, nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("plan_slug", sa.String(length=64), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("created_by", sa.String(length=254), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_invites"),
        sa.UniqueConstraint("digest", name="uq_invites_digest"),
        **TABLE_OPTIONS,
    )
    for column in ("account_id", "email", "expires_at"):
        op.create_index(f"ix_invites_{column}", "invites", [column])
    op.create_table(
        "pending_sign_ups",
        sa.Column("id", ID, nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("email_hash", DIGEST, nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("browser_digest", DIGEST, nullable=False),
        sa.Column("link_digest", DIGEST, nullable=True),
        sa.Column("invite_id", sa.BigInteger(), nullable=True),
        sa.Column("wanted", sa.String(length=500), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pending_sign_ups"),
        sa.UniqueConstraint("link_digest", name="uq_pending_sign_ups_link_digest"),
        sqlite_autoincrement=True,
        **TABLE_OPTIONS,
    )
    for column in ("email_hash", "expires_at"):
        op.create_index(f"ix_pending_sign_ups_{column}", "pending_sign_ups", [column])
    op.create_table(
        "queued_mails",
        sa.Column("id", ID, nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("email_hash", DIGEST, nullable=False),
        sa.Column("reference", sa.BigInteger(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("next_try_at", INSTANT, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.String(length=300), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_queued_mails"),
        **TABLE_OPTIONS,
    )
    for column in ("email_hash", "next_try_at"):
        op.create_index(f"ix_queued_mails_{column}", "queued_mails", [column])
