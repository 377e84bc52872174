"""Replays with their items, and which replay made a delivery."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "replay",
        sa.Column("id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("workspace_id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=12), nullable=False),
        sa.Column("webhook_id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=True),
        sa.Column("filter", sa.JSON(), nullable=False),
        sa.Column("rate", sa.Float(), nullable=True),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(length=400), nullable=False),
        sa.Column("status", sqlmodel.sql.sqltypes.AutoString(length=12), nullable=False),
        sa.Column("total", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("cursor", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=True),
        sa.Column("upto", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False),
        sa.Column("queued", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("skipped", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_by", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False),
        sa.Column("created_by_name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("advanced_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("finished_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replay")),
    )
    with op.batch_alter_table("replay", schema=None) as batch_op:
        batch_op.create_index("ix_replay_list", ["workspace_id", "id"], unique=False)
        batch_op.create_index("ix_replay_status", ["status", "finished_at"], unique=False)

    op.create_table(
        "replay_item",
        sa.Column("id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("workspace_id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False),
        sa.Column("replay_id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False),
        sa.Column("event_id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False),
        sa.Column("webhook_id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False),
        sa.Column("source_id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=True),
        sa.Column("delivery_id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=True),
        sa.Column("skip_reason", sqlmodel.sql.sqltypes.AutoString(length=400), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replay_item")),
    )
    with op.batch_alter_table("replay_item", schema=None) as batch_op:
        batch_op.create_index("ix_replay_item_list", ["replay_id", "id"], unique=False)

    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("replay_id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=True)
        )
        batch_op.create_index(
            "ix_delivery_replay",
            ["replay_id", "status"],
            unique=False,
            sqlite_where=sa.text("replay_id IS NOT NULL"),
            postgresql_where=sa.text("replay_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_delivery_replayed",
            ["event_id", "webhook_id"],
            unique=False,
            sqlite_where=sa.text("replay_id IS NOT NULL"),
            postgresql_where=sa.text("replay_id IS NOT NULL"),
        )


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_delivery_replayed", sqlite_where=sa.text("replay_id IS NOT NULL"), postgresql_where=sa.text("replay_id IS NOT NULL")
        )
        batch_op.drop_index(
            "ix_delivery_replay", sqlite_where=sa.text("replay_id IS NOT NULL"), postgresql_where=sa.text("replay_id IS NOT NULL")
        )
        batch_op.drop_column("replay_id")

    with op.batch_alter_table("replay_item", schema=None) as batch_op:
        batch_op.drop_index("ix_replay_item_list")

    op.drop_table("replay_item")
    with op.batch_alter_table("replay", schema=None) as batch_op:
        batch_op.drop_index("ix_replay_status")
        batch_op.drop_index("ix_replay_list")

    op.drop_table("replay")
