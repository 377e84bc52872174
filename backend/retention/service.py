"""What a workspace and the operator have decided about how long logs are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlmodel import Session, select

from backend.audit import service as audit
from backend.core import ids, permissions
from backend.core.actor import Actor
from backend.models import InstanceSetting, Workspace
from backend.retention import policy
from backend.retention.policy import InstanceRetention, Retention

_NAME: Final = "retention"


@dataclass(frozen=True, slots=True)
class Decided:
    """The days of a workspace, and of the installation for those who may see that."""

    workspace: Retention
    instance: InstanceRetention | None


def read(session: Session, *, actor: Actor) -> Decided:
    """How long the logs of the workspace are kept."""
    permissions.require(actor, permissions.LOGS_READ)
    workspace = session.get_one(Workspace, actor.workspace_id)
    sees_instance = permissions.allows(actor, permissions.INSTANCE_READ)
    return Decided(of_workspace(workspace), of_instance(session) if sees_instance else None)


def change(session: Session, *, actor: Actor, changes: Mapping[str, Any], instance: Mapping[str, Any] | None = None) -> Decided:
    """Change the given days. What is older goes within an hour. Raises `Invalid`, and `Forbidden` for the installation's."""
    permissions.require(actor, permissions.LOGS_KEEP)
    if changes:
        workspace = session.exec(select(Workspace).where(Workspace.id == actor.workspace_id).with_for_update()).one()
        before = of_workspace(workspace)
        after = policy.change(before, changes)
        workspace.settings = {**workspace.settings, _NAME: after.model_dump()}
        _note(session, actor, "workspace.retention_changed", "workspace", workspace.id, before.model_dump(), after.model_dump())
    if instance:
        permissions.require(actor, permissions.INSTANCE_READ)
        _change_instance(session, actor, instance)
    session.flush()
    return read(session, actor=actor)


def of_workspace(workspace: Workspace) -> Retention:
    """The days of a workspace as they are stored, else the defaults."""
    return Retention.model_validate(workspace.settings.get(_NAME, {}))


def of_instance(session: Session) -> InstanceRetention:
    """The days of the installation as they are stored, else the defaults."""
    row = _row(session)
    return InstanceRetention.model_validate(row.value if row is not None else {})


def _change_instance(session: Session, actor: Actor, changes: Mapping[str, Any]) -> None:
    before = of_instance(session)
    after = policy.change_instance(before, changes)
    row = _row(session)
    if row is None:
        session.add(InstanceSetting(id=ids.new("set"), name=_NAME, value=after.model_dump()))
    else:
        row.value = after.model_dump()
    _note(session, actor, "instance.retention_changed", "instance", _NAME, before.model_dump(), after.model_dump())


def _note(session: Session, actor: Actor, action: str, kind: str, identifier: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    was, became = audit.changes(before, after)
    if became:
        audit.record(session, actor=actor, action=action, target_kind=kind, target_id=identifier, before=was, after=became)


def _row(session: Session) -> InstanceSetting | None:
    return session.exec(select(InstanceSetting).where(InstanceSetting.name == _NAME)).first()
