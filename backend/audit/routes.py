"""`/api/v1/logs/audit`: the audit as pages, as it comes, and as a file. For users alone."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query
from fastapi.responses import StreamingResponse

from backend.audit import service
from backend.audit.schemas import AuditList, AuditOut, AuditTail
from backend.audit.service import AuditFilter
from backend.core import pagination, permissions, web
from backend.core.parameters import Limit
from backend.core.web import CurrentActor, ReadSession
from backend.logs import export
from backend.logs.export import Form, Format, Source
from backend.logs.parameters import After, Cursor, Since, Until

router = web.Router(prefix="/logs/audit", tags=["logs"])


# Async though it waits for nothing: else FastAPI runs it in a thread of its pool.
async def _filter(
    action: Annotated[str | None, Query(description="An action such as `api_key.revoked`, or its first word.")] = None,
    target_kind: Annotated[str | None, Query(description="Only what was done to things of this kind, for example webhook.")] = None,
    target_id: Annotated[str | None, Query(description="Only what was done to this thing.")] = None,
    actor_id: Annotated[str | None, Query(description="Only what this user or key did.")] = None,
    since: Since = None,
    until: Until = None,
    q: Annotated[str | None, Query(max_length=200, description="Part of an action, a name or a reason; an id; an IP address.")] = None,
) -> AuditFilter:
    return AuditFilter(action=action, target_kind=target_kind, target_id=target_id, actor_id=actor_id, since=since, until=until, q=q)


Wanted = Annotated[AuditFilter, Depends(_filter)]


@router.get("", **web.needs(permissions.AUDIT_READ))
def list_audit(
    session: ReadSession, actor: CurrentActor, wanted: Wanted, limit: Limit = pagination.DEFAULT_LIMIT, cursor: Cursor = None
) -> AuditList:
    """Who did what to what, newest first. For administrators and owners."""
    return AuditList.model_validate(service.list_entries(session, actor=actor, wanted=wanted, limit=limit, cursor=cursor))


@router.get("/tail", **web.needs(permissions.AUDIT_READ))
def tail_audit(
    session: ReadSession, actor: CurrentActor, wanted: Wanted, limit: Limit = pagination.DEFAULT_LIMIT, after: After = pagination.NOW
) -> AuditTail:
    """Audit entries as they come, oldest first: ask again with `next_cursor`, at once while `has_more`, else in a moment."""
    return AuditTail.model_validate(service.tail_entries(session, actor=actor, wanted=wanted, limit=limit, cursor=after))


@router.get("/export", responses=export.RESPONSES, **web.needs(permissions.AUDIT_READ))
async def export_audit(actor: CurrentActor, wanted: Wanted, form: Format = Form.CSV) -> StreamingResponse:
    """Audit entries as a file, as many as the filters mean."""
    return await export.answer(Source("audit", service.sought(actor, wanted), AuditOut), form)


@router.get("/{entry_id}", **web.needs(permissions.AUDIT_READ))
def get_audit_entry(entry_id: str, session: ReadSession, actor: CurrentActor) -> AuditOut:
    """One audit entry."""
    return AuditOut.model_validate(service.get_entry(session, actor=actor, entry_id=entry_id))
