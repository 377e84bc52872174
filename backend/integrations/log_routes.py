"""`/api/v1/logs/integrations`: the timelines of all integrations as one log."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query
from fastapi.responses import StreamingResponse

from backend.core import pagination, permissions, web
from backend.core.parameters import Limit
from backend.core.web import CurrentActor, ReadSession
from backend.integrations import log
from backend.integrations.log import LogFilter
from backend.integrations.sync_schemas import TimelineList, TimelineOut, TimelineTail
from backend.logs import export
from backend.logs.export import Form, Format, Source
from backend.logs.parameters import After, Cursor, Since, Until

router = web.Router(prefix="/logs/integrations", tags=["logs"])


# Async though it waits for nothing, as every dependency here: else FastAPI runs it in a thread of its pool.
async def _filter(
    *,
    integration_id: Annotated[str | None, Query(description="Only this integration.", examples=["int_01k5z7q0v6e3tbn8m2c4d9f1hr"])] = None,
    kind: Annotated[str | None, Query(description="Only moments of this kind.", examples=["refresh_failed"])] = None,
    failed: Annotated[bool | None, Query(description="Only failures, or only what went well.", examples=[True])] = None,
    since: Since = None,
    until: Until = None,
    q: Annotated[str | None, Query(max_length=200, description="Part of what happened or of who did it, or the id of a moment.")] = None,
) -> LogFilter:
    return LogFilter(integration_id=integration_id, kind=kind, failed=failed, since=since, until=until, q=q)


Wanted = Annotated[LogFilter, Depends(_filter)]


@router.get("", **web.needs(permissions.LOGS_READ))
def list_integration_log(
    session: ReadSession, actor: CurrentActor, wanted: Wanted, limit: Limit = pagination.DEFAULT_LIMIT, cursor: Cursor = None
) -> TimelineList:
    """What happened to all integrations, deleted ones too, newest first: each failure with its cause and a next step."""
    return TimelineList.model_validate(log.list_moments(session, actor=actor, wanted=wanted, limit=limit, cursor=cursor))


@router.get("/tail", **web.needs(permissions.LOGS_READ))
def tail_integration_log(
    session: ReadSession, actor: CurrentActor, wanted: Wanted, limit: Limit = pagination.DEFAULT_LIMIT, after: After = pagination.NOW
) -> TimelineTail:
    """What happens to integrations as it happens, oldest first: ask again with `next_cursor`, at once while `has_more`, else in a moment."""
    return TimelineTail.model_validate(log.tail_moments(session, actor=actor, wanted=wanted, limit=limit, cursor=after))


@router.get("/export", responses=export.RESPONSES, **web.needs(permissions.LOGS_READ))
async def export_integration_log(actor: CurrentActor, wanted: Wanted, form: Format = Form.CSV) -> StreamingResponse:
    """What happened to integrations as a file, as much as the filters mean."""
    return await export.answer(Source("integrations", log.sought(actor, wanted), TimelineOut), form)


@router.get("/{moment_id}", **web.needs(permissions.LOGS_READ))
def get_integration_moment(moment_id: str, session: ReadSession, actor: CurrentActor) -> TimelineOut:
    """One moment."""
    return TimelineOut.model_validate(log.get_moment(session, actor=actor, moment_id=moment_id))
