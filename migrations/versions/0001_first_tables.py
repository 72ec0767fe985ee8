"""First tables: accounts, tokens, subscriptions, usage log, leases.

Revision: 0001, the first.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# What a column was on the day of this revision; the models may move on.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
DIGEST = sa.LargeBinary(length=32).with_variant(sa.BINARY(length=32), "mysql")
TABLE_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "accounts",
        sa.Column("id", ID, nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("email_hash", DIGEST, nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=True),
        sa.Column("is_operator", sa.Boolean(), nullable=False),
        sa.Column("session_epoch", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("suspended_at", INSTANT, nullable=True),
        sa.Column("deleted_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("email", name="uq_accounts_email"),
        sa.UniqueConstraint("email_hash", name="uq_accounts_email_hash"),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "installation_facts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_installation_facts"),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "one_time_links",
        sa.Column("id", ID, nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("digest", DIGEST, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_one_time_links"),
        sa.UniqueConstraint("digest", name="uq_one_time_links_digest"),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "throttle_counters",
        sa.Column("key_digest", DIGEST, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("key_digest", name="pk_throttle_counters"),
        **TABLE_OPTIONS,
    )
    op.create_index("ix_throttle_counters_expires_at", "throttle_counters", ["expires_at"])

    op.create_table(
        "worker_leases",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("host", sa.String(length=128), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("beats", sa.BigInteger(), nullable=False),
        sa.Column("renewed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_worker_leases"),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "service_tokens",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("live_account_id", sa.BigInteger(), nullable=True),
        sa.Column("digest", DIGEST, nullable=False),
        sa.Column(
            "sealed",
            sa.LargeBinary(length=255).with_variant(sa.VARBINARY(length=255), "mysql"),
            nullable=False,
        ),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_service_tokens_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_service_tokens"),
        sa.UniqueConstraint("digest", name="uq_service_tokens_digest"),
        sa.UniqueConstraint("live_account_id", name="uq_service_tokens_live_account_id"),
        **TABLE_OPTIONS,
    )
    op.create_index("ix_service_tokens_account_id", "service_tokens", ["account_id"])

    op.create_table(
        "subscriptions",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("live_account_id", sa.BigInteger(), nullable=True),
        sa.Column("plan_slug", sa.String(length=64), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_subscriptions_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_subscriptions"),
        sa.UniqueConstraint("live_account_id", name="uq_subscriptions_live_account_id"),
        **TABLE_OPTIONS,
    )
    op.create_index("ix_subscriptions_account_id", "subscriptions", ["account_id"])
    op.create_index("ix_subscriptions_plan_slug", "subscriptions", ["plan_slug"])

    op.create_table(
        "usage_log",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("token_id", ID, nullable=True),
        sa.Column("request_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("day_start", INSTANT, nullable=False),
        sa.Column("month_start", INSTANT, nullable=False),
        sa.Column("day_prompts", sa.Integer(), nullable=False),
        sa.Column("month_prompts", sa.Integer(), nullable=False),
        sa.Column("endpoint", sa.String(length=32), nullable=False),
        sa.Column("alias_asked", sa.String(length=128), nullable=True),
        sa.Column("alias_served", sa.String(length=128), nullable=False),
        sa.Column("client_name", sa.String(length=64), nullable=True),
        sa.Column("upstream", sa.String(length=64), nullable=True),
        sa.Column("upstream_model", sa.String(length=200), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("prompt_tokens", sa.Integer(), nullable=True),
        sa.Column("completion_tokens", sa.Integer(), nullable=True),
        sa.Column("cached_tokens", sa.Integer(), nullable=True),
        sa.Column("reasoning_tokens", sa.Integer(), nullable=True),
        sa.Column("tokens_estimated", sa.Boolean(), nullable=False),
        sa.Column("first_output_ms", sa.Integer(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("cost", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_usage_log_account_id"),
        sa.ForeignKeyConstraint(["token_id"], ["service_tokens.id"], name="fk_usage_log_token_id"),
        sa.PrimaryKeyConstraint("id", name="pk_usage_log"),
        sa.UniqueConstraint("account_id", "seq", name="uq_usage_log_account_id_seq"),
        sa.UniqueConstraint("request_id", name="uq_usage_log_request_id"),
        **TABLE_OPTIONS,
    )
    op.create_index("ix_usage_log_account_id_started_at", "usage_log", ["account_id", "started_at"])
    op.create_index("ix_usage_log_owner_id", "usage_log", ["owner_id"])
    op.create_index("ix_usage_log_token_id", "usage_log", ["token_id"])
