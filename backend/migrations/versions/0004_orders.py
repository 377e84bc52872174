"""Orders, their items, and the history of their changes."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy import Text
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "order_change",
        sa.Column("id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("workspace_id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False),
        sa.Column("order_id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False),
        sa.Column("type", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("status", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("previous_status", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=True),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(length=400), nullable=True),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("event_ids", sa.JSON().with_variant(postgresql.JSONB(astext_type=Text()), "postgresql"), nullable=False),
        sa.Column("actor_kind", sqlmodel.sql.sqltypes.AutoString(length=12), nullable=False),
        sa.Column("actor_id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False),
        sa.Column("actor_name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_change")),
    )
    with op.batch_alter_table("order_change", schema=None) as batch_op:
        batch_op.create_index("ix_order_change_list", ["workspace_id", "order_id", "id"], unique=False)

    op.create_table(
        "order_item",
        sa.Column("id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("workspace_id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False),
        sa.Column("order_id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("product_id", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=True),
        sa.Column("modifiers", sa.JSON().with_variant(postgresql.JSONB(astext_type=Text()), "postgresql"), nullable=False),
        sa.Column("notes", sqlmodel.sql.sqltypes.AutoString(length=1000), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_item")),
        sa.UniqueConstraint("order_id", "position", name=op.f("uq_order_item_order_id_position")),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("workspace_id", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False),
        sa.Column("provider", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("external_id", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=True),
        sa.Column("branch_id", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("order_type", sqlmodel.sql.sqltypes.AutoString(length=12), nullable=False),
        sa.Column("status", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("customer_name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=True),
        sa.Column("customer_phone", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=True),
        sa.Column("delivery_address", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=True),
        sa.Column("notes", sqlmodel.sql.sqltypes.AutoString(length=1000), nullable=True),
        sa.Column("currency", sqlmodel.sql.sqltypes.AutoString(length=3), nullable=True),
        sa.Column("subtotal", sa.BigInteger(), nullable=True),
        sa.Column("delivery_fee", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("tip", sa.BigInteger(), nullable=False),
        sa.Column("discount", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("body_hash", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False),
        sa.Column("updated_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("workspace_id", "provider", "external_id", name=op.f("uq_orders_workspace_id_provider_external_id")),
    )
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.create_index("ix_orders_branch", ["workspace_id", "branch_id", "id"], unique=False)
        batch_op.create_index("ix_orders_external", ["workspace_id", "external_id", "id"], unique=False)
        batch_op.create_index("ix_orders_list", ["workspace_id", "id"], unique=False)
        batch_op.create_index("ix_orders_provider", ["workspace_id", "provider", "id"], unique=False)
        batch_op.create_index("ix_orders_status", ["workspace_id", "status", "id"], unique=False)


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index("ix_orders_status")
        batch_op.drop_index("ix_orders_provider")
        batch_op.drop_index("ix_orders_list")
        batch_op.drop_index("ix_orders_external")
        batch_op.drop_index("ix_orders_branch")

    op.drop_table("orders")
    op.drop_table("order_item")
    with op.batch_alter_table("order_change", schema=None) as batch_op:
        batch_op.drop_index("ix_order_change_list")

    op.drop_table("order_change")
