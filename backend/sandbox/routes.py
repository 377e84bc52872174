"""`/sandbox`: the OAuth 2.0 endpoints and the API of the sandbox provider."""

# Authlib is not annotated.
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false, reportUnknownVariableType=false

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson
from authlib.oauth2.base import OAuth2Error
from fastapi import APIRouter, Request, Response
from sqlmodel import Session, col, select

from backend.core import ids, texts, web
from backend.core.oauth_server import Answer, FormRequest
from backend.models import IntegrationSettings, SandboxAccount, SandboxItem
from backend.sandbox import clients, contacts, data, page, server, service
from backend.sandbox.contacts import Refused
from backend.sandbox.server import Server, Token
from backend.settings import settings

router = APIRouter(prefix="/sandbox", include_in_schema=False)
_MAX_FORM: Final = 16 * 1024
_FORM: Final = "application/x-www-form-urlencoded"
_FIELDS: Final = ("response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method")
_CALLBACK: Final = "/api/v1/integrations/oauth/callback"
_JSON: Final = "application/json"


@router.get("/.well-known/openid-configuration")
@router.get("/.well-known/oauth-authorization-server")
async def read_metadata() -> Response:
    """What the server can do (RFC 8414)."""
    issuer = _issuer()
    return _json(
        200,
        {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/oauth/authorize",
            "token_endpoint": f"{issuer}/oauth/token",
            "revocation_endpoint": f"{issuer}/oauth/revoke",
            "introspection_endpoint": f"{issuer}/oauth/introspect",
            "userinfo_endpoint": f"{issuer}/api/me",
            "scopes_supported": list(server.SCOPES),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": list(server.METHODS),
            "authorization_response_iss_parameter_supported": True,
        },
    )


@router.get("/oauth/authorize")
async def ask_consent(request: Request) -> Response:
    """The page on which a person allows or denies."""
    fields = {name: request.query_params[name] for name in _FIELDS if name in request.query_params}
    repeated = len(request.query_params.multi_items()) > len(request.query_params)
    wrong, scopes = ("A parameter came twice.", []) if repeated else await web.in_transaction(_judge, fields=fields)
    if wrong:
        return _html(400, page.refusal(wrong), "")
    return _html(200, page.consent(fields, scopes), fields["redirect_uri"])


@router.post("/oauth/authorize")
async def take_consent(request: Request) -> Response:
    """What the person decided: back to the client, with a code or without."""
    form = await _form(request)
    if request.headers.get("origin") not in {None, *settings().own_origins}:
        return _html(403, page.refusal("The answer came from another page. Go back, and begin again."), "")
    fields = {name: form[name] for name in _FIELDS if name in form}
    wrong, location = await web.in_transaction(_decide, write=True, fields=fields, form=form)
    if wrong:
        return _html(400, page.refusal(wrong), "")
    return Response(status_code=303, headers={"location": location, "cache-control": "no-store", "referrer-policy": "no-referrer"})


@router.post("/oauth/token")
async def give_token(request: Request) -> Response:
    """Codes and refresh tokens against tokens."""
    return await _endpoint(request, "token")


@router.post("/oauth/revoke")
async def revoke_token(request: Request) -> Response:
    """End a token (RFC 7009)."""
    return await _endpoint(request, "revocation")


@router.post("/oauth/introspect")
async def introspect_token(request: Request) -> Response:
    """What a token is good for (RFC 7662)."""
    return await _endpoint(request, "introspection")


@router.get("/api/me")
async def read_me(request: Request) -> Response:
    """Whose the token is."""

    def me(_session: Session, token: Token, _account: SandboxAccount) -> dict[str, Any]:
        person = token.grant.person
        return {"id": f"sbu_{person}", "name": service.PERSONS[person], "email": f"{person}@sandbox.example"}

    return await _api(request, "profile", me)


@router.get("/api/contacts")
async def list_contacts(request: Request) -> Response:
    """A page of contacts."""
    query = request.query_params
    since = _moment(query.get("updated_since"))

    def found(session: Session, _token: Token, account: SandboxAccount) -> dict[str, Any]:
        if (email := query.get("email")) is not None:
            return contacts.find(session, account, email)
        limit = int(text) if (text := query.get("limit", "")[:9]).isdecimal() else 100
        deleted = query.get("include_deleted") == "true"
        return contacts.page(session, account, limit=limit, page_token=query.get("page_token", ""), since=since, deleted=deleted)

    return await _api(request, "contacts.read", found)


