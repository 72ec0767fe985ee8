"""How large a stored response is when it is unpacked; null for those that were stored before.

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.add_column("stored_responses", sa.Column("input_bytes", sa.Integer(), nullable=True))
    op.add_column("stored_responses", sa.Column("body_bytes", sa.Integer(), nullable=True))
