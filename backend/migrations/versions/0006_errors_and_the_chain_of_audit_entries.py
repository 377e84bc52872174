"""Errors; the chain of audit entries, and the rule that they are only ever added to."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"

_ID: Any = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")
_JSON: Any = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
_TEXT: Any = sqlmodel.sql.sqltypes.AutoString
_TIME: Any = sqlmodel.sql.sqltypes.UTCDateTime

# What is written once and never again. Sealing fills in the other columns, once.
_FIXED = (
    "id", "created_at", "workspace_id", "action", "target_kind", "target_id", "target_name", "actor_kind", "actor_id", "actor_name",
    "ip", "request_id", "before", "after", "reason",
)  # fmt: skip
_NO_DELETE = "audit entries cannot be deleted"
_NO_CHANGE = "audit entries cannot be changed"
_SQLITE = (
    f"CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry BEGIN SELECT RAISE(ABORT, '{_NO_DELETE}'); END",
    "CREATE TRIGGER audit_entry_no_change BEFORE UPDATE ON audit_entry WHEN OLD.sequence IS NOT NULL OR "
    + " OR ".join(f'OLD."{name}" IS NOT NEW."{name}"' for name in _FIXED)
    + f" BEGIN SELECT RAISE(ABORT, '{_NO_CHANGE}'); END",
)
_POSTGRES = (
    (
        "CREATE FUNCTION audit_entry_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation'; END $$"
    ),
    f"CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_entry_refuse('{_NO_DELETE}')",
    (
        "CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON audit_entry FOR EACH STATEMENT "
        f"EXECUTE FUNCTION audit_entry_refuse('{_NO_DELETE}')"
    ),
    "CREATE TRIGGER audit_entry_no_change BEFORE UPDATE ON audit_entry FOR EACH ROW WHEN (OLD.sequence IS NOT NULL OR "
    + " OR ".join(f'OLD."{name}" IS DISTINCT FROM NEW."{name}"' for name in _FIXED)
    + f") EXECUTE FUNCTION audit_entry_refuse('{_NO_CHANGE}')",
)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "error_entry",
        sa.Column("id", _ID, nullable=False),
        sa.Column("created_at", _TIME(), nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("severity", _TEXT(length=12), nullable=False),
        sa.Column("kind", _TEXT(length=40), nullable=False),
        sa.Column("message", _TEXT(length=1000), nullable=False),
        sa.Column("target_kind", _TEXT(length=40), nullable=False),
        sa.Column("target_id", _TEXT(length=200), nullable=False),
        sa.Column("trace_id", _TEXT(length=64), nullable=False),
        sa.Column("detail", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_error_entry")),
    )
    op.create_index("ix_error_entry_list", "error_entry", ["workspace_id", "id"])
    op.create_index("ix_error_entry_severity", "error_entry", ["workspace_id", "severity", "id"])
    op.create_table(
        "audit_head",
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("entry_mac", _TEXT(length=64), nullable=False),
        sa.Column("mac", _TEXT(length=64), nullable=False),
        sa.Column("mac_key_id", _TEXT(length=32), nullable=False),
        sa.Column("sealed_at", _TIME(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_audit_head")),
    )
    # Not in a batch: on SQLite that would make the table anew, and lose its triggers.
    op.add_column("audit_entry", sa.Column("mac_key_id", _TEXT(length=32), nullable=True))
    unsealed = sa.text("sequence IS NULL")
    op.create_index("ix_audit_unsealed", "audit_entry", ["workspace_id", "id"], sqlite_where=unsealed, postgresql_where=unsealed)
    for statement in _SQLITE if _is_sqlite() else _POSTGRES:
        op.execute(sa.DDL(statement.replace("%", "%%")))


def downgrade() -> None:
    """Undo."""
    on = "" if _is_sqlite() else " ON audit_entry"
    for name in ("no_change", "no_delete") if _is_sqlite() else ("no_change", "no_delete", "no_truncate"):
        op.execute(f"DROP TRIGGER audit_entry_{name}{on}")
    if not _is_sqlite():
        op.execute("DROP FUNCTION audit_entry_refuse()")
    op.drop_index("ix_audit_unsealed", "audit_entry")
    op.drop_column("audit_entry", "mac_key_id")
    op.drop_table("audit_head")
    op.drop_table("error_entry")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
