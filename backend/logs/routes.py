"""The log routes of the API: requests and errors, as pages, as they come, and as files."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query
from fastapi.responses import StreamingResponse

from backend.core import pagination, permissions, web
from backend.core.parameters import Limit
from backend.core.web import CurrentActor, ReadSession
from backend.logs import errors, export, service
from backend.logs.errors import ErrorFilter
from backend.logs.export import Form, Format, Source
from backend.logs.parameters import After, Cursor, Since, Until
from backend.logs.schemas import ErrorList, ErrorOut, ErrorTail, RequestList, RequestOut, RequestTail, UnknownRequestList
from backend.logs.service import RequestFilter

router = web.Router(prefix="/logs", tags=["logs"])


# Async though it waits for nothing, as every dependency here: else FastAPI runs it in a thread of its pool.
async def _requests(
    key_id: Annotated[str | None, Query(description="Only requests of this API key or user.")] = None,
    status: Annotated[str | None, Query(description="A class such as `4xx`, a code such as `404`, or `denied`.")] = None,
    method: str | None = None,
    path: Annotated[str | None, Query(description="The beginning of the path.")] = None,
    since: Since = None,
    until: Until = None,
    q: Annotated[str | None, Query(max_length=200, description="Part of a path or an error, an IP address, or a request's id.")] = None,
) -> RequestFilter:
    return RequestFilter(caller_id=key_id, status=status, method=method, path=path, since=since, until=until, q=q)


async def _errors(
    *,
    severity: Annotated[str | None, Query(description="warning, error or critical.")] = None,
    kind: Annotated[str | None, Query(description="Only errors of this kind, for example delivery_exhausted.")] = None,
    target_id: Annotated[str | None, Query(description="Only errors about this thing: a delivery, a webhook, a route, a job.")] = None,
    since: Since = None,
    until: Until = None,
    q: Annotated[str | None, Query(max_length=200, description="Part of the message, or the id of an error, a target or a trace.")] = None,
    instance: Annotated[
        bool, Query(description="Those of the installation, which belong to no workspace; for super administrators.")
    ] = False,
) -> ErrorFilter:
    return ErrorFilter(severity=severity, kind=kind, target_id=target_id, since=since, until=until, q=q, instance=instance)


RequestsWanted = Annotated[RequestFilter, Depends(_requests)]
ErrorsWanted = Annotated[ErrorFilter, Depends(_errors)]


@router.get("/requests", **web.needs(permissions.LOGS_READ))
def list_requests(
    session: ReadSession, actor: CurrentActor, wanted: RequestsWanted, limit: Limit = pagination.DEFAULT_LIMIT, cursor: Cursor = None
) -> RequestList:
    """Requests to the API, newest first, denied ones too."""
    return RequestList.model_validate(service.list_requests(session, actor=actor, wanted=wanted, limit=limit, cursor=cursor))


@router.get("/requests/unknown", **web.needs(permissions.INSTANCE_READ))
def list_unknown_requests(
    session: ReadSession, actor: CurrentActor, wanted: RequestsWanted, limit: Limit = pagination.DEFAULT_LIMIT, cursor: Cursor = None
) -> UnknownRequestList:
    """Requests whose key is not known, or that had none, newest first. For super administrators, since they belong to no workspace."""
    return UnknownRequestList.model_validate(service.list_unknown(session, actor=actor, wanted=wanted, limit=limit, cursor=cursor))


@router.get("/requests/tail", **web.needs(permissions.LOGS_READ))
def tail_requests(
    session: ReadSession,
    actor: CurrentActor,
    wanted: RequestsWanted,
    limit: Limit = pagination.DEFAULT_LIMIT,
    after: After = pagination.NOW,
) -> RequestTail:
    """Requests to the API as they come, oldest first: ask again with `next_cursor`, at once while `has_more`, else in a moment."""
    return RequestTail.model_validate(service.tail_requests(session, actor=actor, wanted=wanted, limit=limit, cursor=after))


@router.get("/requests/export", responses=export.RESPONSES, **web.needs(permissions.LOGS_READ))
async def export_requests(actor: CurrentActor, wanted: RequestsWanted, form: Format = Form.CSV) -> StreamingResponse:
    """Requests to the API as a file, as many as the filters mean."""
    return await export.answer(Source("requests", service.sought(actor, wanted), RequestOut), form)


@router.get("/requests/{request_id}", **web.needs(permissions.LOGS_READ))
def get_request(request_id: str, session: ReadSession, actor: CurrentActor) -> RequestOut:
    """One request by the id that its answer carried as `X-Request-Id`."""
    return RequestOut.model_validate(service.get_request(session, actor=actor, request_id=request_id))


@router.get("/errors", **web.needs(permissions.LOGS_READ))
def list_errors(
    session: ReadSession, actor: CurrentActor, wanted: ErrorsWanted, limit: Limit = pagination.DEFAULT_LIMIT, cursor: Cursor = None
) -> ErrorList:
    """What went wrong, newest first: deliveries that were given up, webhooks that were disabled, calls that failed on our side."""
    return ErrorList.model_validate(errors.list_errors(session, actor=actor, wanted=wanted, limit=limit, cursor=cursor))


@router.get("/errors/tail", **web.needs(permissions.LOGS_READ))
def tail_errors(
    session: ReadSession, actor: CurrentActor, wanted: ErrorsWanted, limit: Limit = pagination.DEFAULT_LIMIT, after: After = pagination.NOW
) -> ErrorTail:
    """Errors as they come, oldest first: ask again with `next_cursor`, at once while `has_more`, else in a moment."""
    return ErrorTail.model_validate(errors.tail_errors(session, actor=actor, wanted=wanted, limit=limit, cursor=after))


@router.get("/errors/export", responses=export.RESPONSES, **web.needs(permissions.LOGS_READ))
async def export_errors(actor: CurrentActor, wanted: ErrorsWanted, form: Format = Form.CSV) -> StreamingResponse:
    """Errors as a file, as many as the filters mean."""
    return await export.answer(Source("errors", errors.sought(actor, wanted), ErrorOut), form)


@router.get("/errors/{error_id}", **web.needs(permissions.LOGS_READ))
def get_error(error_id: str, session: ReadSession, actor: CurrentActor) -> ErrorOut:
    """One error."""
    return ErrorOut.model_validate(errors.get_error(session, actor=actor, error_id=error_id))
