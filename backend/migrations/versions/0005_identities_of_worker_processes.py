"""Which process a run is of, since process ids are used again."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("worker_run") as batch:
        batch.add_column(sa.Column("identity", sqlmodel.sql.sqltypes.AutoString(length=120), nullable=True))


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("worker_run") as batch:
        batch.drop_column("identity")
