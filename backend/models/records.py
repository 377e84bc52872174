"""Tables of modules and their records: what is filtered, sorted or searched by, and what must be unique, have their own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, text
from sqlmodel import Field

from backend.models.base import IdText, KeptJson, LongText, Table, TenantRow

# Compares by byte on both databases, as the keys of `backend.records.keys` are made to.
_SortKey: Any = String(100).with_variant(String(100, collation="C"), "postgresql")


class Module(TenantRow, table=True):
    """A type of records that a workspace defines: its fields, its rules, and what is still to be done about its records.

    A field keeps its `key` through all renaming; `shape` counts the sets of keys that records were written with. `chores` say
    what the records there are still need: `{"kind": "fill" | "purge", "key"}` for a field that came or went, and how far the
    walk through them has come, `{"kind": "walk", "after"}`; `{"kind": "claim" | "release", "key"}` for a field that is becoming
    unique, with how far that has come, or is so no more.
    """

    __table_args__ = (
        Index(
            "uq_module_name",
            "workspace_id",
            "name",
            unique=True,
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
    )
    name: str = Field(max_length=60)
    label: str = Field(max_length=100)
    singular: str = Field(max_length=60)
    description: str = Field(default="", max_length=1000)
    event_names: str = Field(default="snake", max_length=8)  # snake | camel
    fields: list[dict[str, Any]] = Field(default_factory=list, sa_type=KeptJson)
    rules: list[dict[str, Any]] = Field(default_factory=list, sa_type=KeptJson)
    chores: list[dict[str, Any]] = Field(default_factory=list, sa_type=KeptJson)
    shape: int = 1
    revision: int = 1
    created_by: str = Field(sa_type=IdText)
    updated_at: datetime
    deleted_at: datetime | None = None


class Record(TenantRow, table=True):
    """One row of a module. `body` is the exact text that a read answers, by the keys of the module's fields.

    It can be answered as it stands while `shape` is the module's and every field is named as its key.
    """

    __table_args__ = (
        Index("ix_record_list", "workspace_id", "module_id", "id"),
        Index("ix_record_updated", "workspace_id", "module_id", "updated_at", "id"),
    )
    module_id: str = Field(sa_type=IdText)
    body: str = Field(sa_type=LongText)
    shape: int
    created_by: str = Field(sa_type=IdText)
    updated_at: datetime


class RecordValue(Table, table=True):
    """What records are filtered and sorted by: a key that sorts as the value does. The field "" holds the words of a record."""

    __table_args__ = ({"sqlite_with_rowid": False},)
    workspace_id: str = Field(sa_type=IdText, primary_key=True)
    module_id: str = Field(sa_type=IdText, primary_key=True)
    field: str = Field(sa_type=IdText, primary_key=True)
    value: str = Field(sa_type=_SortKey, primary_key=True)
    record_id: str = Field(sa_type=IdText, primary_key=True)


class RecordUnique(Table, table=True):
    """The values of unique fields, hashed: one record for each."""

    workspace_id: str = Field(sa_type=IdText, primary_key=True)
    module_id: str = Field(sa_type=IdText, primary_key=True)
    field: str = Field(sa_type=IdText, primary_key=True)
    hash: str = Field(max_length=32, primary_key=True)
    record_id: str = Field(sa_type=IdText)


class RecordDue(Table, table=True):
    """A moment at which a rule of a module looks at a record again. Deleted when it has."""

    __table_args__ = (Index("ix_record_due", "due_at"),)
    record_id: str = Field(sa_type=IdText, primary_key=True)
    field: str = Field(sa_type=IdText, primary_key=True)
    workspace_id: str = Field(sa_type=IdText, nullable=False)
    module_id: str = Field(sa_type=IdText, nullable=False)
    due_at: datetime
