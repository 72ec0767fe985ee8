"""The audit log, to which rows are only added.

Revision: 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
TABLE_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}

# MySQL and MariaDB with a binary log let only privileged users make triggers (1419), others were not granted
# TRIGGER (1142, 1370) or SUPER (1227). Without triggers the log is append-only by the code alone.
# Source: https://dev.mysql.com/doc/refman/8.0/en/stored-programs-logging.html
NOT_GRANTED = (1142, 1227, 1370, 1419)


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "audit_log",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor", sa.String(length=254), nullable=False),
        sa.Column("place", sa.String(length=255), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=254), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
        **TABLE_OPTIONS,
    )
    op.create_index("ix_audit_log_at", "audit_log", ["at"])
    op.create_index("ix_audit_log_actor_at", "audit_log", ["actor", "at"])
    op.create_index("ix_audit_log_subject_at", "audit_log", ["subject", "at"])
    op.create_index("ix_audit_log_action_at", "audit_log", ["action", "at"])
    for event in ("update", "delete"):
        _refuse(event)


def _refuse(event: str) -> None:
    begin = f"CREATE TRIGGER audit_log_refuses_{event} BEFORE {event.upper()} ON audit_log FOR EACH ROW"
    sentence = "'the audit log is append-only'"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"{begin} BEGIN SELECT RAISE(ABORT, {sentence}); END")
        return
    try:
        op.execute(f"{begin} SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = {sentence}")
    except sa.exc.DBAPIError as error:
        if error.orig is None or error.orig.args[0] not in NOT_GRANTED:
            raise
