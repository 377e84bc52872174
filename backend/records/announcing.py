"""Says what became of a record: `record.…`, the event named by its module's singular, and what the module's rules add."""

from __future__ import annotations

from typing import Any, Final

from sqlmodel import Session

from backend.core import db, queue
from backend.core.actor import Actor
from backend.events import body
from backend.events import service as events
from backend.records import rules
from backend.records.definition import Definition
from backend.records.writing import Values

CREATED, UPDATED, DELETED = "created", "updated", "deleted"
ACTIONS: Final = (CREATED, UPDATED, DELETED)
TOPIC: Final = "records"


def announce(
    session: Session, definition: Definition, action: str, record_id: str, values: Values, *, actor: Actor, before: Values | None = None
) -> None:
    """Publish the events of a change in its transaction. Raises `TooLarge` for a record that no event can carry."""
    data = definition.data(record_id, values, before)
    types = [f"{definition.singular}.{action}"]
    if action != DELETED:
        types += rules.decide(definition.rules, before, values)
    publish(session, definition, types, data, actor=actor, beside=f"record.{action}")


def publish(
    session: Session, definition: Definition, types: list[str], data: dict[str, Any], *, actor: Actor, beside: str | None = None
) -> None:
    """Publish `data` as each of `types`, and as the general type `beside` them, which `*` does not take.

    A type that the workspace has archived since is published no more, and nothing fails by that.
    """
    text = body.data_text(data, path=definition.singular)
    commands = [events.Command(actor, beside, data, text, by_star=False)] if beside else []
    commands += [events.Command(actor, name, data, text) for name in dict.fromkeys(types)]
    events.publish_many(session, commands)
    workspace_id = definition.workspace_id
    db.after_commit(session, lambda: queue.publish(workspace_id, TOPIC), key=(TOPIC, workspace_id))
