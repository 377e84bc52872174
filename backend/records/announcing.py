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
    publish_all(session, definition, commands(definition, action, record_id, values, actor=actor, before=before))


def commands(
    definition: Definition, action: str, record_id: str, values: Values, *, actor: Actor, before: Values | None = None
) -> list[events.Command]:
    """The events of a change: those of its module, and the general one beside them, which `*` does not take. Raises like `announce`."""
    data = definition.data(record_id, values, before)
    types = [f"{definition.singular}.{action}"]
    if action != DELETED:
        types += rules.decide(definition.rules, before, values)
    text = body.data_text(data, path=definition.singular)
    beside = events.Command(actor, f"record.{action}", data, text, by_star=False)
    return [beside, *(events.Command(actor, name, data, text) for name in dict.fromkeys(types))]


def publish(session: Session, definition: Definition, types: list[str], data: dict[str, Any], *, actor: Actor) -> None:
    """Publish `data` as each of `types`."""
    text = body.data_text(data, path=definition.singular)
    publish_all(session, definition, [events.Command(actor, name, data, text) for name in dict.fromkeys(types)])


def publish_all(session: Session, definition: Definition, commands: list[events.Command]) -> None:
    """Publish events of a module's records, and tell open consoles.

    A type that the workspace has archived since is published no more, and nothing fails by that.
    """
    events.publish_many(session, commands)
    workspace_id = definition.workspace_id
    db.after_commit(session, lambda: queue.publish(workspace_id, TOPIC), key=(TOPIC, workspace_id))
