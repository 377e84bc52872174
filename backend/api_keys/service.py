"""API keys of a workspace: made, listed, changed, disabled, replaced and revoked.

A secret is in clear only in what `create`, `rotate` and `regenerate` return, once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from backend.api_keys import due, inputs, queries, scopes
from backend.api_keys.auth import MAC_LABEL
from backend.api_keys.inputs import KeyInput
from backend.api_keys.rules import KeyState, KeyStatus, status_of
from backend.audit import service as audit
from backend.core import clock, crypto, db, ids, pagination, permissions, queue, tokens
from backend.core.actor import Actor, ActorKind
from backend.core.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from backend.models import ApiKey, ApiKeySecret

DEFAULT_OVERLAP_HOURS = 24
ALL = "all"
_TARGET = "api_key"
_ORDER = list(due.Kind)
# What a change may touch although the key can do more than whoever makes it; of scopes, only the added ones are judged.
_HARMLESS = frozenset({"name", "description", "metadata", "external_ref", "scopes"})


@dataclass(frozen=True, slots=True)
class Due:
    """A key that somebody should look at, and why."""

    key: ApiKey
    reasons: list[due.Reason]


def create(session: Session, *, actor: Actor, input: KeyInput) -> tuple[ApiKey, str]:  # noqa: A002 - the contract's word
    """A new key and its secret in clear, which is kept nowhere.

    Raises `Invalid` with every wrong field, `Forbidden` for scopes that the actor does not hold.
    """
    permissions.require(actor, permissions.API_KEYS_WRITE)
    now = clock.now()
    given = {f.name: getattr(input, f.name) for f in dataclasses.fields(input)}
    values = inputs.check(given, now=now, modules=queries.module_names(session, workspace_id=actor.workspace_id))
    values = inputs.with_default_limit(values)
    _require_grantable(actor, values["scopes"])
    _check_owner(session, actor, values["owner_id"])
    is_active = values.pop("is_active")
    key = ApiKey(
        id=ids.new("key"),
        workspace_id=actor.workspace_id,
        state=KeyState.ACTIVE if is_active else KeyState.DISABLED,
        disabled_at=None if is_active else now,
        created_by=actor.id,
        created_at=now,
        updated_at=now,
        meta=values.pop("metadata"),
        owner_id=values.pop("owner_id") or (actor.id if actor.kind is ActorKind.USER else None),
        **values,
    )
    session.add(key)
    session.flush()
    token = _add_secret(session, key, now)
    _record(session, actor, "api_key.created", key, after=describe(key))
    return key, token


def get(session: Session, *, actor: Actor, key_id: str) -> ApiKey:
    """A key of the actor's workspace. Raises `NotFound`."""
    permissions.require(actor, permissions.API_KEYS_READ)
    return _existing(session, actor, key_id)


