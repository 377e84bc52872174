"""What tests do with an inbox."""

from __future__ import annotations

from typing import Any

from backend.core import db
from backend.core.actor import Actor
from backend.models import ReceiverInbox, ReceiverRequest
from backend.receiver import service


def make_inbox(actor: Actor) -> ReceiverInbox:
    with db.transaction(write=True) as session:
        return service.ensure_inbox(session, actor=actor)


def tell(actor: Actor, inbox: ReceiverInbox, mode: str) -> None:
    with db.transaction(write=True) as session:
        service.set_mode(session, actor=actor, inbox_id=inbox.id, mode=mode)


def arrived(actor: Actor, inbox: ReceiverInbox, **more: Any) -> list[ReceiverRequest]:
    with db.transaction() as session:
        return service.requests(session, actor=actor, inbox_id=inbox.id, **more).data
