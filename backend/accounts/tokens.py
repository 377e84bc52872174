"""Tokens of users for the API: a JWT of 15 minutes (RFC 7519, HS256) and a refresh token that rotates with every use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel import Session, col, select

from backend.accounts import sessions
from backend.accounts.sessions import SessionInfo
from backend.core import clock, crypto, jwts, tokens
from backend.core.errors import Unauthenticated
from backend.models import UserSession

ACCESS_LIFETIME = timedelta(minutes=15)
_LABEL = "session"
_FAMILY_LENGTH = 26  # `xds_` and 22 characters, 131 bits


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client gets: both tokens, and the seconds for which the first is good."""

    access_token: str
    refresh_token: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What an access token says; that its session is still valid is another question."""

    session_id: str
    user_id: str
    workspace_id: str


def access_token(info: SessionInfo) -> str:
    """A JWT for this session, its user and its workspace, good for 15 minutes."""
    return jwts.issue({"sub": info.user_id, "sid": info.id, "wsp": info.workspace_id}, ACCESS_LIFETIME)


def pair(info: SessionInfo, refresh_token: str) -> TokenPair:
    """The answer to a sign-in or a refresh."""
    return TokenPair(access_token(info), refresh_token, int(ACCESS_LIFETIME.total_seconds()))


def claims_of(said: Mapping[str, Any]) -> AccessClaims | None:
    """What a token says of a user; None if it is not a user's."""
    if "sid" not in said or "wsp" not in said:
        return None
    return AccessClaims(str(said["sid"]), str(said["sub"]), str(said["wsp"]))


def refresh(session: Session, refresh_token: str) -> tuple[str, SessionInfo] | None:
    """Rotate a refresh token: the new one and its session, None if it is not valid.

    A token that was rotated away already means that somebody else has it: the whole session ends (RFC 9700, section 4.14.2), however
    often it was rotated since. All of a session's refresh tokens begin alike, and by that an old one is known. The caller commits in both cases.
    """
    family = refresh_token[:_FAMILY_LENGTH]
    row = sessions.find(session, refresh_token, kind="api", lock=True)
    if row is None:
        macs = [mac.digest_hex for mac in crypto.keyring().macs(_LABEL, family)]
        reused = session.exec(select(UserSession).where(col(UserSession.previous_mac).in_(macs))).first()
        if reused is not None:
            sessions.revoke(session, reused.id)
        return None
    info = sessions.info_of(session, row)
    if info is None:
        return None
    token = tokens.new_secret(family, 16)
    mac = crypto.keyring().mac(_LABEL, token)
    row.token_mac, row.mac_key_id, row.last_seen_at = mac.digest_hex, mac.key_id, clock.now()
    row.previous_mac = crypto.keyring().mac(_LABEL, family).digest_hex
    return token, info


def refused() -> Unauthenticated:
    """The error for a refresh token that is not valid."""
    return Unauthenticated("The refresh token is not valid any more. Get a new one from POST /api/v1/auth/token.", "refresh_token")
