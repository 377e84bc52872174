"""Syncs that write to providers: directions, mappings, what was known last of each item, and what providers removed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0011"
down_revision = "0010"

_ID: Any = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")
_TEXT: Any = sqlmodel.sql.sqltypes.AutoString
_TIME: Any = sqlmodel.sql.sqltypes.UTCDateTime
_COUNT: Any = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INDEX = "ix_integration_link_record"
_COUNTS = ("removed", "sent_seen", "sent_created", "sent_updated", "sent_unchanged", "sent_failed")


def _columns() -> dict[str, list[sa.Column[Any]]]:
    return {
        "integration": [
            sa.Column("push_cursor", sa.JSON(), nullable=True),
            sa.Column("sync_direction", _TEXT(length=4), nullable=False, server_default="pull"),
            sa.Column("sync_settings", sa.JSON(), nullable=False, server_default="{}"),
        ],
        "integration_sync": [
            sa.Column("direction", _TEXT(length=4), nullable=False, server_default="pull"),
            sa.Column("phase", _TEXT(length=8), nullable=False, server_default="pull"),
            sa.Column("sent_total", sa.Integer(), nullable=True),
            *(sa.Column(name, _COUNT, nullable=False, server_default="0") for name in _COUNTS),
        ],
        "integration_sync_error": [sa.Column("record_id", _ID, nullable=False, server_default="")],
        "integration_link": [
            sa.Column("bases", sa.JSON(), nullable=True),
            sa.Column("intent", sa.JSON(), nullable=True),
            sa.Column("gone_at", _TIME(), nullable=True),
        ],
    }


def upgrade() -> None:
    """Apply."""
    for table, columns in _columns().items():
        for column in columns:
            op.add_column(table, column)
    op.create_index(_INDEX, "integration_link", ["integration_id", "resource", "record_id"])


def downgrade() -> None:
    """Undo."""
    op.drop_index(_INDEX, "integration_link")
    for table, columns in _columns().items():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.drop_column(column.name)
