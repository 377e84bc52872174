"""Column types and the mixins that every table is made of."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Integer, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import declared_attr
from sqlmodel import Field, SQLModel

from backend.core import clock

# Alembic needs every constraint to have a name.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# Ids compare by byte on both databases, so that they sort by creation time.
IdText: Any = String(64).with_variant(String(64, collation="C"), "postgresql")
# For documents that are looked into; `KeptJson` keeps the order of keys on PostgreSQL too.
JsonDoc: Any = JSON().with_variant(JSONB(), "postgresql")
KeptJson: Any = JSON()
LongText: Any = Text()
Count: Any = BigInteger().with_variant(Integer(), "sqlite")


class Table(SQLModel):
    """A table named as its class is, in snake_case: `ApiKey` is `api_key`."""

    @declared_attr.directive  # SQLModel declares the attribute more narrowly than SQLAlchemy, whose way this is
    def __tablename__(cls) -> str:  # noqa: N805 # pyright: ignore[reportIncompatibleVariableOverride]  # a class method, as SQLAlchemy declares it
        """The name of the table."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


class Row(Table):
    """What every table has: an id that sorts by creation time, and that time."""

    id: str = Field(sa_type=IdText, primary_key=True)
    created_at: datetime = Field(default_factory=clock.now, nullable=False)


class TenantRow(Row):
    """A row of one workspace; nothing crosses. The workspace is the first column of every list index."""

    workspace_id: str = Field(sa_type=IdText, nullable=False)
