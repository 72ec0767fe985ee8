"""Stored responses that are still running: who runs one, and whether it shall stop.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.add_column("stored_responses", sa.Column("owner_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "stored_responses", sa.Column("cancel_asked", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_index("ix_stored_responses_owner_id", "stored_responses", ["owner_id"])
