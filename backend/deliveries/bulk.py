"""One statement over many rows, as cheaply as each database takes it: `executemany` on SQLite, `unnest` of arrays on PostgreSQL.

The delivery engine writes thousands of rows a second; building them through the ORM would cost more than sending them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

Rows = Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement in both dialects. On SQLite its parameters are a row each; on PostgreSQL one array a column."""

    sqlite: str
    postgres: str

    def run(self, connection: Connection, rows: Rows) -> int:
        """Execute it for `rows`; the number of rows that changed."""
        if not rows:
            return 0
        if is_sqlite(connection):
            return connection.exec_driver_sql(self.sqlite, [tuple(row) for row in rows]).rowcount
        columns = [list(column) for column in zip(*rows, strict=True)]
        return connection.exec_driver_sql(self.postgres, tuple(columns)).rowcount


def is_sqlite(connection: Connection) -> bool:
    """Whether this connection talks to SQLite."""
    return connection.dialect.name == "sqlite"


def insert(table: str, columns: dict[str, str], suffix: str = "") -> Statement:
    """An INSERT of rows whose values are in the order of `columns`: name → PostgreSQL type. `suffix` is an ON CONFLICT clause."""
    names = ", ".join(f'"{name}"' for name in columns)
    marks = ", ".join("?" for _ in columns)
    return Statement(
        f"INSERT INTO {table} ({names}) VALUES ({marks}) {suffix}",  # noqa: S608 - names are ours
        f"INSERT INTO {table} ({names}) SELECT * FROM unnest({_arrays(columns)}) {suffix}",  # noqa: S608 - names are ours
    )


def update(table: str, columns: dict[str, str], keys: dict[str, str]) -> Statement:
    """An UPDATE of rows: the values of `columns`, then those of `keys`, by which the row is found."""
    assignments = ", ".join(f'"{name}" = ?' for name in columns)
    wanted = " AND ".join(f'"{name}" = ?' for name in keys)
    # A column may be both a key and changed, so the arrays are named by position.
    places = [f"c{index}" for index in range(len(columns) + len(keys))]
    pg_assignments = ", ".join(f'"{name}" = v.{place}' for name, place in zip(columns, places, strict=False))
    pg_wanted = " AND ".join(f't."{name}" = v.{place}' for name, place in zip(keys, places[len(columns) :], strict=True))
    arrays = ", ".join(f"%s::{kind}[]" for kind in (*columns.values(), *keys.values()))
    return Statement(
        f"UPDATE {table} SET {assignments} WHERE {wanted}",  # noqa: S608 - names are ours
        f"UPDATE {table} t SET {pg_assignments} FROM unnest({arrays}) v({', '.join(places)}) WHERE {pg_wanted}",  # noqa: S608 - the same
    )


def moment(connection: Connection, value: datetime | None) -> Any:
    """A time as the driver takes it: text in UTC on SQLite, as SQLAlchemy stores it there, the aware time on PostgreSQL."""
    if value is None or not is_sqlite(connection):
        return value
    return value.replace(tzinfo=None).isoformat(" ", "microseconds")


def _arrays(columns: dict[str, str]) -> str:
    return ", ".join(f"%s::{kind}[]" for kind in columns.values())
