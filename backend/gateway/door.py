"""The door of the public API, pure ASGI: what it refuses never reaches the framework.

In this order: request id and address, size and type of the body, credential by its shape, then whose it is (remembered for
less than a second, else the database), status and expiry, address, scope, limits; then whether there is such a call at all.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Final

from fastapi import FastAPI
from starlette.types import ASGIApp

from backend.api_keys import access, rules
from backend.api_keys.rules import KeyRecord
from backend.core import clock, lenience, web
from backend.core.actor import Actor
from backend.core.errors import CrossdockError, MethodNotAllowed, NotFound, TooLarge, Unauthenticated, UnsupportedMedia
from backend.core.logging import logger
from backend.core.web import RouteEntry
from backend.gateway import credentials, instance, older, versions
from backend.gateway.credentials import Credential, Kind
from backend.gateway.exchange import Exchange, Receive, Scope, Send, too_large
from backend.gateway.identity import Identities
from backend.gateway.instance import GatewaySettings
from backend.gateway.limits import Limits, of_endpoint
from backend.gateway.table import Call, NoCall, RouteTable
from backend.gateway.versions import Version
from backend.logs import recorder
from backend.settings import settings

KIB: Final = 1024
MAX_BODY: Final = 1024 * KIB
MAX_FORM: Final = 64 * KIB
# An event's payload is 256 KiB at most, which its service judges; the envelope around it is small. A thousand of 4 KiB are a batch.
MAX_BODIES: Final = {"POST /api/v1/events": (256 + 16) * KIB, "POST /api/v1/events/batch": 4096 * KIB}
# Takes any media type, bounds its body itself, and keeps a log of its own, of what is too large too; its path holds a secret.
INCOMING: Final = "POST /api/v1/webhooks/incoming/{token}"
SIGN_IN: Final = "/api/v1/auth"
HEALTH: Final = frozenset(f"/api/v1/monitoring/health{check}" for check in ("", "/live", "/ready"))
METRICS: Final = "/metrics"
_VERSION: Final = re.compile(r"/api/(v[0-9]{1,4})(?:/|$)")
_WITH_BODY: Final = ("POST", "PUT", "PATCH")
_log = logger(__name__)


class Gateway:
    """Wraps the application. Calls are known from `entries`; raises `UnmarkedRoute` if one says nothing about who may call it.

    `direct` has, by their routes, applications of single calls that are made so often that the framework's way to them counts.
    """

    def __init__(self, app: FastAPI, entries: Iterable[RouteEntry], direct: Mapping[str, ASGIApp] | None = None) -> None:
        current = settings()
        self.router = app.router  # whose lifespan a server runs that mounts the gateway behind a door of its own
        self._app = app
        self._direct = direct or {}
        self._table = RouteTable(entries)
        self._identities = Identities()
        self._limits = Limits()
        self._trusted = current.trusted_proxies
        self._https = current.require_https
        access.bind(self._facts)
        instance.bind(call.route for call in self._table.calls)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        by_older_path = older.call_of(scope, send)
        if by_older_path is None:
            return await self._serve(Exchange(scope, receive, send, trusted=self._trusted, https=self._https))
        exchange = Exchange(by_older_path.scope, receive, by_older_path.send, trusted=self._trusted, https=self._https)
        with lenience.ignoring_unknown_fields():
            return await self._serve(exchange, by_older_path)

    async def _serve(self, exchange: Exchange, by_older_path: older.OlderCall | None = None) -> None:
        scope = exchange.scope
        path: str = scope["path"]
        version = versions.of(by_older_path.called if by_older_path is not None else path)
        is_watched = (_is_under(path, "/api") and path not in HEALTH) or path.startswith(METRICS)
        is_form = not is_watched and (_is_under(path, "/auth") or _is_under(path, "/oauth"))
        try:
            if is_watched or is_form:
                await self._admit(exchange, version, is_form=is_form)
            call = exchange.call
            app = self._direct.get(call.route, self._app) if isinstance(call, Call) else self._app
            receive = by_older_path.reading(exchange.receive) if by_older_path is not None else exchange.receive
            await app(scope, receive, exchange.send)
        except CrossdockError as refusal:
            if isinstance(refusal, TooLarge | UnsupportedMedia):
                await self._attribute(exchange)
            await exchange.refuse(refusal)
        except Exception:  # noqa: BLE001 - whatever the application did not expect is told and logged here, once
            _log.exception("request.failed", request_id=exchange.request_id, route=f"{scope['method']} {exchange.shown_path}")
            await exchange.refuse(CrossdockError(_FAILED.format(exchange.request_id)))
        finally:
            if (is_watched or is_form) and not exchange.has_own_log:
                recorder.record(exchange.entry(called=by_older_path.called if by_older_path is not None else None))

    async def _admit(self, exchange: Exchange, version: Version | None, *, is_form: bool) -> None:
        """Return if the request may go in; raise the error that refuses it."""
        scope = exchange.scope
        method, path = scope["method"], scope["path"]
        current = await instance.current()
        exchange.announce(versions.notice(version, current.sunsets))
        call = exchange.call = None if is_form else self._table.find(method, path)
        _judge_body(exchange, call)
        if isinstance(call, Call) and call.route == INCOMING:
            return exchange.let_in(None, None)
        if call is None or (isinstance(call, Call) and call.permission is web.PUBLIC):
            is_sign_in = call is None or _is_under(path, SIGN_IN)
            await self._limits.spend_anonymous(exchange, current, or_locally=is_sign_in)
            return exchange.let_in(None, None)
        try:
            credential = credentials.read(exchange.headers.get(b"authorization"), exchange.headers.get(b"x-api-key"), scope["query_string"])
            if credential is None:
                raise _missing(call, method, exchange.shown_path)
            identity = await self._identify(credential, current)
        except (Unauthenticated, NotFound, MethodNotAllowed):
            await self._limits.note_stranger(exchange, current)
            raise
        if isinstance(identity, KeyRecord):
            actor = await self._admit_key(exchange, identity, call, current)
        else:
            actor = exchange.actor = _at(identity, exchange)
            _judge_scope(actor, call)
            await self._limits.spend_user(exchange, actor, current)
        if isinstance(call, NoCall):
            raise _no_call(call, method, exchange.shown_path)
        exchange.let_in(actor, scope["query_string"] if credential.in_query else None)
        return None

    async def _attribute(self, exchange: Exchange) -> None:
        """Find out whose a request is that was refused for its body, so that its caller finds it in the log."""
        if exchange.actor is not None:
            return
        headers, query = exchange.headers, exchange.scope["query_string"]
        with contextlib.suppress(CrossdockError):
            credential = credentials.read(headers.get(b"authorization"), headers.get(b"x-api-key"), query)
            identity = await self._identities.resolve(credential) if credential is not None else None
            if isinstance(identity, KeyRecord):
                exchange.actor, exchange.secret_id = identity.actor(ip=exchange.ip), identity.secret_id
            else:
                exchange.actor = identity

    async def _admit_key(self, exchange: Exchange, record: KeyRecord, call: Call | NoCall, current: GatewaySettings) -> Actor:
        actor = record.actor(ip=exchange.ip, user_agent=exchange.user_agent, request_id=exchange.request_id)
        exchange.actor, exchange.secret_id = actor, record.secret_id
        refusal = rules.refusal_of_key(record, now=clock.now()) or rules.refusal_of_address(record, exchange.ip)
        if refusal is not None:
            raise refusal
        _judge_scope(actor, call)
        await self._limits.spend_key(exchange, record, current)
        return actor

    async def _identify(self, credential: Credential, current: GatewaySettings) -> KeyRecord | Actor:
        if credential.in_query and not current.query_keys:
            raise Unauthenticated(
                "This installation takes no API keys in the address. Send it as `Authorization: Bearer xdk_…`.", "query_key"
            )
        identity = await self._identities.resolve(credential)
        if identity is not None:
            return identity
        if credential.kind is Kind.KEY:
            raise Unauthenticated("This API key is not known here. Check that it is the whole key, and for this address.", "unknown")
        raise Unauthenticated(
            "The access token is not valid or has expired. Get a new one from POST /api/v1/auth/refresh or /api/v1/auth/token.",
            "access_token",
        )

    def _facts(self, method: str, path: str) -> access.RouteFacts | None:
        call = self._table.find(*older.answered_at(method.upper(), path))
        if not isinstance(call, Call):
            return None
        return access.RouteFacts(call.route, call.permission, of_endpoint(call, instance.remembered()))


_FAILED: Final = "Something went wrong on our side; it is in the log as {}. Try again, or ask the operator."


def _is_under(path: str, prefix: str) -> bool:
    return path.startswith(prefix) and (len(path) == len(prefix) or path[len(prefix)] == "/")


def _judge_body(exchange: Exchange, call: Call | NoCall | None) -> None:
    """Raise `TooLarge` or `UnsupportedMedia` for a body that is not taken; one of unknown length is counted as it comes."""
    if isinstance(call, Call) and call.route == INCOMING:
        return
    length = exchange.headers.get(b"content-length")
    is_chunked = b"transfer-encoding" in exchange.headers
    most = MAX_FORM if call is None else MAX_BODIES.get(call.route, MAX_BODY) if isinstance(call, Call) else MAX_BODY
    size = int(length) if length is not None and length.isdigit() else 0
    if size > most:
        raise too_large(most)
    if is_chunked or (length is None and exchange.scope["http_version"] == "2"):
        exchange.bound_body(most)
    if call is None or not (size or is_chunked) or exchange.scope["method"] not in _WITH_BODY:
        return
    media = exchange.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media != b"application/json" and not (media.startswith(b"application/") and media.endswith(b"+json")):
        sent = media.decode("latin-1") or "none"
        raise UnsupportedMedia(f"The body's content type is {sent}. Send JSON with `Content-Type: application/json`.")


def _judge_scope(actor: Actor, call: Call | NoCall) -> None:
    if isinstance(call, Call) and call.permission is not web.AUTHENTICATED:
        refusal = rules.refusal_of_scope(actor, call.permission)
        if refusal is not None:
            raise refusal


def _at(user: Actor, exchange: Exchange) -> Actor:
    return dataclasses.replace(user, ip=exchange.ip, user_agent=exchange.user_agent, request_id=exchange.request_id)


def _missing(call: Call | NoCall, method: str, path: str) -> CrossdockError:
    """What a request without credential is told: to send one, or that there is no such call."""
    if isinstance(call, NoCall):
        return _no_call(call, method, path)
    return Unauthenticated(f"This call needs a credential. {credentials.HOW}")


def _no_call(call: NoCall, method: str, path: str) -> CrossdockError:
    if call.allowed:
        return MethodNotAllowed(f"{path} has no {method}. Use {' or '.join(call.allowed)}.", call.allowed)
    if (asked := _VERSION.match(path)) is not None and asked[1] not in versions.BY_NAME:
        return NotFound(f"There is nothing at {path}: there is no version {asked[1]} of this API. Use {versions.CURRENT.prefix}.")
    return NotFound(f"There is nothing at {path}. GET /api/openapi.json lists every call.")