@router.post("/api/contacts")
async def make_contact(request: Request) -> Response:
    """Make a contact; with an `Idempotency-Key` it is made once."""
    body, key = await _document(request), request.headers.get("idempotency-key", "")[:200]
    return await _api(request, "contacts.write", lambda session, _, account: contacts.make(session, account, body, key), status=201)


@router.patch("/api/contacts/{identifier}")
async def change_contact(identifier: str, request: Request) -> Response:
    """Change a contact."""
    body = await _document(request)
    return await _api(request, "contacts.write", lambda session, _, account: contacts.change(session, account, identifier, body))


@router.delete("/api/contacts/{identifier}")
async def delete_contact(identifier: str, request: Request) -> Response:
    """Delete a contact."""
    return await _api(request, "contacts.write", lambda session, _, account: contacts.delete(session, account, identifier))


@router.get("/api/calendar/events")
async def list_calendar(request: Request) -> Response:
    """The events that were made, newest first."""
    return await _api(request, "calendar", lambda session, token, _: {"events": _items(session, token, "event")})


@router.post("/api/calendar/events")
async def make_event(request: Request) -> Response:
    """Make an event."""
    body = await _document(request)
    return await _api(request, "calendar", lambda session, token, _: _make(session, token, "event", body), status=201)


@router.get("/api/messages")
async def list_messages(request: Request) -> Response:
    """The messages that were sent, newest first."""
    return await _api(request, "messages", lambda session, token, _: {"messages": _items(session, token, "message")})


@router.post("/api/messages")
async def send_message(request: Request) -> Response:
    """Send a message."""
    body = await _document(request)
    return await _api(request, "messages", lambda session, token, _: _make(session, token, "message", body), status=201)


def _issuer() -> str:
    return f"{settings().public_url}/sandbox"


def _judge(session: Session, *, fields: dict[str, str]) -> tuple[str, list[str]]:
    """What is wrong with a request for consent, in words; and the scopes that it asks for."""
    workspace_id = clients.workspace_of(fields.get("client_id", ""))
    if workspace_id is None:
        return "There is no such client.", []
    if not _is_s256(fields):
        return "The request has no code_challenge by S256, which is required here.", []
    try:
        grant: Any = Server(session, _redirect_uris(session, workspace_id)).get_consent_grant(FormRequest(fields, method="GET"))
    except OAuth2Error as error:
        return error.description or str(error.error), []
    allowed: str = grant.request.client.get_allowed_scope(fields.get("scope", ""))
    return "", allowed.split()


def _decide(session: Session, *, fields: dict[str, str], form: dict[str, str]) -> tuple[str, str]:
    """What is wrong with an answer, in words; or where the browser goes with it."""
    wrong, _ = _judge(session, fields=fields)
    if wrong:
        return wrong, ""
    workspace_id = clients.workspace_of(fields["client_id"]) or ""
    is_denied = form.get("answer") != "allow" or server.account_of(session, workspace_id).switches.get("deny_consent")
    person = form.get("person", "")
    if not is_denied and person not in service.PERSONS:
        return "Choose an account.", ""
    made = Server(session, _redirect_uris(session, workspace_id))
    request = FormRequest(fields)
    told: Any = made.create_authorization_response(
        request, None if is_denied else (person, workspace_id), made.get_authorization_grant(request)
    )
    answer: Answer = told
    location = dict(answer.headers)["Location"]
    return "", location + ("&" if urlsplit(location).query else "?") + urlencode({"iss": _issuer()})


def _is_s256(fields: dict[str, str]) -> bool:
    return bool(fields.get("code_challenge")) and fields.get("code_challenge_method") == "S256"


def _redirect_uris(session: Session, workspace_id: str) -> Sequence[str]:
    found = session.exec(select(IntegrationSettings).where(IntegrationSettings.workspace_id == workspace_id)).first()
    return [settings().public_url + _CALLBACK, *(found.redirect_uris if found is not None else [])]


