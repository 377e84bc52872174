"""`/api/v1/incoming-webhooks` and `/api/v1/logs/incoming`."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from fastapi import Depends, Query, Response
from fastapi.responses import StreamingResponse

from backend.core import actor as actors
from backend.core import pagination, permissions, web
from backend.core.errors import NotFound
from backend.core.parameters import Cursor, Limit
from backend.idempotency import answers
from backend.idempotency.answers import KeyHeader
from backend.incoming import answers as told
from backend.incoming import health, intake, presets, replaying, requests, service
from backend.incoming.requests import RequestFilter
from backend.incoming.schemas import (
    DryRun,
    DryRunOut,
    HealthOut,
    IncomingCreate,
    IncomingDetail,
    IncomingList,
    IncomingOut,
    IncomingUpdate,
    IncomingWithToken,
    LogDetailOut,
    LogList,
    LogOut,
    LogTail,
    ReceivedOut,
    ReplayedOut,
    ReplayFailed,
    SourceList,
    SourceOut,
    TokenRotation,
)
from backend.logs import export
from backend.logs.export import Form, Format, Source
from backend.logs.parameters import After, Since, Until
from backend.logs.parameters import Cursor as LogCursor

router = web.Router(tags=["incoming webhooks"])
_ONE = "/incoming-webhooks/{incoming_id}"


# Async though it waits for nothing, as every dependency here: else FastAPI runs it in a thread of its pool.
async def _filter(
    status: Annotated[str | None, Query(description="received, accepted, captured, duplicate or rejected.", examples=["rejected"])] = None,
    reason: Annotated[str | None, Query(max_length=20, description="Only those rejected at this step.", examples=["signature"])] = None,
    event: Annotated[
        str | None, Query(max_length=80, description="Only this kind of event, as the source calls it.", examples=["issues"])
    ] = None,
    since: Since = None,
    until: Until = None,
    q: Annotated[
        str | None, Query(max_length=400, description="The id of a request, record or trace, the source's own id, or an IP address.")
    ] = None,
) -> RequestFilter:
    return RequestFilter(status=status, reason=reason, event=event, since=since, until=until, q=q)


async def _filter_of_all(
    wanted: Annotated[RequestFilter, Depends(_filter)],
    incoming_webhook_id: Annotated[
        str | None, Query(description="Only requests of this incoming webhook.", examples=["inc_01k5z7q0v6e3tbn8m2c4d9f1hn"])
    ] = None,
    incoming_id: Annotated[str | None, Query(description="The same.")] = None,
) -> RequestFilter:
    return dataclasses.replace(wanted, incoming_id=incoming_webhook_id or incoming_id)


Wanted = Annotated[RequestFilter, Depends(_filter)]
WantedOfAll = Annotated[RequestFilter, Depends(_filter_of_all)]


def _posted() -> dict[str, Any]:
    """The mark of the public route, with the body that it takes: whatever a source sends."""
    example = {"schema": {}, "example": {"email": "ada@example.com", "name": "Ada Byron"}}
    content = {"application/json": example, "application/x-www-form-urlencoded": example}
    return {"openapi_extra": {**web.needs(web.PUBLIC)["openapi_extra"], "requestBody": {"content": content, "required": True}}}


@router.post("/webhooks/incoming/{token}", responses=told.RESPONSES, **_posted())
async def receive_request(token: str) -> ReceivedOut:  # noqa: ARG001 - the address's part, as the schema tells it
    """Take what a source posts: JSON or a form, verified as the webhook says, stored first, then made a record or an order of.

    The answer tells the record's id, or which field is wrong and why. 201 says that it was made, 202 that it is stored and nothing is
    made of it yet. Every answer to a request that was stored has its id, `irq_…`, as `request_id`, and the call's as `trace_id`.
    """
    raise NotFound(intake.NO_SUCH)  # the door answers this call itself


@router.get("/incoming-webhooks", **web.needs(permissions.INCOMING_READ))
def list_incoming_webhooks(
    session: web.ReadSession,
    actor: web.CurrentActor,
    status: str | None = None,
    q: str | None = None,
    limit: Limit = pagination.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> IncomingList:
    """Incoming webhooks, newest first. `status` is active or disabled; `q` searches name, module, source and id."""
    page = service.list_webhooks(session, actor=actor, status=status, q=q, limit=limit, cursor=cursor)
    return IncomingList.of(page, IncomingOut.of)


@router.post("/incoming-webhooks", status_code=201, **web.needs(permissions.INCOMING_WRITE))
def create_incoming_webhook(
    body: IncomingCreate, session: web.WriteSession, actor: web.CurrentActor, response: Response, idempotency_key: KeyHeader = None
) -> IncomingWithToken:
    """Make an address that takes what others post. The answer holds it with its token, which is shown this once."""
    return answers.once(
        session,
        actor=actor,
        route="POST /api/v1/incoming-webhooks",
        key=idempotency_key,
        body=body,
        response=response,
        make=lambda: IncomingWithToken.made(*service.create(session, actor=actor, values=body.changes())),
        answer=IncomingWithToken,
        secrets=("token", "url"),
    )


@router.get("/incoming-webhooks/sources", **web.needs(permissions.INCOMING_READ))
async def list_incoming_sources(actor: web.CurrentActor) -> SourceList:  # noqa: ARG001 - whoever may read
    """Known sources: how each is verified, and a mapping to start from."""
    return SourceList.whole(presets.every(), SourceOut.of)


@router.get(_ONE, **web.needs(permissions.INCOMING_READ))
def read_incoming_webhook(incoming_id: str, session: web.ReadSession, actor: web.CurrentActor) -> IncomingDetail:
    """One incoming webhook, with figures of the last 24 hours and the last 10 requests."""
    row = service.get(session, actor=actor, incoming_id=incoming_id)
    tokens = service.list_tokens(session, actor=actor, incoming_id=row.id)
    figures = health.health(session, actor=actor, incoming_id=row.id)
    return IncomingDetail.shown(row, tokens, figures, requests.latest(session, actor=actor, incoming_id=row.id))


@router.change(_ONE, **web.needs(permissions.INCOMING_WRITE))
def update_incoming_webhook(incoming_id: str, body: IncomingUpdate, session: web.WriteSession, actor: web.CurrentActor) -> IncomingOut:
    """Change an incoming webhook; what is sent changes. A verification without its secret keeps the stored one."""
    return IncomingOut.of(service.update(session, actor=actor, incoming_id=incoming_id, changes=body.changes()))


@router.delete(_ONE, status_code=204, **web.needs(permissions.INCOMING_DELETE))
def delete_incoming_webhook(incoming_id: str, session: web.WriteSession, actor: web.CurrentActor) -> None:
    """Delete an incoming webhook. Its address ends at once, its log stays for as long as logs are kept."""
    service.delete(session, actor=actor, incoming_id=incoming_id)


@router.post(f"{_ONE}/regenerate-token", **web.needs(permissions.INCOMING_WRITE))
def regenerate_token(
    incoming_id: str, session: web.WriteSession, actor: web.CurrentActor, body: TokenRotation | None = None
) -> IncomingWithToken:
    """A new address, shown this once. Both work until the overlap ends."""
    overlap = (body or TokenRotation()).overlap_hours
    return IncomingWithToken.made(*service.regenerate_token(session, actor=actor, incoming_id=incoming_id, overlap_hours=overlap))


@router.post(f"{_ONE}/dry-run", **web.needs(permissions.INCOMING_OPERATE))
def try_mapping(incoming_id: str, session: web.WriteSession, actor: web.CurrentActor, body: DryRun | None = None) -> DryRunOut:
    """What each of the last requests would become with these settings; every one is carried out and taken back, nothing is kept.

    Values of fields marked `pii` are `[masked]` for those who may not write incoming webhooks.
    """
    asked = body or DryRun()
    return DryRunOut.of(replaying.rehearse(session, actor=actor, incoming_id=incoming_id, changes=asked.changes(), limit=asked.limit))


@router.post(
    f"{_ONE}/replay",
    status_code=202,
    responses={200: {"model": ReplayedOut, "description": "With `dry_run`: how many would be processed."}},
    **web.needs(permissions.INCOMING_OPERATE),
)
def replay_failed_requests(
    incoming_id: str, body: ReplayFailed, session: web.WriteSession, actor: web.CurrentActor, response: Response
) -> ReplayedOut:
    """Process again all that failed since a time, in their order; done within moments. With `dry_run` they are counted (200)."""
    total = replaying.replay_failed(session, actor=actor, incoming_id=incoming_id, since=body.since, dry_run=body.dry_run)
    if body.dry_run:
        response.status_code = 200
    return ReplayedOut(total=total, dry_run=body.dry_run)


@router.get(f"{_ONE}/health", **web.needs(permissions.INCOMING_READ))
def read_incoming_health(incoming_id: str, session: web.ReadSession, actor: web.CurrentActor, hours: int = 24) -> HealthOut:
    """Received, accepted, and rejected by reason, over time; and what appeared or vanished in the source's payloads."""
    return HealthOut.of(health.health(session, actor=actor, incoming_id=incoming_id, hours=hours))


