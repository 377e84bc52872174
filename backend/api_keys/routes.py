"""The API key routes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response
from sqlmodel import Session

from backend.api_keys import access, service, usage
from backend.api_keys.schemas import (
    ApiKeyCreate,
    ApiKeyCreated,
    ApiKeyList,
    ApiKeyOut,
    ApiKeyUpdate,
    ApiKeyWithStats,
    CheckBody,
    CheckOut,
    DueKeyOut,
    DueList,
    KeyStats,
    RotateBody,
    UsageOut,
    resource,
)
from backend.core import pagination, permissions, web
from backend.core.actor import Actor
from backend.core.parameters import Cursor, Limit
from backend.core.web import CurrentActor, ReadSession, WriteSession
from backend.idempotency import answers
from backend.idempotency.answers import KeyHeader
from backend.logs import service as logs
from backend.logs.schemas import RequestList
from backend.models import ApiKey

router = web.Router(prefix="/api-keys", tags=["api-keys"])


@router.get("", **web.needs(permissions.API_KEYS_READ))
def list_keys(
    session: ReadSession,
    actor: CurrentActor,
    status: Annotated[str | None, Query(description="active, disabled, expired, revoked or all.")] = None,
    q: Annotated[str | None, Query(description="Part of a name or description, an id, or the beginning of a key.")] = None,
    mine: Annotated[bool, Query(description="Only those that the caller owns or has made.")] = False,  # noqa: FBT002 - a query parameter
    limit: Limit = pagination.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> ApiKeyList:
    """API keys, newest first; the revoked only when asked for."""
    page = service.list_keys(session, actor=actor, status=status, q=q, mine=mine, limit=limit, cursor=cursor)
    secrets = service.secrets_by_key(session, actor=actor, keys=page.data)
    return ApiKeyList.model_validate(page.map(lambda key: resource(key, secrets[key.id])))


@router.post("", status_code=201, **web.needs(permissions.API_KEYS_WRITE))
def create_key(
    body: ApiKeyCreate, session: WriteSession, actor: CurrentActor, response: Response, idempotency_key: KeyHeader = None
) -> ApiKeyCreated:
    """Make an API key. The full key is in this answer only, as `key` and as `secret`."""

    def make() -> ApiKeyCreated:
        key, token = service.create(session, actor=actor, input=service.KeyInput(**body.given()))
        return _with_secret(session, actor, key, token)

    return answers.once(
        session,
        actor=actor,
        route="POST /api/v1/api-keys",
        key=idempotency_key,
        body=body,
        response=response,
        make=make,
        answer=ApiKeyCreated,
        secrets=("key", "secret"),
    )


@router.get("/due", **web.needs(permissions.API_KEYS_READ))
def list_due_keys(session: ReadSession, actor: CurrentActor) -> DueList:
    """API keys that somebody should look at: due for rotation, about to expire, unused for 90 days, or with an old secret still in use."""
    return DueList.whole(service.list_due(session, actor=actor), DueKeyOut.of)


@router.get("/{key_id}", **web.needs(permissions.API_KEYS_READ))
def get_key(key_id: str, session: ReadSession, actor: CurrentActor) -> ApiKeyWithStats:
    """One API key, with how it was used in the last 24 hours."""
    key = service.get(session, actor=actor, key_id=key_id)
    stats = usage.stats(session, actor=actor, key=key)
    return ApiKeyWithStats(**_resource(session, actor, key).model_dump(), stats=KeyStats.model_validate(stats))


@router.change("/{key_id}", **web.needs(permissions.API_KEYS_WRITE))
def update_key(key_id: str, body: ApiKeyUpdate, session: WriteSession, actor: CurrentActor) -> ApiKeyOut:
    """Change an API key: what is sent changes, the rest stays."""
    return _resource(session, actor, service.update(session, actor=actor, key_id=key_id, changes=body.given()))


@router.delete("/{key_id}", status_code=204, **web.needs(permissions.API_KEYS_DELETE))
def delete_key(key_id: str, session: WriteSession, actor: CurrentActor) -> Response:
    """Revoke an API key for good, within a second everywhere; the same again changes nothing."""
    service.revoke(session, actor=actor, key_id=key_id)
    return Response(status_code=204)


@router.post("/{key_id}/revoke", **web.needs(permissions.API_KEYS_DELETE))
def revoke_key(key_id: str, session: WriteSession, actor: CurrentActor) -> ApiKeyOut:
    """Revoke an API key for good, as DELETE does."""
    return _resource(session, actor, service.revoke(session, actor=actor, key_id=key_id))


@router.post("/{key_id}/enable", **web.needs(permissions.API_KEYS_WRITE))
def enable_key(key_id: str, session: WriteSession, actor: CurrentActor) -> ApiKeyOut:
    """Accept a disabled API key again."""
    return _resource(session, actor, service.enable(session, actor=actor, key_id=key_id))


@router.post("/{key_id}/disable", **web.needs(permissions.API_KEYS_WRITE))
def disable_key(key_id: str, session: WriteSession, actor: CurrentActor) -> ApiKeyOut:
    """Refuse an API key until it is enabled again."""
    return _resource(session, actor, service.disable(session, actor=actor, key_id=key_id))


@router.post("/{key_id}/rotate", **web.needs(permissions.API_KEYS_WRITE))
def rotate_key(key_id: str, session: WriteSession, actor: CurrentActor, body: RotateBody | None = None) -> ApiKeyCreated:
    """Replace the secret of an API key; the one before works for `overlap_hours` more (0 to 168, 24 by default)."""
    hours = (body or RotateBody()).overlap_hours
    key, token = service.rotate(session, actor=actor, key_id=key_id, overlap_hours=hours)
    return _with_secret(session, actor, key, token)


@router.post("/{key_id}/regenerate", **web.needs(permissions.API_KEYS_WRITE))
def regenerate_key(key_id: str, session: WriteSession, actor: CurrentActor) -> ApiKeyCreated:
    """Replace the secret of an API key at once; the one before stops working."""
    key, token = service.regenerate(session, actor=actor, key_id=key_id)
    return _with_secret(session, actor, key, token)


@router.get("/{key_id}/logs", **web.needs(permissions.API_KEYS_READ))
def list_key_requests(
    key_id: str,
    session: ReadSession,
    actor: CurrentActor,
    status: Annotated[str | None, Query(description="A class such as `4xx`, a code such as `404`, or `denied`.")] = None,
    limit: Limit = pagination.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> RequestList:
    """Requests made with an API key, newest first, denied ones too."""
    key = service.get(session, actor=actor, key_id=key_id)
    page = logs.list_requests(
        session,
        actor=actor,
        wanted=logs.RequestFilter(caller_id=key.id, status=status),
        limit=limit,
        cursor=cursor,
        permission=permissions.API_KEYS_READ,
    )
    return RequestList.model_validate(page)


@router.get("/{key_id}/usage", **web.needs(permissions.API_KEYS_READ))
def get_key_usage(key_id: str, session: ReadSession, actor: CurrentActor, hours: Annotated[int, Query(ge=1, le=24 * 30)] = 24) -> UsageOut:
    """How an API key was used: over time, by outcome, route, address and secret, and where it stands against its limits."""
    return UsageOut.model_validate(usage.read(session, actor=actor, key_id=key_id, hours=hours))


@router.post("/{key_id}/check", **web.needs(permissions.API_KEYS_READ))
def check_key(key_id: str, body: CheckBody, session: ReadSession, actor: CurrentActor) -> CheckOut:
    """Whether an API key may do a call now, from an address, and which rule decides. Nothing is spent."""
    decision = access.check(session, actor=actor, key_id=key_id, method=body.method, path=body.path, ip=body.ip)
    return CheckOut.model_validate(decision)


def _resource(session: Session, actor: Actor, key: ApiKey) -> ApiKeyOut:
    return resource(key, service.secrets_by_key(session, actor=actor, keys=[key])[key.id])


def _with_secret(session: Session, actor: Actor, key: ApiKey, token: str) -> ApiKeyCreated:
    shown = _resource(session, actor, key)
    return ApiKeyCreated(**shown.model_dump(), key=token, secret=token, api_key=shown)
