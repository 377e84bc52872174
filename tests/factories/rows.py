"""A workspace's rows as text: what tests of separation compare before and after."""

from __future__ import annotations

from sqlalchemy import text
from sqlmodel import SQLModel

from backend.core import db

# Tables that record the calls themselves.
RECORDS_OF_CALLS = {"request_log", "request_rollup", "unknown_request"}


def of_workspace(workspace_id: str) -> dict[str, list[str]]:
    """Every row of a workspace, by table, as text."""
    found: dict[str, list[str]] = {}
    with db.database().reader.connect() as connection:
        for table in SQLModel.metadata.sorted_tables:
            if table.name in RECORDS_OF_CALLS or not (table.name == "workspace" or "workspace_id" in table.c):
                continue
            column = "id" if table.name == "workspace" else "workspace_id"
            query = text(f"SELECT * FROM {table.name} WHERE {column} = :id ORDER BY 1")  # noqa: S608 - names of our own tables
            found[table.name] = [str(tuple(row)) for row in connection.execute(query, {"id": workspace_id})]
    return found
