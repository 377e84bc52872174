"""What was published about API keys, so that it is published once."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "api_key_notice",
        sa.Column("id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("workspace_id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False),
        sa.Column("api_key_id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("mark", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key_notice")),
        sa.UniqueConstraint("api_key_id", "kind", "mark", name=op.f("uq_api_key_notice_api_key_id_kind_mark")),
    )
    with op.batch_alter_table("api_key_notice", schema=None) as batch_op:
        batch_op.create_index("ix_api_key_notice_created", ["created_at"], unique=False)


def downgrade() -> None:
    """Undo."""
    op.drop_table("api_key_notice")
