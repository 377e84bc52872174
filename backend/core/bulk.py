"""One statement over many rows, as cheaply as each database takes it: `executemany` on SQLite; COPY, or one JSON document, on PostgreSQL.

What comes by the thousand a second, deliveries, events, incoming requests, would cost more to build through the ORM than to send, and
arrays of parameters cost psycopg five times what one document does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast

import orjson
import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

Rows = Sequence[Sequence[Any]]
_TEXT_LENGTH: Final = len("2026-01-31 09:30:00.000000")  # without the offset, which is that of UTC


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement in both dialects: on SQLite its parameters are a row each, on PostgreSQL `{rows}` stands for all of them."""

    sqlite: str
    postgres: str
    types: tuple[str, ...]  # of PostgreSQL, in the order of a row; `{rows}` names its columns c0, c1, …

    def run(self, connection: Connection, rows: Rows) -> None:
        """Execute it for `rows`."""
        if not rows:
            return
        if is_sqlite(connection):
            connection.exec_driver_sql(self.sqlite, [tuple(row) for row in rows])
            return
        names = [f"c{index}" for index in range(len(self.types))]
        columns = ", ".join(f"{name} {kind}" for name, kind in zip(names, self.types, strict=True))
        document = orjson.dumps([dict(zip(names, row, strict=True)) for row in rows]).decode()
        connection.exec_driver_sql(self.postgres.format(rows=f"json_to_recordset(%s::json) v({columns})"), (document,))


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT of rows whose values are in the order of `columns`; documents are given as JSON text."""

    table: str
    columns: tuple[str, ...]

    def run(self, connection: Connection, rows: Rows) -> None:
        """Insert `rows`. Raises SQLAlchemy's errors."""
        if not rows:
            return
        names = ", ".join(f'"{name}"' for name in self.columns)
        if is_sqlite(connection):
            marks = ", ".join("?" for _ in self.columns)
            statement = f"INSERT INTO {self.table} ({names}) VALUES ({marks})"  # noqa: S608 - names are ours
            connection.exec_driver_sql(statement, [tuple(row) for row in rows])
            return
        driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
        statement = f"COPY {self.table} ({names}) FROM STDIN"
        try:
            with driver.cursor() as cursor, cursor.copy(statement.encode()) as copy:
                for row in rows:
                    copy.write_row(row)
        except psycopg.Error as error:  # as SQLAlchemy raises what it executes itself, so that an outage is known for one
            if driver.closed:
                connection.invalidate(error)
            raise DBAPIError.instance(statement, None, error, psycopg.Error, hide_parameters=True) from error


def update(table: str, columns: Mapping[str, str], keys: Mapping[str, str]) -> Statement:
    """An UPDATE of rows: the values of `columns`, then those of `keys`, by which the row is found; name → PostgreSQL type."""
    assignments = ", ".join(f'"{name}" = ?' for name in columns)
    wanted = " AND ".join(f'"{name}" = ?' for name in keys)
    pg_assignments = ", ".join(f'"{name}" = v.c{index}' for index, name in enumerate(columns))
    pg_wanted = " AND ".join(f't."{name}" = v.c{index}' for index, name in enumerate(keys, len(columns)))
    return Statement(
        f"UPDATE {table} SET {assignments} WHERE {wanted}",  # noqa: S608 - names are ours
        f"UPDATE {table} t SET {pg_assignments} FROM {{rows}} WHERE {pg_wanted}",  # noqa: S608 - the same
        (*columns.values(), *keys.values()),
    )


def delete(table: str, keys: Mapping[str, str]) -> Statement:
    """A DELETE of the rows that have these values; name → PostgreSQL type."""
    wanted = " AND ".join(f'"{name}" = ?' for name in keys)
    pg_wanted = " AND ".join(f't."{name}" = v.c{index}' for index, name in enumerate(keys))
    return Statement(
        f"DELETE FROM {table} WHERE {wanted}",  # noqa: S608 - names are ours
        f"DELETE FROM {table} t USING {{rows}} WHERE {pg_wanted}",  # noqa: S608 - the same
        tuple(keys.values()),
    )


def read(connection: Connection, query: str, values: Collection[str]) -> Sequence[Any]:
    """The rows of a query in which `{values}` stands for a subquery of these texts; its columns are as the driver gives them."""
    if is_sqlite(connection):
        statement, parameter = query.format(values="SELECT value FROM json_each(?)"), orjson.dumps(list(values)).decode()
    else:
        statement, parameter = query.format(values="SELECT unnest(%s::text[])"), list(values)
    return connection.exec_driver_sql(statement, (parameter,)).fetchall()


def is_sqlite(connection: Connection) -> bool:
    """Whether this connection talks to SQLite."""
    return connection.dialect.name == "sqlite"


def aware(value: Any) -> datetime:
    """A time as the driver gave it: text in UTC from SQLite, aware from PostgreSQL."""
    parsed = datetime.fromisoformat(value) if isinstance(value, str) else value
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def document(connection: Connection, value: Any) -> Any:
    """A JSON value as a column of a `Statement`: text on SQLite, a part of the document on PostgreSQL, where its type is json or jsonb."""
    return orjson.dumps(value).decode() if is_sqlite(connection) else value


def moment(connection: Connection, value: datetime | None) -> Any:
    """A time in UTC as the driver takes it: text on SQLite, as SQLAlchemy stores it there, the aware time on PostgreSQL."""
    return text(value) if is_sqlite(connection) else value


def text(value: datetime | None) -> str | None:
    """A time in UTC as SQLAlchemy stores it on SQLite."""
    return value.isoformat(" ", "microseconds")[:_TEXT_LENGTH] if value is not None else None
