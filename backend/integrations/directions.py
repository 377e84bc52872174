"""What somebody chooses about an integration's syncs: shown with what can be chosen, changed, and checked against modules and rights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from backend.audit import service as audit
from backend.core import clock, permissions
from backend.core.actor import Actor
from backend.core.errors import Conflict, FieldError, Invalid, NotFound
from backend.integrations import catalogue, plans, queries, timeline
from backend.integrations.entry import Column, Push, Sync
from backend.integrations.plans import Direction, Plan
from backend.models import Integration
from backend.records import definition
from backend.records.definition import Definition


@dataclass(frozen=True, slots=True)
class Choice:
    """How an integration syncs, and what can be chosen. `push` is None where records cannot be written to the provider."""

    plan: Plan
    directions: tuple[Direction, ...]
    sync: Sync | None
    push: Push | None
    push_columns: tuple[Column, ...]
    is_shared: bool
    missing_scope: str  # which writing needs and the provider has not granted


def read(session: Session, *, actor: Actor, integration_id: str) -> Choice:
    """How an integration syncs. Raises `NotFound`."""
    permissions.require(actor, permissions.INTEGRATIONS_READ)
    return _choice(queries.one(session, actor.workspace_id, integration_id))


def change(session: Session, *, actor: Actor, integration_id: str, changes: Mapping[str, Any]) -> Choice:
    """Change the given parts: `direction`, `module`, `push_module`, `mapping`, `push_mapping`, `conflict`, `removed`, `removed_field`.

    Whoever has records brought into a module must be allowed to write it, and to read one whose records are sent away. What writing
    needs is asked for with the next sign-in. Raises `NotFound`, `Invalid` with every mistake, `Forbidden`, `Conflict` during a sync.
    """
    permissions.require(actor, permissions.INTEGRATIONS_WRITE)
    row = queries.one(session, actor.workspace_id, integration_id, lock=True)
    if queries.open_sync(session, row) is not None:
        raise Conflict(f"{row.name} is syncing at this moment. Wait until it is done, or cancel it first.")
    before = _described(row)
    plans.change(row, changes)
    plan = plans.of(row)
    _check(session, actor, row, plan)
    push = plans.pushing(catalogue.get(row.provider), row.auth)
    if plan.pushes and push is not None and push.scope and push.scope not in row.requested_scopes:
        row.requested_scopes = [*row.requested_scopes, push.scope]
    after = _described(row)
    if before != after:
        row.updated_at = clock.now()
        timeline.note(session, row, "updated", "The settings of its syncs were changed.", actor=actor)
        old, new = audit.changes(before, after)
        audit.record(
            session,
            actor=actor,
            action="integration.updated",
            target_kind="integration",
            target_id=row.id,
            target_name=row.name,
            before=old,
            after=new,
        )
    return _choice(row)


def _choice(row: Integration) -> Choice:
    entry = catalogue.get(row.provider)
    push = plans.pushing(entry, row.auth)
    granted = row.granted_scopes
    lacks = push is not None and bool(push.scope) and granted is not None and push.scope not in granted
    return Choice(
        plan=plans.of(row),
        directions=plans.directions(entry, row.auth),
        sync=plans.pulling(entry, row.auth),
        push=push,
        push_columns=plans.columns(entry) if push is not None else (),
        is_shared=plans.is_shared(entry),
        missing_scope=push.scope if push is not None and lacks else "",
    )


def _described(row: Integration) -> dict[str, Any]:
    return {
        "direction": row.sync_direction,
        "module": row.sync_module,
        "sync": dict(row.sync_settings),
        "scopes": list(row.requested_scopes),
    }


def _check(session: Session, actor: Actor, row: Integration, plan: Plan) -> None:
    """Raise `Invalid` for fields that the modules do not have, `Forbidden` for modules that the actor may not use in this way."""
    errors: list[FieldError] = []
    if plan.pulls:
        permissions.require(actor, permissions.RECORDS_WRITE.of(plan.module))
        found = _module(session, row, plan.module)
        chosen: dict[str, str] = row.sync_settings.get("mapping") or {}
        errors += _absent("mapping", found, {column: name for column, name in plan.pull.items() if column in chosen})
        field = found.by_name.get(plan.removed_field) if found is not None else None
        if plan.removed is plans.Removed.MARK and found is not None and (field is None or field.type != "boolean"):
            problem = f"{plan.removed_field} is no yes/no field of {plan.module}."
            errors.append(FieldError("removed_field", problem, "Add one to the module, or choose another."))
    if plan.pushes:
        permissions.require(actor, permissions.RECORDS_READ.of(plan.push_module))
        found = _module(session, row, plan.push_module)
        if found is None and not (plan.pulls and plan.module == plan.push_module):
            errors.append(
                FieldError(
                    "module" if plan.push_module == plan.module else "push_module",
                    f"{plan.push_module} is no module of this workspace.",
                    "Make it first, or choose another.",
                )
            )
        told: dict[str, str] = row.sync_settings.get("push_mapping") or {}
        errors += _absent("push_mapping", found, {column: name for column, name in plan.push.items() if column in told})
    if errors:
        raise Invalid(*errors)


def _module(session: Session, row: Integration, name: str) -> Definition | None:
    try:
        return definition.of(session, row.workspace_id, name)
    except NotFound:
        return None  # it is made by the first sync, with the fields that are mapped


def _absent(path: str, found: Definition | None, mapping: Mapping[str, str]) -> list[FieldError]:
    if found is None:
        return []
    return [
        FieldError(f"{path}.{column}", f"{name} is no field of {found.name}.", "Choose one that the module has.")
        for column, name in mapping.items()
        if name not in found.by_name
    ]
