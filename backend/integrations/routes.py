"""`/api/v1/integrations`: the catalogue, integrations, consents, tests, syncs."""

from __future__ import annotations

from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import Path, Query, Request, Response

from backend.accounts import cookies, sessions
from backend.core import pagination, permissions, web
from backend.core.errors import FieldError, Invalid
from backend.core.parameters import Cursor, Limit
from backend.idempotency import answers
from backend.idempotency.answers import KeyHeader
from backend.integrations import catalogue, connection, directions, discovery, flows, service
from backend.integrations.failures import Kind
from backend.integrations.flows import Answer, Browser
from backend.integrations.provider_schemas import DiscoverBody, DiscoveredOut, ProviderList, ProviderOut
from backend.integrations.schemas import (
    ConsentAnswer,
    ConsentBegin,
    ConsentEnded,
    ConsentOut,
    DisconnectOut,
    IntegrationCreate,
    IntegrationList,
    IntegrationOut,
    IntegrationSettingsOut,
    IntegrationSettingsUpdate,
    IntegrationTypeOut,
    IntegrationUpdate,
    TestedOut,
    ended,
)
from backend.integrations.sync_schemas import (
    SyncBegin,
    SyncErrorList,
    SyncErrorOut,
    SyncList,
    SyncOut,
    SyncSettingsOut,
    SyncSettingsUpdate,
    TimelineList,
    TimelineOut,
)
from backend.settings import settings

router = web.Router(prefix="/integrations", tags=["integrations"])
_PAGE: Final = "/settings/integrations"
_NO_STORE: Final = {"cache-control": "no-store", "referrer-policy": "no-referrer"}


