"""Which rows of the usage log an account's present holder may read: an address may sign up again after deletion.

Revision: 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.add_column("accounts", sa.Column("history_after", sa.BigInteger(), nullable=False, server_default="0"))
