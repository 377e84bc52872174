"""The log routes of the API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query

from backend.core import pagination, permissions, web
from backend.core.web import CurrentActor, ReadSession
from backend.logs import service
from backend.logs.schemas import RequestList, RequestOut

router = web.Router(prefix="/logs", tags=["logs"])


@router.get("/requests", **web.needs(permissions.LOGS_READ))
def list_requests(
    session: ReadSession,
    actor: CurrentActor,
    key_id: Annotated[str | None, Query(description="Only requests of this API key or user.")] = None,
    status: Annotated[str | None, Query(description="A class such as `4xx`, a code such as `404`, or `denied`.")] = None,
    method: str | None = None,
    path: Annotated[str | None, Query(description="The beginning of the path.")] = None,
    since: datetime | None = None,
    until: datetime | None = None,
    q: Annotated[str | None, Query(description="Part of a path or an error, an IP address, or a request's id.")] = None,
    limit: int = pagination.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> RequestList:
    """Requests to the API, newest first, denied ones too."""
    page = service.list_requests(
        session,
        actor=actor,
        caller_id=key_id,
        status=status,
        method=method,
        path=path,
        since=since,
        until=until,
        q=q,
        limit=limit,
        cursor=cursor,
    )
    return RequestList.model_validate(page)


@router.get("/requests/{request_id}", **web.needs(permissions.LOGS_READ))
def get_request(request_id: str, session: ReadSession, actor: CurrentActor) -> RequestOut:
    """One request by the id that its answer carried as `X-Request-Id`."""
    return RequestOut.model_validate(service.get_request(session, actor=actor, request_id=request_id))
