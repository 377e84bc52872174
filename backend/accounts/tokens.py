"""Tokens of users for the API: a JWT of 15 minutes (RFC 7519, HS256) and a refresh token that rotates with every use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey
from sqlmodel import Session, col, select

from backend.accounts import sessions
from backend.accounts.sessions import SessionInfo
from backend.core import clock, crypto, tokens
from backend.core.errors import Unauthenticated
from backend.models import UserSession

ACCESS_LIFETIME = timedelta(minutes=15)
_ISSUER = "crossdock"
_LABEL = "session"


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
    now = int(clock.now().timestamp())
    claims = {
        "iss": _ISSUER,
        "sub": info.user_id,
        "sid": info.id,
        "wsp": info.workspace_id,
        "iat": now,
        "exp": now + int(ACCESS_LIFETIME.total_seconds()),
    }
    key = _keys().keys[0]
    return jwt.encode({"alg": "HS256", "kid": key.kid}, claims, key)


def pair(info: SessionInfo, refresh_token: str) -> TokenPair:
    """The answer to a sign-in or a refresh."""
    return TokenPair(access_token(info), refresh_token, int(ACCESS_LIFETIME.total_seconds()))


def verify_access(token: str) -> AccessClaims | None:
    """What a valid access token says, None for anything else. No I/O; never raises."""
    try:
        claims = jwt.decode(token, _keys(), algorithms=["HS256"]).claims
        jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": _ISSUER}, exp={"essential": True}, sid={"essential": True}, wsp={"essential": True}
        ).validate(claims)
    except (JoseError, ValueError, TypeError):
        return None
    return AccessClaims(str(claims["sid"]), str(claims["sub"]), str(claims["wsp"]))


def refresh(session: Session, refresh_token: str) -> tuple[str, SessionInfo] | None:
    """Rotate a refresh token: the new one and its session, None if it is not valid.

    A token that was rotated away already means that somebody else has it: the whole session ends (RFC 9700, section 4.14.2).
    The caller commits in both cases.
    """
    row = sessions.find(session, refresh_token, kind="api", lock=True)
    if row is None:
        macs = [mac.digest_hex for mac in crypto.keyring().macs(_LABEL, refresh_token)]
        reused = session.exec(select(UserSession).where(col(UserSession.previous_mac).in_(macs))).first()
        if reused is not None:
            sessions.revoke(session, reused.id)
        return None
    info = sessions.info_of(session, row)
    if info is None:
        return None
    token = tokens.new_secret("xds_")
    mac = crypto.keyring().mac(_LABEL, token)
    row.previous_mac, row.token_mac, row.mac_key_id, row.last_seen_at = row.token_mac, mac.digest_hex, mac.key_id, clock.now()
    return token, info


def refused() -> Unauthenticated:
    """The error for a refresh token that is not valid."""
    return Unauthenticated("The refresh token is not valid any more. Get a new one from POST /api/v1/auth/token.", "refresh_token")


def _keys() -> KeySet:
    return KeySet([OctKey.import_key(derived.key, {"kid": derived.key_id}) for derived in crypto.keyring().derive_all("jwt")])