@router.get(f"{_ONE}/logs", **web.needs(permissions.INCOMING_READ))
def list_incoming_requests(
    incoming_id: str,
    session: web.ReadSession,
    actor: web.CurrentActor,
    wanted: Wanted,
    limit: Limit = pagination.DEFAULT_LIMIT,
    cursor: LogCursor = None,
) -> LogList:
    """Requests of one incoming webhook, newest first."""
    one = dataclasses.replace(wanted, incoming_id=incoming_id)
    return LogList.model_validate(requests.list_requests(session, actor=actor, wanted=one, limit=limit, cursor=cursor))


@router.get(f"{_ONE}/logs/{{log_id}}", **web.needs(permissions.INCOMING_READ))
def read_incoming_request(incoming_id: str, log_id: str, session: web.ReadSession, actor: web.CurrentActor) -> LogDetailOut:
    """One request: headers and body without their secrets, and the verdict of each step.

    Values that go into fields marked `pii` are `[masked]`, by the mapping and the module as they are now; a replay uses the real ones.
    """
    return LogDetailOut.shown(*requests.get(session, actor=actor, incoming_id=incoming_id, request_id=log_id))


@router.post(f"{_ONE}/logs/{{log_id}}/replay", status_code=202, **web.needs(permissions.INCOMING_OPERATE))
def replay_incoming_request(incoming_id: str, log_id: str, session: web.WriteSession, actor: web.CurrentActor) -> LogDetailOut:
    """Process one stored request again, by the settings of now. The answer tells what became of it."""
    row = replaying.replay(session, actor=actor, incoming_id=incoming_id, request_id=log_id)
    # Who may replay is shown the outcome, whether its key may read or not.
    return LogDetailOut.shown(*requests.get(session, actor=actors.system(actor.workspace_id), incoming_id=incoming_id, request_id=row.id))