async def _endpoint(request: Request, name: str) -> Response:
    form = await _form(request)
    authorization = request.headers.get("authorization", "")

    def work(session: Session) -> tuple[str, Answer]:
        client_id = form.get("client_id") or _basic_user(authorization)
        workspace_id = clients.workspace_of(client_id)
        trouble = str(server.account_of(session, workspace_id or "").switches.get("token_error") or "") if name == "token" else ""
        if trouble in {"429", "500", "invalid_client"}:
            return trouble, Answer(0, {})
        return trouble, Server(session).form(name, form, authorization)

    trouble, answer = await web.in_transaction(work, write=True)
    if trouble == "invalid_client":
        return _json(401, {"error": "invalid_client", "error_description": "The sandbox is told to refuse the client."})
    if answer.status == 0:
        return _troubled(trouble)
    if trouble == "slow":
        await asyncio.sleep(service.SLOW_SECONDS)
    return _json(answer.status, answer.body, dict(answer.headers))


async def _api(
    request: Request, scope: str, work: Callable[[Session, Token, SandboxAccount], dict[str, Any]], *, status: int = 200
) -> Response:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")

    def judged(session: Session) -> tuple[str, dict[str, Any] | Refused | None]:
        token = server.find(session, secret) if scheme.lower() == "bearer" else None
        if token is None or token.row.kind != "access" or token.is_revoked() or token.is_expired():
            return "invalid_token", None
        account = server.account_of(session, token.grant.workspace_id)
        trouble = str(account.switches.get("api_error") or "")
        if trouble in {"429", "500"}:
            return trouble, None
        if scope not in token.row.scope.split():
            return "insufficient_scope", None
        try:
            return trouble, work(session, token, account)
        except Refused as refused:
            return trouble, refused

    trouble, found = await web.in_transaction(judged, write=request.method != "GET")
    if trouble == "slow":
        await asyncio.sleep(service.SLOW_SECONDS)
    return _answered(scope, status, trouble, found)


def _answered(scope: str, status: int, trouble: str, found: dict[str, Any] | Refused | None) -> Response:
    if isinstance(found, Refused):
        return _json(found.status, {"error": found.word, "error_description": found.sentence})
    if found is not None:
        return _json(status, found)
    if trouble == "invalid_token":
        told = "The access token is not valid, has ended, or was revoked."
        return _json(401, {"error": trouble, "error_description": told}, {"www-authenticate": 'Bearer error="invalid_token"'})
    if trouble == "insufficient_scope":
        challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
        return _json(403, {"error": trouble, "error_description": f"This needs the scope {scope}."}, {"www-authenticate": challenge})
    return _troubled(trouble)


def _troubled(trouble: str) -> Response:
    if trouble == "429":
        return _json(429, {"error": "rate_limited", "error_description": "The sandbox is told to ask for patience."}, {"retry-after": "5"})
    return _json(500, {"error": "server_error", "error_description": "The sandbox is told to fail."})


def _items(session: Session, token: Token, kind: str) -> list[dict[str, Any]]:
    query = select(SandboxItem).where(SandboxItem.workspace_id == token.grant.workspace_id, SandboxItem.kind == kind)
    return [{"id": item.id, **item.body} for item in session.exec(query.order_by(col(SandboxItem.id).desc()).limit(data.MOST)).all()]


def _make(session: Session, token: Token, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    item = SandboxItem(id=ids.new("sbi"), workspace_id=token.grant.workspace_id, kind=kind, body=body)
    session.add(item)
    return {"id": item.id, **body}


async def _form(request: Request) -> dict[str, str]:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body() if media == _FORM and int(request.headers.get("content-length") or _MAX_FORM) <= _MAX_FORM else b""
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=30))
    except ValueError:
        return {}


async def _document(request: Request) -> dict[str, Any]:
    try:
        found = orjson.loads((await request.body())[:_MAX_FORM])
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) and texts.is_storable(found) else {}


def _basic_user(authorization: str) -> str:
    from authlib.oauth2.rfc6749.util import extract_basic_authorization  # noqa: PLC0415 - used here only

    return str(extract_basic_authorization({"Authorization": authorization})[0] or "") if authorization else ""


def _moment(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def _json(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, {"cache-control": "no-store", **(headers or {})}, _JSON)


def _html(status: int, text: str, redirect_uri: str) -> Response:
    # with no-referrer a browser would send `Origin: null` with the person's answer
    headers = {"content-security-policy": page.policy(redirect_uri), "cache-control": "no-store", "referrer-policy": "same-origin"}
    return Response(text, status, headers, "text/html; charset=utf-8")
