"""Prompts that an operator adds to an account's plan until a day.

Revision: 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.add_column("accounts", sa.Column("bonus_daily", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("accounts", sa.Column("bonus_monthly", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("accounts", sa.Column("bonus_until", sa.Date(), nullable=True))
