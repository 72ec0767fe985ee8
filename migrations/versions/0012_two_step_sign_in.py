"""The two-step sign-in: one secret an account, and its recovery codes.

Revision: 0012, after 0011.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
DIGEST = sa.LargeBinary(length=32).with_variant(sa.BINARY(length=32), "mysql")
SEALED = sa.LargeBinary(length=255).with_variant(sa.VARBINARY(length=255), "mysql")
TABLE_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "totp_secrets",
        sa.Column("account_id", ID, autoincrement=False, nullable=False),
        sa.Column("sealed", SEALED, nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("wrong_codes", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_totp_secrets_account_id"),
        sa.PrimaryKeyConstraint("account_id", name="pk_totp_secrets"),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "recovery_codes",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("digest", DIGEST, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_recovery_codes_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_recovery_codes"),
        sa.UniqueConstraint("digest", name="uq_recovery_codes_digest"),
        **TABLE_OPTIONS,
    )
    op.create_index("ix_recovery_codes_account_id", "recovery_codes", ["account_id"])