@router.get("/logs/incoming", **web.needs(permissions.LOGS_READ))
def list_all_incoming_requests(
    session: web.ReadSession,
    actor: web.CurrentActor,
    wanted: WantedOfAll,
    limit: Limit = pagination.DEFAULT_LIMIT,
    cursor: LogCursor = None,
) -> LogList:
    """Requests of all incoming webhooks, newest first."""
    page = requests.list_requests(session, actor=actor, wanted=wanted, limit=limit, cursor=cursor, permission=permissions.LOGS_READ)
    return LogList.model_validate(page)


@router.get("/logs/incoming/tail", **web.needs(permissions.LOGS_READ))
def tail_incoming_requests(
    session: web.ReadSession,
    actor: web.CurrentActor,
    wanted: WantedOfAll,
    limit: Limit = pagination.DEFAULT_LIMIT,
    after: After = pagination.NOW,
) -> LogTail:
    """Requests of all incoming webhooks as they come, oldest first: ask again with `next_cursor`."""
    return LogTail.model_validate(requests.tail_requests(session, actor=actor, wanted=wanted, limit=limit, cursor=after))


@router.get("/logs/incoming/export", responses=export.RESPONSES, **web.needs(permissions.LOGS_READ))
async def export_incoming_requests(actor: web.CurrentActor, wanted: WantedOfAll, form: Format = Form.CSV) -> StreamingResponse:
    """Requests of all incoming webhooks as a file, without their headers and bodies."""
    return await export.answer(Source("incoming", requests.sought(actor, wanted, permissions.LOGS_READ), LogOut), form)


@router.get("/logs/incoming/{log_id}", **web.needs(permissions.LOGS_READ))
def read_logged_incoming_request(log_id: str, session: web.ReadSession, actor: web.CurrentActor) -> LogDetailOut:
    """One request of any incoming webhook: headers and body without their secrets and personal fields, and the verdict of each step."""
    return LogDetailOut.shown(*requests.get_logged(session, actor=actor, request_id=log_id))
