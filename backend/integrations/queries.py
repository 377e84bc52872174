"""The database's side of integrations: finding and locking rows, conditions of lists."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, or_
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from backend.core.errors import FieldError, Invalid, NotFound
from backend.integrations import catalogue
from backend.integrations.timeline import Status
from backend.models import Integration, IntegrationEvent, IntegrationSettings, IntegrationSync, IntegrationSyncError


def one(session: Session, workspace_id: str, integration_id: str, *, lock: bool = False) -> Integration:
    """One integration of a workspace. Raises `NotFound`."""
    query = select(Integration).where(
        Integration.id == integration_id, Integration.workspace_id == workspace_id, col(Integration.deleted_at).is_(None)
    )
    found = session.exec(query.with_for_update() if lock else query).first()
    if found is None:
        raise NotFound("There is no such integration in this workspace. GET /api/v1/integrations lists them.")
    return found


def listed(workspace_id: str, *, type: str | None, provider: str | None, status: str | None, q: str | None) -> SelectOfScalar[Integration]:  # noqa: A002 - the field's name
    """Those of a workspace that are asked for. Raises `Invalid`."""
    query = select(Integration).where(Integration.workspace_id == workspace_id, col(Integration.deleted_at).is_(None))
    if type:
        category, only = catalogue.category(type)
        query = query.where(Integration.type == category)
        provider = provider or only
    if provider:
        query = query.where(Integration.provider == catalogue.known(provider).id)
    if status:
        query = query.where(*_of_status(status))
    if q and (wanted := q.strip()):
        texts = (Integration.name, Integration.provider, Integration.account_name, Integration.description)
        exact = (Integration.id, Integration.external_ref, Integration.account_id)
        parts = [col(column).icontains(wanted, autoescape=True) for column in texts]
        query = query.where(or_(*parts, *(col(column) == wanted for column in exact)))
    return query


def by_status(session: Session, workspace_id: str) -> dict[str, int]:
    """How many integrations there are of each shown status."""
    rows = session.exec(
        select(Integration.status, col(Integration.disabled_at).is_not(None), func.count())
        .where(Integration.workspace_id == workspace_id, col(Integration.deleted_at).is_(None))
        .group_by(col(Integration.status), col(Integration.disabled_at).is_not(None))
    ).all()
    found: dict[str, int] = {}
    for status, is_disabled, number in rows:
        name = Status.DISABLED if is_disabled else status
        found[name] = found.get(name, 0) + number
    return found


def providers_of(session: Session, workspace_id: str) -> set[str]:
    """The providers of which a workspace has an integration."""
    query = select(Integration.provider).where(Integration.workspace_id == workspace_id, col(Integration.deleted_at).is_(None)).distinct()
    return set(session.exec(query).all())


def events(workspace_id: str, integration_id: str | None) -> SelectOfScalar[IntegrationEvent]:
    """Moments of one timeline, or of all of a workspace."""
    query = select(IntegrationEvent).where(IntegrationEvent.workspace_id == workspace_id)
    return query.where(IntegrationEvent.integration_id == integration_id) if integration_id else query


def syncs(workspace_id: str, integration_id: str) -> SelectOfScalar[IntegrationSync]:
    """The syncs of an integration."""
    return select(IntegrationSync).where(IntegrationSync.workspace_id == workspace_id, IntegrationSync.integration_id == integration_id)


def open_sync(session: Session, integration: Integration) -> IntegrationSync | None:
    """The sync that has not ended."""
    query = syncs(integration.workspace_id, integration.id).where(col(IntegrationSync.finished_at).is_(None))
    return session.exec(query.limit(1)).first()


def sync_errors(sync: IntegrationSync) -> SelectOfScalar[IntegrationSyncError]:
    """The items that a sync could not store."""
    return select(IntegrationSyncError).where(
        IntegrationSyncError.workspace_id == sync.workspace_id, IntegrationSyncError.sync_id == sync.id
    )


def settings_of(session: Session, workspace_id: str) -> IntegrationSettings | None:
    """What a workspace allows its integrations, if it said anything."""
    return session.exec(select(IntegrationSettings).where(IntegrationSettings.workspace_id == workspace_id)).first()


def _of_status(status: str) -> list[Any]:
    if status == Status.DISABLED:
        return [col(Integration.disabled_at).is_not(None)]
    if status not in list(Status):
        raise Invalid(FieldError("status", f"{status[:40]!r} is no status of integrations.", f"Use one of {', '.join(Status)}."))
    return [col(Integration.disabled_at).is_(None), col(Integration.status) == status]
