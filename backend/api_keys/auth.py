"""How a presented API key is recognised: by MACs of it, looked up under every configured key."""

from __future__ import annotations

from sqlalchemy import update
from sqlmodel import Session, col

from backend.api_keys import queries
from backend.api_keys.inputs import parse_network
from backend.api_keys.rules import KeyRecord, KeyState, windows
from backend.core import crypto, tokens
from backend.models import ApiKey, ApiKeySecret

MAC_LABEL = "api-key"


def authenticate(session: Session, token: str) -> KeyRecord | None:
    """What is known of the key `token`, whatever its status; None if it is not well-formed or nobody's."""
    if not tokens.is_well_formed(token):
        return None
    macs = crypto.keyring().macs(MAC_LABEL, token)
    found = queries.secret_by_macs(session, [mac.digest_hex for mac in macs])
    if found is None:
        return None
    secret, key = found
    return record_of(key, secret)


def by_secret(session: Session, *, secret_id: str, key_id: str) -> KeyRecord | None:
    """What is known of a key by one of its secrets, whatever its status; None if there is no such secret of it."""
    secret, key = session.get(ApiKeySecret, secret_id), session.get(ApiKey, key_id)
    if secret is None or key is None or secret.api_key_id != key.id:
        return None
    return record_of(key, secret)


def record_of(key: ApiKey, secret: ApiKeySecret) -> KeyRecord:
    """What the door needs to know of a key and one of its secrets."""
    state = KeyState(key.state)
    since = {KeyState.ACTIVE: None, KeyState.DISABLED: key.disabled_at, KeyState.REVOKED: key.revoked_at}[state]
    return KeyRecord(
        key_id=key.id,
        secret_id=secret.id,
        workspace_id=key.workspace_id,
        name=key.name,
        state=state,
        state_since=since,
        expires_at=key.expires_at,
        secret_expires_at=secret.expires_at,
        scopes=frozenset(key.scopes),
        networks=tuple(parse_network(text) for text in key.allowed_ips),
        limits=windows(key.limit_per_minute, key.limit_per_hour, key.limit_per_day),
        is_mac_current=secret.mac_key_id == crypto.keyring().current_id,
    )


def rehash(session: Session, *, secret_id: str, token: str) -> None:
    """Store the MAC of a key that was recognised under an older encryption key anew, under the current one."""
    mac = crypto.keyring().mac(MAC_LABEL, token)
    session.exec(update(ApiKeySecret).where(col(ApiKeySecret.id) == secret_id).values(mac=mac.digest_hex, mac_key_id=mac.key_id))
