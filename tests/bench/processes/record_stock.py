"""A module with many records and all their index keys, made by the database itself. `record_stock COUNT` prints `{"workspace": id}`."""

from __future__ import annotations

import json
import sys

from sqlalchemy import text
from sqlmodel import Session

from backend.core import actor as actors
from backend.core import db
from backend.models import Module
from backend.records import modules
from backend.records.definitions import ModuleInput
from tests.bench.processes import fill
from tests.factories import accounts

FIELDS = (
    {"name": "title", "type": "text"},
    {"name": "owner", "type": "text"},
    {"name": "status", "type": "select", "options": ["open", "done"]},
    {"name": "day", "type": "date"},
)
_STEP = 50_000
# Ten digits, and two; an id of 26 characters with the number at its end.
_TEN, _TWO = "substr(CAST(10000000000 + {0} AS TEXT), 2)", "substr(CAST(100 + {0} AS TEXT), 2)"
_ID = f"'rec_01aaaaaaaaaaaaaa' || {_TEN.format('i')}"
_VALUES = {
    "title": f"'item ' || {_TEN.format('i')}",
    "owner": f"'owner ' || {_TEN.format('((i * 7919) % 100)')}",
    "status": "CASE WHEN i % 2 = 0 THEN 'open' ELSE 'done' END",
    "day": f"'20' || {_TWO.format('(i % 90)')} || '-' || {_TWO.format('(1 + (i / 90) % 12)')} || '-' || {_TWO.format('(1 + (i / 1080) % 28)')}",
}
_AT = "2026-01-31T09:30:00.000Z"
_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT CAST(:begin AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :upto) "


def main(count: int) -> None:
    """Fill an empty database."""
    fill.open_database()
    workspace = accounts.workspace()
    with db.transaction(write=True) as session:
        module = modules.create(session, actor=actors.system(workspace.workspace_id), input=ModuleInput(name="items", fields=FIELDS))
    for begin in range(0, count, _STEP):
        with db.transaction(write=True) as session:
            _records(session, module, begin, min(count, begin + _STEP))
    for name, value in {**_VALUES, "": _VALUES["title"]}.items():
        with db.transaction(write=True) as session:
            _keys(session, module, name, value, count)
    with db.transaction(write=True) as session:
        session.connection().execute(text("ANALYZE"))
    sys.stdout.write(json.dumps({"workspace": workspace.workspace_id}) + "\n")


def _records(session: Session, module: Module, begin: int, upto: int) -> None:
    members = " || ".join(f"""',"{name}":"' || {value} || '"'""" for name, value in _VALUES.items())
    body = f"""'{{"id":"' || {_ID} || '","module":"items"' || {members} || ',"created_at":"{_AT}","updated_at":"{_AT}"}}'"""
    query = f"""INSERT INTO record (id, created_at, workspace_id, module_id, body, shape, created_by, updated_at)
        {_NUMBERS} SELECT {_ID}, :at, :workspace, :module, {body}, 1, 'system', :at FROM n"""  # noqa: S608 - our own words
    place = {"workspace": module.workspace_id, "module": module.id, "at": module.created_at, "begin": begin, "upto": upto}
    session.connection().execute(text(query), place)


def _keys(session: Session, module: Module, field: str, value: str, count: int) -> None:
    """In the order of the index, so that it grows at its end. Of the words one is enough: the number at the end of the title."""
    shown = f"substr({value}, 6)" if not field else value
    query = f"""INSERT INTO record_value (workspace_id, module_id, field, value, record_id)
        {_NUMBERS} SELECT :workspace, :module, :field, '=' || {shown}, {_ID} FROM n ORDER BY 4, 5"""  # noqa: S608 - our own words
    place = {"workspace": module.workspace_id, "module": module.id, "field": field, "begin": 0, "upto": count}
    session.connection().execute(text(query), place)


if __name__ == "__main__":
    main(int(sys.argv[1]))
