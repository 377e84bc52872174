"""People and workspaces for tests."""

from __future__ import annotations

from sqlmodel import Session

from backend.core import db, ids
from backend.core.actor import Actor, ActorKind, Role
from backend.models import Membership, User, Workspace


def member(session: Session, workspace_id: str, role: Role = Role.OWNER) -> Actor:
    """A new user with a role in a workspace, as the actor of services."""
    user = User(id=ids.new("usr"), email=f"{ids.new('x')}@example.com", name=f"A {role}", password_hash="none")
    session.add(user)
    session.flush()
    if role is Role.SUPER_ADMIN:
        user.is_super_admin = True
    else:
        session.add(Membership(id=ids.new("mem"), workspace_id=workspace_id, user_id=user.id, role=role))
    session.flush()
    return Actor(ActorKind.USER, user.id, workspace_id, name=user.name, role=role, ip="127.0.0.1", request_id="req_test")


def workspace(name: str = "Acme", role: Role = Role.OWNER) -> Actor:
    """A new workspace, committed, and its first user with `role`."""
    with db.transaction(write=True) as session:
        made = Workspace(id=ids.new("wsp"), name=name)
        session.add(made)
        session.flush()
        return member(session, made.id, role)


def key_actor(workspace_id: str, *scopes: str) -> Actor:
    """An API key's actor that holds exactly these scopes; there is no row behind it."""
    return Actor(ActorKind.KEY, ids.new("key"), workspace_id, name="A key", scopes=frozenset(scopes))
