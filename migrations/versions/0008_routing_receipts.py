"""How a request was routed: a receipt for operators in each row of the usage log.

Revision: 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.add_column("usage_log", sa.Column("routing", sa.Text(), nullable=True))
