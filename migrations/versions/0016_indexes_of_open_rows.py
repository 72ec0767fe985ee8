"""Open rows of an account are counted by an index alone; on SQLite it holds no other rows.

The index over owners takes the account in. On SQLite this index and that over claims hold only the rows that have a
value: a second for two million rows in memory; the log of the transaction grows by 26 bytes a row, and the file does
not shrink: what the indexes leave free is written to next. MySQL, which has no such indexes, makes the new one while
others read and write, before it drops the old one.

Revision: 0016, after 0015.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

OWNER = "ix_usage_log_owner_id"
OWNER_AND_ACCOUNT = "ix_usage_log_owner_id_account_id"
CLAIM = "uq_usage_log_claim"


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_index(
        OWNER_AND_ACCOUNT, "usage_log", ["owner_id", "account_id"], sqlite_where=sa.text("owner_id IS NOT NULL")
    )
    op.drop_index(OWNER, "usage_log")
    _make_claims_anew(sa.text("claim IS NOT NULL"))


def downgrade() -> None:
    """Bring the schema back to the revision before."""
    op.create_index(OWNER, "usage_log", ["owner_id"])
    op.drop_index(OWNER_AND_ACCOUNT, "usage_log")
    _make_claims_anew(None)


def _make_claims_anew(where: sa.TextClause | None) -> None:
    if op.get_context().dialect.name == "sqlite":
        op.drop_index(CLAIM, "usage_log")
        op.create_index(CLAIM, "usage_log", ["claim"], unique=True, sqlite_where=where)
