"""Which catalog each worker works with.

Revision: 0015, after 0014.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
TABLE_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Bring the schema to this revision; workers fill the table as they start."""
    op.create_table(
        "catalogs_in_force",
        sa.Column("owner_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("read_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("owner_id", name="pk_catalogs_in_force"),
        **TABLE_OPTIONS,
    )


def downgrade() -> None:
    """Bring the schema back to the revision before."""
    op.drop_table("catalogs_in_force")
