"""The shortest and the longest time of every row of the roll-ups, so that no percentile lies outside what was measured."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_TABLES = ("delivery_rollup", "request_rollup", "provider_rollup")
_COLUMNS = ("min_ms", "max_ms")


def upgrade() -> None:
    """Apply."""
    for table in _TABLES:
        for name in _COLUMNS:
            op.add_column(table, sa.Column(name, sa.Float(), nullable=True))


def downgrade() -> None:
    """Undo."""
    for table in _TABLES:
        with op.batch_alter_table(table) as batch:
            for name in _COLUMNS:
                batch.drop_column(name)
