"""How a lower feature says something upward: it emits an operational event, a composition root binds who publishes it."""

from __future__ import annotations

from typing import Any, Protocol

from sqlmodel import Session

from backend.core.actor import Actor


class Publisher(Protocol):
    """Publishes one event in the transaction of `session`."""

    def __call__(self, session: Session, *, actor: Actor, type: str, data: dict[str, Any]) -> object:  # noqa: A002 - the field's name
        ...


_publisher: Publisher | None = None


def bind(publisher: Publisher) -> None:
    """Bind the publisher; called once by each composition root."""
    global _publisher
    _publisher = publisher


def emit(session: Session, *, actor: Actor, type: str, data: dict[str, Any]) -> None:  # noqa: A002 - the field's name
    """Publish an event in this transaction. Raises `RuntimeError` if no composition root has bound a publisher."""
    if _publisher is None:
        raise RuntimeError("core.outbox.bind() was not called by the process's composition root")
    _publisher(session, actor=actor, type=type, data=data)
