"""Consents under way: begun for a user and a browser, ended once, within ten minutes, where they were sent back to."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from backend.core import clock, crypto, ids
from backend.core.actor import Actor
from backend.integrations import failures, vault
from backend.integrations.connection import state_mac
from backend.integrations.failures import Kind, ProviderFailed
from backend.models import Integration, IntegrationState

LIFETIME: Final = timedelta(minutes=10)
KEPT: Final = timedelta(days=1)  # so that one that comes late or twice is told so
_STATE_BYTES: Final = 32
_USER: Final = "usr_"


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent that came back as it should: for which integration, and what the token request needs."""

    row: IntegrationState
    verifier: str | None = field(repr=False)


def begin(
    session: Session,
    *,
    actor: Actor,
    integration: Integration,
    redirect_uri: str,
    scopes: list[str],
    verifier: str | None,
    in_browser: bool,
) -> str:
    """A new state of 256 random bits; stored as a MAC. `in_browser` binds it to the session of the browser that `actor` uses."""
    state = secrets.token_urlsafe(_STATE_BYTES)
    mac = state_mac(state)[0]
    now = clock.now()
    row = IntegrationState(
        id=ids.new("ist"),
        workspace_id=integration.workspace_id,
        state_mac=mac.digest_hex,
        mac_key_id=mac.key_id,
        integration_id=integration.id,
        provider=integration.provider,
        user_id=actor.id,
        user_name=actor.name[:200],
        session_id=actor.session_id if in_browser else None,
        redirect_uri=redirect_uri,
        scopes=scopes,
        expires_at=now + LIFETIME,
    )
    if verifier is not None:
        row.verifier_sealed = crypto.keyring().encrypt(verifier.encode(), context=vault.verifier_context(row))
    session.add(row)
    session.exec(delete(IntegrationState).where(col(IntegrationState.expires_at) < now - KEPT))
    return state


def take(session: Session, *, state: str, user_id: str | None, session_id: str | None, came_to: str | None) -> Consent:
    """The consent that a state stands for, used up by this, whatever becomes of it.

    `user_id` and `session_id` are those of the browser that came back, `came_to` the address it came to, where there is one. Raises
    `ProviderFailed`; the caller must commit all the same.
    """
    row = _find(session, state)
    if row is None:
        raise failures.failed(Kind.STATE, "This answer does not belong to a sign-in that was begun here.")
    now = clock.now()
    used = update(IntegrationState).where(col(IntegrationState.id) == row.id, col(IntegrationState.used_at).is_(None)).values(used_at=now)
    if session.connection().execute(used).rowcount != 1:
        raise failures.failed(Kind.STATE, "This answer has been used already.")
    wrong = _wrong(row, user_id, session_id, came_to)
    if wrong is not None:
        raise wrong
    if row.expires_at <= now:
        raise failures.failed(Kind.STATE, "The sign-in took longer than ten minutes.")
    sealed = row.verifier_sealed
    verifier = crypto.keyring().decrypt(sealed, context=vault.verifier_context(row)).decode() if sealed is not None else None
    return Consent(row, verifier)


def whose(session: Session, state: str) -> IntegrationState | None:
    """The row of a state, used or not, for the timeline of its integration."""
    return _find(session, state)


def _find(session: Session, state: str) -> IntegrationState | None:
    macs = [mac.digest_hex for mac in state_mac(state)]
    return session.exec(select(IntegrationState).where(col(IntegrationState.state_mac).in_(macs))).first()


def _wrong(row: IntegrationState, user_id: str | None, session_id: str | None, came_to: str | None) -> ProviderFailed | None:
    is_by_user = row.session_id is not None or row.user_id.startswith(_USER)  # what a key begins, any of its people may end
    if is_by_user and user_id is not None and user_id != row.user_id:
        return failures.failed(Kind.STATE, "The sign-in was begun by another user than the one who is signed in here.")
    if row.session_id is not None and session_id != row.session_id:
        return failures.failed(Kind.STATE, "The sign-in was begun in another browser.")
    if came_to is not None and came_to != row.redirect_uri:
        return failures.failed(Kind.MIX_UP, "The answer came to another address than the one that the provider was given.")
    return None
