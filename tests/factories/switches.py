"""The sandbox's switches, set by a test."""

from __future__ import annotations

from backend.core import db
from backend.core.actor import Actor
from backend.sandbox import service


def switch(owner: Actor, **changes: object) -> None:
    """Set switches of the sandbox."""
    with db.transaction(write=True) as session:
        service.set_switches(session, actor=owner, changes=changes)


def expire(owner: Actor) -> None:
    """End the sandbox's access tokens."""
    with db.transaction(write=True) as session:
        service.expire_tokens(session, actor=owner)


def withdraw(owner: Actor) -> None:
    """Withdraw the sandbox's grants."""
    with db.transaction(write=True) as session:
        service.revoke_grants(session, actor=owner)