@router.get("", **web.needs(permissions.INTEGRATIONS_READ))
def list_integrations(
    session: web.ReadSession,
    actor: web.CurrentActor,
    type: Annotated[str | None, Query(description="A category, by any of its names.", examples=["crm"])] = None,  # noqa: A002 - the contract's name
    provider: Annotated[str | None, Query(description="A provider's id.", examples=["slack"])] = None,
    status: Annotated[str | None, Query(description="pending, active, needs_reconnect, error or disabled.", examples=["active"])] = None,
    q: Annotated[str | None, Query(description="Part of a name or account, an id or your reference.", examples=["sales"])] = None,
    include_public: Annotated[bool | None, Query(description="Add the providers that are not connected.", examples=[True])] = None,
    limit: Limit = pagination.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> IntegrationList:
    """Integrations, newest first; with `include_public` the rest of the catalogue under `catalogue`."""
    page = service.list_integrations(session, actor=actor, type=type, provider=provider, status=status, q=q, limit=limit, cursor=cursor)
    return IntegrationList.beside(page, service.providers(session, actor=actor) if include_public else None)


@router.post("", status_code=201, **web.needs(permissions.INTEGRATIONS_WRITE))
def create_integration(
    body: IntegrationCreate, session: web.WriteSession, actor: web.CurrentActor, response: Response, idempotency_key: KeyHeader = None
) -> IntegrationOut:
    """Add an integration. What the catalogue marks secret is encrypted and never shown again, wherever it was sent."""

    def make() -> IntegrationOut:
        return IntegrationOut.of(service.create(session, actor=actor, input=body.input()))

    return answers.once(
        session,
        actor=actor,
        route="POST /api/v1/integrations",
        key=idempotency_key,
        body=body,
        response=response,
        make=make,
        answer=IntegrationOut,
    )


@router.get("/providers", **web.needs(permissions.INTEGRATIONS_READ))
def list_providers(
    session: web.ReadSession,
    actor: web.CurrentActor,
    type: Annotated[str | None, Query(description="A category, by any of its names.", examples=["crm"])] = None,  # noqa: A002 - the contract's name
    q: Annotated[str | None, Query(description="Part of a name, description or category.", examples=["calendar"])] = None,
    limit: Limit = pagination.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> ProviderList:
    """The catalogue by name: ways to authenticate with their fields and scopes, what is synced, what can be done."""
    offered = service.providers(session, actor=actor, type=type, q=q)
    return ProviderList.of(pagination.cut(offered, lambda each: catalogue.place(each.entry), limit=limit, cursor=cursor), ProviderOut.of)


@router.get("/types/{type}", **web.needs(permissions.INTEGRATIONS_READ))
def read_type(
    type: Annotated[str, Path(description="A category, by any of its names.", examples=["crm"])],  # noqa: A002 - the contract's name
    session: web.ReadSession,
    actor: web.CurrentActor,
) -> IntegrationTypeOut:
    """The integrations of a type, and its part of the catalogue."""
    category = catalogue.type_at(type)
    page = service.list_integrations(session, actor=actor, type=type, limit=pagination.MAX_LIMIT)
    found = service.providers(session, actor=actor, type=type)
    return IntegrationTypeOut(
        type=category,
        integrations=[IntegrationOut.of(row) for row in page.data],
        providers=[ProviderOut.of(each) for each in found],
    )


@router.get("/settings", **web.needs(permissions.INTEGRATIONS_READ))
def read_integration_settings(session: web.ReadSession, actor: web.CurrentActor) -> IntegrationSettingsOut:
    """Our redirect URI, and those that this workspace allows beside it."""
    return _settings(service.redirect_uris(session, actor=actor))


@router.change("/settings", **web.needs(permissions.INTEGRATIONS_WRITE))
def update_integration_settings(
    body: IntegrationSettingsUpdate, session: web.WriteSession, actor: web.CurrentActor
) -> IntegrationSettingsOut:
    """Replace the list of redirect URIs to which consents begun over the API may return."""
    return _settings(service.set_redirect_uris(session, actor=actor, uris=body.redirect_uris))


@router.post("/test", **web.needs(permissions.INTEGRATIONS_OPERATE))
async def test_unsaved_integration(body: IntegrationCreate, actor: web.CurrentActor) -> TestedOut:
    """Try credentials before they are saved. Nothing is stored."""
    return TestedOut.of(await web.outside(flows.test_unsaved, actor=actor, input=body.input()))


@router.post("/discover", **web.needs(permissions.INTEGRATIONS_WRITE))
async def discover_provider(body: DiscoverBody, actor: web.CurrentActor) -> DiscoveredOut:
    """Look up the addresses of an OAuth 2.0 provider from its metadata (RFC 8414), for a custom provider."""
    return DiscoveredOut.model_validate(await web.outside(discovery.discover, actor=actor, url=body.url))


_AWAY: Final[dict[str, Any]] = {
    "status_code": 303,
    "response_class": Response,
    "responses": {303: {"description": "To the integration's page in the console."}},
    **web.needs(web.PUBLIC),
}


@router.get("/oauth/callback", **_AWAY)
async def receive_consent(request: Request) -> Response:
    """Where a provider sends the browser back: the redirect URI. The single-use state says which consent it ends."""
    return await _received(request)


@router.get("/oauth/callback/{integration_id}", **_AWAY)
async def receive_own_consent(integration_id: str, request: Request) -> Response:
    """The same for a custom provider, whose integrations have a redirect URI each: so no other provider can answer in its place."""
    del integration_id  # the state says it, and must have been given to this very address
    return await _received(request)


@router.post("/oauth/callback", **web.needs(web.PUBLIC))
async def finish_consent(body: ConsentAnswer) -> ConsentEnded:
    """The same for a program to whose own redirect URI the provider sent the browser back."""
    extra = {name: str(value)[:4000] for name, value in (body.model_extra or {}).items()}
    sent: dict[str, str] = {**extra, **{name: value for name, value in body.model_dump(include=_ANSWERED).items() if value}}
    done = await web.outside(flows.finish_consent, answer=Answer.of(sent), browser=None, came_to=None)
    if done.failure is not None and done.failure.kind is Kind.STATE:
        raise Invalid(FieldError("state", done.failure.cause, done.failure.next_step))
    return ended(done.integration_id, done.failure, done.account, done.missing_scopes)


@router.get("/{integration_id}", **web.needs(permissions.INTEGRATIONS_READ))
def read_integration(integration_id: str, session: web.ReadSession, actor: web.CurrentActor) -> IntegrationOut:
    """One integration: its status with the reason, account, scopes granted against requested, and when it is refreshed."""
    return IntegrationOut.of(service.get(session, actor=actor, integration_id=integration_id))


@router.change("/{integration_id}", **web.needs(permissions.INTEGRATIONS_WRITE))
def update_integration(integration_id: str, body: IntegrationUpdate, session: web.WriteSession, actor: web.CurrentActor) -> IntegrationOut:
    """Change an integration; what is sent changes. Credentials are replaced, never read."""
    row = service.update(session, actor=actor, integration_id=integration_id, changes=body.changes())
    return IntegrationOut.of(row)


@router.delete("/{integration_id}", status_code=204, **web.needs(permissions.INTEGRATIONS_DELETE))
async def delete_integration(integration_id: str, actor: web.CurrentActor) -> None:
    """Disconnect it, at the provider too where that can be done, and delete it with its credentials."""
    await web.outside(flows.delete, actor=actor, integration_id=integration_id)


@router.post("/{integration_id}/disconnect", **web.needs(permissions.INTEGRATIONS_WRITE))
async def disconnect_integration(integration_id: str, actor: web.CurrentActor) -> DisconnectOut:
    """End the grant at the provider where that can be done, forget the tokens, and say what became of it."""
    return DisconnectOut.of(await web.outside(flows.disconnect, actor=actor, integration_id=integration_id))


@router.post("/{integration_id}/test", **web.needs(permissions.INTEGRATIONS_OPERATE))
async def test_integration(integration_id: str, actor: web.CurrentActor) -> TestedOut:
    """Make the provider's cheap authenticated call, and say which account is connected."""
    return TestedOut.of(await web.outside(flows.test, actor=actor, integration_id=integration_id))


@router.post("/{integration_id}/enable", **web.needs(permissions.INTEGRATIONS_WRITE))
def enable_integration(integration_id: str, session: web.WriteSession, actor: web.CurrentActor) -> IntegrationOut:
    """Let it be used again."""
    return IntegrationOut.of(service.enable(session, actor=actor, integration_id=integration_id))


@router.post("/{integration_id}/disable", **web.needs(permissions.INTEGRATIONS_WRITE))
def disable_integration(integration_id: str, session: web.WriteSession, actor: web.CurrentActor) -> IntegrationOut:
    """Stop syncs, refreshes and actions; the credentials stay."""
    return IntegrationOut.of(service.disable(session, actor=actor, integration_id=integration_id))


@router.post("/{integration_id}/oauth/initiate", **web.needs(permissions.INTEGRATIONS_WRITE))
def begin_consent(integration_id: str, session: web.WriteSession, actor: web.CurrentActor, body: ConsentBegin | None = None) -> ConsentOut:
    """Begin a consent, or repeat it in place: send the person's browser to `authorization_url` within ten minutes."""
    begun = service.begin_consent(
        session, actor=actor, integration_id=integration_id, redirect_uri=(body or ConsentBegin()).redirect_uri, in_browser=False
    )
    return ConsentOut.model_validate(begun)


@router.post("/{integration_id}/oauth/refresh", **web.needs(permissions.INTEGRATIONS_WRITE))
async def refresh_integration(integration_id: str, actor: web.CurrentActor) -> IntegrationOut:
    """Refresh the access token now. It is refreshed by itself ahead of its end."""
    return IntegrationOut.of(await web.outside(flows.refresh, actor=actor, integration_id=integration_id))


@router.post("/{integration_id}/sync", status_code=202, **web.needs(permissions.INTEGRATIONS_WRITE))
def start_sync(integration_id: str, session: web.WriteSession, actor: web.CurrentActor, body: SyncBegin | None = None) -> SyncOut:
    """Bring what changed at the provider, write what changed here, or both, as its settings say. While one is under way, that one is answered."""
    full = (body or SyncBegin()).full
    return SyncOut.of(service.start_sync(session, actor=actor, integration_id=integration_id, full=full))


@router.get("/{integration_id}/sync-settings", **web.needs(permissions.INTEGRATIONS_READ))
def read_sync_settings(integration_id: str, session: web.ReadSession, actor: web.CurrentActor) -> SyncSettingsOut:
    """Direction, modules, mapping and rules of its syncs, with what this provider allows."""
    return SyncSettingsOut.of(directions.read(session, actor=actor, integration_id=integration_id))


@router.change("/{integration_id}/sync-settings", **web.needs(permissions.INTEGRATIONS_WRITE))
def update_sync_settings(
    integration_id: str, body: SyncSettingsUpdate, session: web.WriteSession, actor: web.CurrentActor
) -> SyncSettingsOut:
    """Change how it syncs: only bring, only write, or both. The first push looks at every record of the module."""
    changes = body.model_dump(exclude_unset=True)
    return SyncSettingsOut.of(directions.change(session, actor=actor, integration_id=integration_id, changes=changes))


@router.get("/{integration_id}/syncs", **web.needs(permissions.INTEGRATIONS_READ))
def list_syncs(
    integration_id: str, session: web.ReadSession, actor: web.CurrentActor, limit: Limit = pagination.DEFAULT_LIMIT, cursor: Cursor = None
) -> SyncList:
    """Its syncs with their counts, newest first."""
    page = service.list_syncs(session, actor=actor, integration_id=integration_id, limit=limit, cursor=cursor)
    return SyncList.of(page, SyncOut.of)


@router.get("/{integration_id}/syncs/{sync_id}", **web.needs(permissions.INTEGRATIONS_READ))
def read_sync(integration_id: str, sync_id: str, session: web.ReadSession, actor: web.CurrentActor) -> SyncOut:
    """One sync, and how far it is."""
    return SyncOut.of(service.get_sync(session, actor=actor, integration_id=integration_id, sync_id=sync_id))


@router.get("/{integration_id}/syncs/{sync_id}/errors", **web.needs(permissions.INTEGRATIONS_READ))
def list_sync_errors(
    integration_id: str,
    sync_id: str,
    session: web.ReadSession,
    actor: web.CurrentActor,
    limit: Limit = pagination.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> SyncErrorList:
    """The items that a sync could not store, or not whole, and the records that it could not write, each with the reason."""
    page = service.sync_errors(session, actor=actor, integration_id=integration_id, sync_id=sync_id, limit=limit, cursor=cursor)
    return SyncErrorList.of(page, SyncErrorOut.model_validate)


@router.post("/{integration_id}/syncs/{sync_id}/cancel", **web.needs(permissions.INTEGRATIONS_OPERATE))
def cancel_sync(integration_id: str, sync_id: str, session: web.WriteSession, actor: web.CurrentActor) -> SyncOut:
    """Stop a sync. What it stored stays."""
    return SyncOut.of(service.cancel_sync(session, actor=actor, integration_id=integration_id, sync_id=sync_id))


@router.get("/{integration_id}/events", **web.needs(permissions.INTEGRATIONS_READ))
def list_integration_events(
    integration_id: str, session: web.ReadSession, actor: web.CurrentActor, limit: Limit = pagination.DEFAULT_LIMIT, cursor: Cursor = None
) -> TimelineList:
    """Its timeline, newest first: connected, refreshed, tested, synced, failed, each failure with its cause and a next step."""
    page = service.list_events(session, actor=actor, integration_id=integration_id, limit=limit, cursor=cursor)
    return TimelineList.of(page, TimelineOut.of)


async def _received(request: Request) -> Response:
    token = cookies.read(request.headers.get("cookie", ""))
    browser = await web.in_transaction(_browser, token=token)
    answer = Answer.of({name: value[:4000] for name, value in request.query_params.items()})
    came_to = settings().public_url + request.url.path
    done = await web.outside(flows.finish_consent, answer=answer, browser=browser, came_to=came_to)
    place = f"{_PAGE}/{done.integration_id}" if done.integration_id else _PAGE
    told = urlencode({"failed": done.failure.kind} if done.failure is not None else {"connected": "1"})
    return Response(status_code=303, headers={"location": f"{place}?{told}", **_NO_STORE})


_ANSWERED: Final = {"state", "code", "error", "error_description", "iss"}


def _settings(uris: list[str]) -> IntegrationSettingsOut:
    return IntegrationSettingsOut(redirect_uri=settings().public_url + connection.CALLBACK, redirect_uris=uris)


def _browser(session: Any, *, token: str) -> Browser:
    found = sessions.resolve(session, token) if token else None
    return Browser(found.user_id, found.id) if found is not None else Browser()
