"""Who a credential belongs to, remembered for less than a second and forgotten at once when something changes.

A credential is remembered by a keyed hash of it, never in clear; unknown ones too. What changed is told over Redis; if that
is away, the time alone bounds how long a revoked key may still pass.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import time
from dataclasses import dataclass
from typing import Any, Final

import orjson
from redis.exceptions import RedisError
from sqlmodel import Session

from backend.accounts import sessions, tokens
from backend.accounts.tokens import AccessClaims
from backend.api_keys import auth, oauth
from backend.api_keys.rules import KeyRecord
from backend.core import jwts, queue, web
from backend.core.actor import Actor
from backend.core.errors import Unavailable
from backend.core.logging import logger
from backend.gateway.credentials import Credential, Kind

STALE_SECONDS: Final = 0.9
MAX_REMEMBERED: Final = 20_000
_RECONNECT_SECONDS: Final = 1.0
_log = logger(__name__)

Identity = KeyRecord | Actor


@dataclass(slots=True)
class _Memory:
    until: float
    identity: Identity | None


class Identities:
    """Resolves credentials, one database look-up at a time for each."""

    def __init__(self) -> None:
        self._secret = os.urandom(32)
        self._remembered: dict[bytes, _Memory] = {}
        self._places: dict[str, set[bytes]] = {}
        self._loading: dict[bytes, asyncio.Future[Identity | None]] = {}
        self._generation = 0
        self._listener: asyncio.Task[None] | None = None

    async def resolve(self, credential: Credential) -> Identity | None:
        """The key's record, or the user as an actor without address; None if it is nobody's. Raises `Unavailable`."""
        place = hashlib.blake2b(credential.text.encode(), key=self._secret, digest_size=16).digest()
        found = self._remembered.get(place)
        if found is not None and found.until > time.monotonic():
            return found.identity
        loading = self._loading.get(place)
        if loading is None:
            self._listen()
            loading = self._loading[place] = asyncio.ensure_future(self._load(place, credential))
            loading.add_done_callback(lambda done: self._loaded(place, done))
        return await asyncio.shield(loading)

    def forget(self, identifiers: list[str]) -> None:
        """Forget what is remembered of these keys and sessions; what is being read right now is not remembered."""
        self._generation += 1
        for identifier in identifiers:
            for place in self._places.pop(identifier, ()):
                self._remembered.pop(place, None)

    def forget_all(self) -> None:
        """Forget everything."""
        self._generation += 1
        self._remembered.clear()
        self._places.clear()

    async def _load(self, place: bytes, credential: Credential) -> Identity | None:
        # The second counts from before the read: what changes during it is not in what was read.
        until, generation = time.monotonic() + STALE_SECONDS, self._generation
        identity = await _look_up(credential)
        if generation == self._generation:
            self._remember(place, _Memory(until, identity))
        return identity

    def _loaded(self, place: bytes, done: asyncio.Future[Identity | None]) -> None:
        self._loading.pop(place, None)
        if not done.cancelled():
            done.exception()  # whoever waits gets it; if all went away, it is no news

    def _remember(self, place: bytes, memory: _Memory) -> None:
        if len(self._remembered) >= MAX_REMEMBERED:
            self.forget_all()
        self._remembered[place] = memory
        for identifier in _identifiers(memory.identity):
            self._places.setdefault(identifier, set()).add(place)

    def _listen(self) -> None:
        if self._listener is None or self._listener.done():
            self._listener = asyncio.get_running_loop().create_task(self._follow(), name="key-invalidations")

    async def _follow(self) -> None:
        """Forget what other processes say has changed, for as long as this event loop runs."""
        while True:
            with contextlib.suppress(RedisError, OSError):
                connection: Any = queue.async_redis(blocking=True)
                async with connection.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(queue.INVALIDATIONS)
                    self.forget_all()  # what was said while nobody listened
                    async for message in channel.listen():
                        self._hear(message["data"])
            await asyncio.sleep(_RECONNECT_SECONDS)

    def _hear(self, data: bytes) -> None:
        try:
            self.forget([str(identifier) for identifier in orjson.loads(data)])
        except (ValueError, TypeError):
            _log.warning("invalidation.unreadable")


async def _look_up(credential: Credential) -> Identity | None:
    if credential.kind is Kind.KEY:
        record = await web.in_transaction(auth.authenticate, token=credential.text)
        if record is not None and not record.is_mac_current:
            with contextlib.suppress(Unavailable):  # it works as it is; the next use tries again
                await web.in_transaction(auth.rehash, write=True, secret_id=record.secret_id, token=credential.text)
        return record
    said = jwts.read(credential.text)
    return await web.in_transaction(_bearer, said=said) if said is not None else None


def _bearer(session: Session, *, said: dict[str, Any]) -> Identity | None:
    """Whose access token it is: a user's, or a key's that stands for itself."""
    claims = tokens.claims_of(said)
    return _user(session, claims) if claims is not None else oauth.record_for(session, said)


def _user(session: Session, claims: AccessClaims) -> Actor | None:
    info = sessions.resolve_id(session, claims.session_id)
    if info is None or (info.user_id, info.workspace_id) != (claims.user_id, claims.workspace_id):
        return None
    return sessions.actor_for(info)


def _identifiers(identity: Identity | None) -> tuple[str, ...]:
    if isinstance(identity, KeyRecord):
        return (identity.key_id,)
    return (identity.session_id, identity.id) if identity is not None else ()