def list_keys(
    session: Session,
    *,
    actor: Actor,
    status: str | None = None,
    q: str | None = None,
    mine: bool = False,
    limit: int = pagination.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> pagination.Page[ApiKey]:
    """Keys, newest first. `status` is active, disabled, expired, revoked or all, in any case; without it all but the revoked.

    `q` is part of a name or description, an id, or the beginning of a key; `mine` asks for those only that the actor owns or has made.
    Raises `Invalid` on another status.
    """
    permissions.require(actor, permissions.API_KEYS_READ)
    word = (status or "").lower()
    if word and word not in (ALL, *KeyStatus):
        raise Invalid(FieldError("status", f"{status!r} is no status of a key.", f"Use one of {', '.join((*KeyStatus, ALL))}."))
    return queries.page(
        session,
        workspace_id=actor.workspace_id,
        status=KeyStatus(word) if word and word != ALL else None,
        everything=word == ALL,
        q=(q or "").strip() or None,
        caller_id=actor.id if mine else None,
        now=clock.now(),
        limit=limit,
        cursor=cursor,
    )


def counts(session: Session, *, actor: Actor) -> dict[str, int]:
    """How many keys have each status; `all` counts those that are not revoked, as the list without a filter shows them."""
    permissions.require(actor, permissions.API_KEYS_READ)
    found = queries.count_by_status(session, workspace_id=actor.workspace_id, now=clock.now())
    by_status = {status.value: number for status, number in found.items()}
    return {ALL: sum(by_status.values()) - by_status[KeyStatus.REVOKED], **by_status}


def names(session: Session, *, actor: Actor, key_ids: Collection[str]) -> dict[str, str]:
    """The names of these keys of the workspace by id, revoked ones too."""
    permissions.require(actor, permissions.API_KEYS_READ)
    return {key.id: key.name for key in queries.by_ids(session, workspace_id=actor.workspace_id, key_ids=key_ids)}


def secrets(session: Session, *, actor: Actor, key_id: str) -> list[ApiKeySecret]:
    """The secrets of a key that still work, newest first, with their last use: two while a rotation overlaps. Raises `NotFound`."""
    permissions.require(actor, permissions.API_KEYS_READ)
    key = _existing(session, actor, key_id)
    return secrets_by_key(session, actor=actor, keys=[key])[key.id]


def secrets_by_key(session: Session, *, actor: Actor, keys: Sequence[ApiKey]) -> dict[str, list[ApiKeySecret]]:
    """The same for each of `keys`, by their ids; for a revoked key its last secret, so that it can be told apart.

    Whoever may change or end a key sees what became of it, whether it may read keys or not.
    """
    if not any(permissions.allows(actor, each) for each in (permissions.API_KEYS_WRITE, permissions.API_KEYS_DELETE)):
        permissions.require(actor, permissions.API_KEYS_READ)
    now, found = clock.now(), {key.id: list[ApiKeySecret]() for key in keys}
    for secret in queries.secrets_of(session, workspace_id=actor.workspace_id, key_ids=list(found)):
        if not found[secret.api_key_id] or secret.expires_at is None or secret.expires_at > now:
            found[secret.api_key_id].append(secret)
    return found


def effective_status(key: ApiKey, now: datetime) -> KeyStatus:
    """The status of a key as people see it at `now`."""
    return status_of(key.state, key.expires_at, now)


def list_due(session: Session, *, actor: Actor, limit: int = pagination.MAX_LIMIT) -> list[Due]:
    """The active keys that somebody should look at, each with why; the most pressing first."""
    permissions.require(actor, permissions.API_KEYS_READ)
    now = clock.now()
    keys = queries.perhaps_due(session, workspace_id=actor.workspace_id, now=now)
    secrets = secrets_by_key(session, actor=actor, keys=keys)
    found = [Due(key, reasons) for key in keys if (reasons := due.reasons(key, secrets[key.id], now))]
    return sorted(found, key=lambda each: (_ORDER.index(each.reasons[0].kind), each.reasons[0].at, each.key.id))[:limit]


def owner(session: Session, *, actor: Actor, key: ApiKey) -> str:
    """The name of whose key it is, or their e-mail address; empty if it is nobody's, or they have left the workspace."""
    permissions.require(actor, permissions.API_KEYS_READ)
    found = queries.owner_of(session, key)
    return (found.name or found.email) if found is not None else ""


def update(session: Session, *, actor: Actor, key_id: str, changes: dict[str, Any]) -> ApiKey:
    """Change the given fields (names of `KeyInput`) and leave the others.

    Scopes that the key has may stay, added ones must be the actor's own. Limits, addresses, end, owner and rotation of a key, and that
    it works again, change only by who holds all its scopes. Raises `NotFound`, `Invalid`, `Forbidden`, and `Conflict` for a revoked key.
    """
    permissions.require(actor, permissions.API_KEYS_WRITE)
    key = _changeable(session, actor, key_id)
    now = clock.now()
    values = inputs.check(changes, now=now, modules=queries.module_names(session, workspace_id=actor.workspace_id))
    _require_grantable(actor, set(values.get("scopes", ())) - set(key.scopes))
    if values.get("owner_id") != key.owner_id:  # who has left may stay the owner of what there is
        _check_owner(session, actor, values.get("owner_id"))
    before = describe(key)
    is_active = values.pop("is_active", None)
    if any(value != getattr(key, name) for name, value in values.items() if name not in _HARMLESS):
        _require_guardian(actor, key.scopes)
    if "metadata" in values:
        values["meta"] = values.pop("metadata")
    if is_active is not None:
        _set_state(actor, key, KeyState.ACTIVE if is_active else KeyState.DISABLED, now)
    for name, value in values.items():
        setattr(key, name, value)
    if describe(key) != before:
        _changed(session, actor, "api_key.updated", key, before, now)
    return key


def revoke(session: Session, *, actor: Actor, key_id: str) -> ApiKey:
    """End a key for good, on every process within a second; the same again changes nothing. Raises `NotFound`."""
    permissions.require(actor, permissions.API_KEYS_DELETE)
    return _move(session, actor, _existing(session, actor, key_id, lock=True), KeyState.REVOKED, "api_key.revoked")


def disable(session: Session, *, actor: Actor, key_id: str) -> ApiKey:
    """Refuse the key until it is enabled again. Raises `NotFound`, and `Conflict` for a revoked key."""
    permissions.require(actor, permissions.API_KEYS_WRITE)
    return _move(session, actor, _changeable(session, actor, key_id), KeyState.DISABLED, "api_key.disabled")


def enable(session: Session, *, actor: Actor, key_id: str) -> ApiKey:
    """Accept a disabled key again.

    Raises `NotFound`, `Forbidden` if the key has scopes that the actor does not hold, and `Conflict` for a revoked key.
    """
    permissions.require(actor, permissions.API_KEYS_WRITE)
    return _move(session, actor, _changeable(session, actor, key_id), KeyState.ACTIVE, "api_key.enabled")


def rotate(session: Session, *, actor: Actor, key_id: str, overlap_hours: float = DEFAULT_OVERLAP_HOURS) -> tuple[ApiKey, str]:
    """A further secret for the key, in clear; the one before works for 0 to 168 hours more, never longer than it would have.

    One that was before that ends at once, so that no more than two ever work.

    Raises `NotFound`, `Invalid`, `Forbidden` if the key has scopes that the actor does not hold, `Conflict` for a revoked key.
    """
    inputs.check_overlap(overlap_hours)
    return _replace_secret(session, actor, key_id, overlap=timedelta(hours=overlap_hours), action="api_key.rotated")


def regenerate(session: Session, *, actor: Actor, key_id: str) -> tuple[ApiKey, str]:
    """A new secret for the key, in clear; every one before stops working at once. Raises as `rotate`."""
    return _replace_secret(session, actor, key_id, overlap=timedelta(0), action="api_key.regenerated")


def describe(key: ApiKey) -> dict[str, Any]:
    """A key's settings for the audit trail; nothing of it is secret."""
    return {
        "name": key.name,
        "description": key.description,
        "status": key.state,
        "scopes": list(key.scopes),
        "limit_per_minute": key.limit_per_minute,
        "limit_per_hour": key.limit_per_hour,
        "limit_per_day": key.limit_per_day,
        "allowed_ips": list(key.allowed_ips),
        "expires_at": clock.rfc3339(key.expires_at) if key.expires_at else None,
        "owner_id": key.owner_id,
        "metadata": dict(key.meta),
        "rotate_every_days": key.rotate_every_days,
        "external_ref": key.external_ref,
    }


def _existing(session: Session, actor: Actor, key_id: str, *, lock: bool = False) -> ApiKey:
    key = queries.find(session, workspace_id=actor.workspace_id, key_id=key_id, lock=lock)
    if key is None:
        raise NotFound(f"There is no API key {key_id} in this workspace. Check the id; GET /api/v1/api-keys lists them.")
    return key


def _changeable(session: Session, actor: Actor, key_id: str) -> ApiKey:
    key = _existing(session, actor, key_id, lock=True)
    if key.state == KeyState.REVOKED:
        raise Conflict("This API key is revoked, for good. Create a new one.")
    return key


def _require_grantable(actor: Actor, wanted: Sequence[str] | set[str]) -> None:
    missing = sorted(set(wanted) - scopes.grantable(actor, wanted))
    if missing:
        raise Forbidden(
            f"A key cannot be given scopes that its maker does not hold: {', '.join(missing)}. Leave them out, or use a key that has them.",
            tuple(missing),
            reason="scope_escalation",
        )


def _require_guardian(actor: Actor, held: Sequence[str]) -> None:
    """Whoever could not make a key takes none of its guards off either: that would be a way to more than they hold."""
    missing = sorted(set(held) - scopes.grantable(actor, held))
    if missing:
        raise Forbidden(
            f"This key has scopes that you do not hold: {', '.join(missing)}. So you may rename, narrow, disable and revoke it; "
            "its limits, addresses, end, owner and rotation, and enabling it, need a key with those scopes, or an admin.",
            tuple(missing),
            reason="scope_escalation",
        )


def _check_owner(session: Session, actor: Actor, owner_id: str | None) -> None:
    if owner_id and owner_id != actor.id and not queries.is_member(session, workspace_id=actor.workspace_id, user_id=owner_id):
        raise Invalid(FieldError("owner_id", "is no member of this workspace.", "Give the id of a user who is, or leave it out."))


def _replace_secret(session: Session, actor: Actor, key_id: str, *, overlap: timedelta, action: str) -> tuple[ApiKey, str]:
    permissions.require(actor, permissions.API_KEYS_WRITE)
    key = _changeable(session, actor, key_id)
    _require_grantable(actor, key.scopes)
    now = clock.now()
    if effective_status(key, now) is KeyStatus.EXPIRED:
        raise Conflict("This API key has expired, so a new secret would not work either. Give it a later end first.")
    end = now + overlap
    earlier = queries.secrets_of(session, workspace_id=actor.workspace_id, key_ids=[key.id])
    newest = max((secret.id for secret in earlier), default="")
    for secret in earlier:
        ends = end if secret.id == newest else now
        if secret.expires_at is None or secret.expires_at > ends:
            secret.expires_at = ends
    token = _add_secret(session, key, now)
    key.updated_at = now
    _record(
        session,
        actor,
        action,
        key,
        after={"overlap_ends_at": clock.rfc3339(end), "key_prefix": tokens.display_prefix(token)},
    )
    return key, token


def _add_secret(session: Session, key: ApiKey, now: datetime) -> str:
    token = tokens.new_api_key()
    mac = crypto.keyring().mac(MAC_LABEL, token)
    session.add(
        ApiKeySecret(
            id=ids.new("sec"),
            workspace_id=key.workspace_id,
            api_key_id=key.id,
            mac=mac.digest_hex,
            mac_key_id=mac.key_id,
            prefix=tokens.display_prefix(token),
            last4=tokens.last4(token),
            created_at=now,
        )
    )
    session.flush()
    return token


def _set_state(actor: Actor, key: ApiKey, state: KeyState, now: datetime) -> None:
    if key.state == state:
        return
    if state is KeyState.ACTIVE:
        _require_guardian(actor, key.scopes)
    key.state = state
    key.disabled_at = now if state is KeyState.DISABLED else None
    key.revoked_at = now if state is KeyState.REVOKED else None


def _move(session: Session, actor: Actor, key: ApiKey, state: KeyState, action: str) -> ApiKey:
    if key.state != state:
        before, now = describe(key), clock.now()
        _set_state(actor, key, state, now)
        _changed(session, actor, action, key, before, now)
    return key


def _changed(session: Session, actor: Actor, action: str, key: ApiKey, before: dict[str, Any], now: datetime) -> None:
    key.updated_at = now
    session.flush()
    old, new = audit.changes(before, describe(key))
    _record(session, actor, action, key, before=old, after=new)


def _record(
    session: Session,
    actor: Actor,
    action: str,
    key: ApiKey,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        target_kind=_TARGET,
        target_id=key.id,
        target_name=key.name,
        before=before,
        after=after,
    )
    db.after_commit(session, _forgetting(key.id, key.workspace_id))


def _forgetting(key_id: str, workspace_id: str) -> Callable[[], None]:
    """What tells every process that a key changed, and open consoles that the list did."""

    def tell() -> None:
        queue.publish_invalidation([key_id])
        queue.publish(workspace_id, "api_keys")

    return tell
