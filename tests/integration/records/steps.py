"""What tests of records do over and over, each in a transaction of its own."""

from __future__ import annotations

import json
from typing import Any

from sqlmodel import select

from backend.core import db
from backend.core.actor import Actor
from backend.core.pagination import Page
from backend.models import Event, Module
from backend.records import modules
from backend.records import service as records
from backend.records.definitions import ModuleInput
from backend.records.service import RecordInfo

# One field of every type.
EVERY_TYPE: list[dict[str, Any]] = [
    {"name": "title", "type": "text", "required": True, "max_length": 100},
    {"name": "amount", "type": "number"},
    {"name": "is_open", "type": "boolean", "default": True},
    {"name": "day", "type": "date"},
    {"name": "due_at", "type": "datetime"},
    {"name": "email", "type": "email", "unique": True, "pii": True},
    {"name": "site", "type": "url"},
    {"name": "phone", "type": "phone"},
    {"name": "status", "type": "select", "options": ["open", "done"], "default": "open"},
    {"name": "tags", "type": "multi-select", "options": ["red", "green", "blue"]},
    {"name": "parent", "type": "reference", "module": "things"},
    {"name": "extra", "type": "json"},
]


def define(actor: Actor, name: str = "things", fields: list[dict[str, Any]] = EVERY_TYPE, **more: Any) -> Module:
    """Define a module."""
    with db.transaction(write=True) as session:
        return modules.create(session, actor=actor, input=ModuleInput(name=name, fields=fields, **more))


def redefine(actor: Actor, name: str = "things", /, *, confirm: bool = False, **changes: Any) -> Module:
    """Change a module."""
    with db.transaction(write=True) as session:
        return modules.update(session, actor=actor, name=name, changes=changes, confirm=confirm)


def install(actor: Actor, name: str = "crm") -> None:
    """Install a starter set."""
    with db.transaction(write=True) as session:
        modules.install(session, actor=actor, name=name)


def make(actor: Actor, module: str = "things", **values: Any) -> dict[str, Any]:
    """Make a record; what a read answers."""
    with db.transaction(write=True) as session:
        return records.create(session, actor=actor, module=module, values=values).document


def change(actor: Actor, record_id: str, module: str = "things", **values: Any) -> dict[str, Any]:
    """Change a record; what a read answers."""
    with db.transaction(write=True) as session:
        return records.update(session, actor=actor, module=module, record_id=record_id, values=values).document


def remove(actor: Actor, record_id: str, module: str = "things") -> None:
    """Delete a record."""
    with db.transaction(write=True) as session:
        records.delete(session, actor=actor, module=module, record_id=record_id)


def read(actor: Actor, record_id: str, module: str = "things") -> dict[str, Any]:
    """Read a record."""
    with db.transaction() as session:
        return records.get(session, actor=actor, module=module, record_id=record_id).document


def page(actor: Actor, module: str = "things", **parameters: str) -> Page[RecordInfo]:
    """A page of a list; whichever way it is read, it is the same."""
    given = list(parameters.items())
    with db.transaction() as session:
        found = records.list_records(session, actor=actor, module=module, parameters=given)
        texts = [records.page_text(session, actor=actor, module=module, parameters=given)]
        quick = records.quick_page(actor=actor, module=module, parameters=given)
        texts += [text for text in [quick(session) if quick is not None else None] if text is not None]
    shown = {"data": [one.document for one in found.data], "next_cursor": found.next_cursor, "has_more": found.has_more}
    assert [json.loads(text) for text in texts] == [shown] * len(texts)
    return found


def titles(actor: Actor, module: str = "things", **parameters: str) -> list[str]:
    """The titles on every page of a list, in its order."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        one = page(actor, module, **parameters, **cursor)
        found += [record.document["title"] for record in one.data]
        if one.next_cursor is None:
            return found
        cursor = {"cursor": one.next_cursor}


def published(actor: Actor) -> list[tuple[str, dict[str, Any]]]:
    """Every event of the workspace in its order: type and data."""
    with db.transaction() as session:
        query = select(Event.type, Event.body).where(Event.workspace_id == actor.workspace_id).order_by(Event.id)
        return [(name, json.loads(body)["data"]) for name, body in session.exec(query).all()]
