"""Access tokens: JWTs (RFC 7519) signed with HS256 under keys derived from ENCRYPTION_KEY."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey

from backend.core import clock, crypto

_ISSUER: Final = "crossdock"


def issue(claims: dict[str, Any], lifetime: timedelta) -> str:
    """A token that says `claims` and who issued it, good for `lifetime`."""
    now = int(clock.now().timestamp())
    key = _keys().keys[0]
    return jwt.encode(
        {"alg": "HS256", "kid": key.kid}, {"iss": _ISSUER, **claims, "iat": now, "exp": now + int(lifetime.total_seconds())}, key
    )


def read(token: str) -> dict[str, Any] | None:
    """What a valid token says, None for anything else. No I/O; never raises."""
    try:
        claims = jwt.decode(token, _keys(), algorithms=["HS256"]).claims
        jwt.JWTClaimsRegistry(iss={"essential": True, "value": _ISSUER}, exp={"essential": True}, sub={"essential": True}).validate(claims)
    except (JoseError, ValueError, TypeError):
        return None
    return claims


def _keys() -> KeySet:
    return KeySet([OctKey.import_key(derived.key, {"kid": derived.key_id}) for derived in crypto.keyring().derive_all("jwt")])
