"""Incoming webhooks of a workspace: made, read, changed, their tokens regenerated."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, cast

from sqlalchemy import delete as sql_delete
from sqlmodel import Session, col, func, or_, select

from backend.audit import service as audit
from backend.core import clock, crypto, db, ids, pagination, permissions, queue, tokens
from backend.core.actor import Actor
from backend.core.errors import FieldError, Invalid, NotFound
from backend.incoming import inputs, plans, presets
from backend.incoming.inputs import Target
from backend.models import IncomingShape, IncomingToken, IncomingWebhook, Module
from backend.records import definition
from backend.settings import settings

ID_PREFIX: Final = "inc"
PATH: Final = "/api/v1/webhooks/incoming/"
TOPIC: Final = "incoming"
STATES: Final = ("active", "disabled")
MAX_OVERLAP_HOURS: Final = 168
MAX_WEBHOOKS: Final = 500


def url(token: str) -> str:
    """The address that a token makes."""
    return f"{settings().public_url}{PATH}{token}"


def create(session: Session, *, actor: Actor, values: Mapping[str, Any]) -> tuple[IncomingWebhook, str]:
    """A new incoming webhook by the names of `inputs.NAMES`, and its token, which is never shown again.

    A `source` brings its verification and a mapping to start from. Whoever makes one must be allowed to write where it writes.
    Raises `Invalid` with every mistake, `Forbidden`.
    """
    permissions.require(actor, permissions.INCOMING_WRITE)
    _bound(session, actor)
    given = dict(values)
    preset = _preset(given.get("source"))
    target = _target(session, actor, given.get("module") or (preset.module if preset else None))
    if preset is not None:
        given = {**preset.start(target.fields), **given}
        given["verification"] = _with_scheme(given.get("verification"), preset.verification)
    given.setdefault("name", preset.label if preset else "")
    given.setdefault("rate_limit", inputs.DEFAULT_RATE)
    clean = inputs.clean(given, target=target, current={})
    now, identifier = clock.now(), ids.new(ID_PREFIX)
    columns: dict[str, Any] = {"verification": {"scheme": "none"}, **clean.columns}
    row = IncomingWebhook(
        id=identifier,
        workspace_id=actor.workspace_id,
        created_at=now,
        updated_at=now,
        created_by=actor.id,
        source=preset.name if preset else "",
        secrets_encrypted=plans.seal_secrets(identifier, clean.secrets) if clean.secrets else None,
        **columns,
    )
    session.add(row)
    token = _new_token(session, row)
    _changed(session, actor, row, "incoming_webhook.created", after=describe(row))
    return row, token


def get(session: Session, *, actor: Actor, incoming_id: str) -> IncomingWebhook:
    """One incoming webhook. Raises `NotFound`."""
    permissions.require(actor, permissions.INCOMING_READ)
    return find(session, actor, incoming_id)


def list_webhooks(
    session: Session,
    *,
    actor: Actor,
    status: str | None = None,
    q: str | None = None,
    limit: int = pagination.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> pagination.Page[IncomingWebhook]:
    """A page of incoming webhooks, newest first; `q` searches name, module, source and id. Raises `Invalid`."""
    permissions.require(actor, permissions.INCOMING_READ)
    query = select(IncomingWebhook).where(_own(actor))
    if status:
        if status.lower() not in STATES:
            raise Invalid(FieldError("status", f"{status[:40]!r} is no status.", f"Use {' or '.join(STATES)}."))
        query = query.where(IncomingWebhook.state == status.lower())
    if q and (text := q.strip()):
        columns = (IncomingWebhook.name, IncomingWebhook.module, IncomingWebhook.source)
        query = query.where(or_(col(IncomingWebhook.id) == text, *(col(each).icontains(text, autoescape=True) for each in columns)))
    return pagination.fetch(session, query, col(IncomingWebhook.id), limit=limit, cursor=cursor)


def counts(session: Session, *, actor: Actor) -> dict[str, int]:
    """How many there are of each state, and under `all` together."""
    permissions.require(actor, permissions.INCOMING_READ)
    rows = session.exec(select(IncomingWebhook.state, func.count()).where(_own(actor)).group_by(col(IncomingWebhook.state))).all()
    found = dict.fromkeys(STATES, 0) | dict(rows)
    return {"all": sum(found.values()), **found}


def update(session: Session, *, actor: Actor, incoming_id: str, changes: Mapping[str, Any]) -> IncomingWebhook:
    """Change what is given, under the names of `inputs.NAMES`; the rest stays. Raises `NotFound`, `Invalid`, `Forbidden`.

    A verification that is sent without its secret keeps the stored one if the scheme stays.
    """
    permissions.require(actor, permissions.INCOMING_WRITE)
    row = find(session, actor, incoming_id, lock=True)
    before, given = describe(row), dict(changes)
    given.pop("source", None)  # where it began does not change
    target = target_of(session, actor, row) if "module" not in given else _target(session, actor, given["module"])
    current = {"action": row.action, "upsert_field": row.upsert_field, "mapping": row.mapping, "verification": row.verification}
    clean = inputs.clean(given, target=target, current=current)
    columns = clean.columns
    if "verification" in columns:
        if clean.secrets is not None:
            row.secrets_encrypted = plans.seal_secrets(row.id, {**_kept_secrets(row, columns), **clean.secrets})
        elif columns["verification"]["scheme"] != row.verification["scheme"]:
            row.secrets_encrypted = None
    if columns.get("mapping", row.mapping) != row.mapping or columns.get("items", row.items) != row.items:
        row.mapping_version += 1
    for name, value in columns.items():
        if getattr(row, name) != value:
            setattr(row, name, value)
    then, now = audit.changes(before, describe(row))
    if clean.secrets is not None:
        now = {**now, "secret": "changed"}
    if now:
        _changed(session, actor, row, "incoming_webhook.updated", then, now)
    return row


def delete(session: Session, *, actor: Actor, incoming_id: str) -> None:
    """Delete an incoming webhook: its address ends, its secrets are wiped, its log stays. Raises `NotFound`."""
    permissions.require(actor, permissions.INCOMING_DELETE)
    row = find(session, actor, incoming_id, lock=True)
    before = describe(row)
    row.deleted_at, row.secrets_encrypted, row.state = clock.now(), None, "disabled"
    session.exec(
        sql_delete(IncomingToken).where(col(IncomingToken.incoming_id) == row.id, col(IncomingToken.workspace_id) == row.workspace_id)
    )
    session.exec(sql_delete(IncomingShape).where(col(IncomingShape.incoming_id) == row.id))
    _changed(session, actor, row, "incoming_webhook.deleted", before=before)


def regenerate_token(session: Session, *, actor: Actor, incoming_id: str, overlap_hours: float = 24) -> tuple[IncomingWebhook, str]:
    """A new token, shown this once; for `overlap_hours` (0 to 168) the old address works too. Raises `NotFound`, `Invalid`.

    A regeneration during an overlap ends that overlap.
    """
    permissions.require(actor, permissions.INCOMING_WRITE)
    if not 0 <= overlap_hours <= MAX_OVERLAP_HOURS:
        raise Invalid(FieldError("overlap_hours", f"{overlap_hours:g} is out of range.", f"Use 0 to {MAX_OVERLAP_HOURS}."))
    row = find(session, actor, incoming_id, lock=True)
    ends = clock.now() + timedelta(hours=overlap_hours)
    for old in _tokens(session, row.workspace_id, row.id):
        if old.expires_at is not None or not overlap_hours:
            session.delete(old)
        else:
            old.expires_at = ends
    token = _new_token(session, row)
    _changed(session, actor, row, "incoming_webhook.token_regenerated", after={"overlap_hours": overlap_hours})
    return row, token


def list_tokens(session: Session, *, actor: Actor, incoming_id: str) -> list[IncomingToken]:
    """The tokens of an incoming webhook, newest first; without the tokens themselves."""
    permissions.require(actor, permissions.INCOMING_READ)
    return _tokens(session, actor.workspace_id, incoming_id)


def describe(row: IncomingWebhook) -> dict[str, Any]:
    """The settings without any secret, as the audit trail keeps them and reads show them."""
    return {
        "name": row.name,
        "module": row.module or inputs.ORDERS,
        "action": row.action,
        "upsert_field": row.upsert_field,
        "field_mapping": row.mapping,
        "mapping_version": row.mapping_version,
        "items": row.items or None,
        "verification": {**row.verification, "has_secret": row.secrets_encrypted is not None},
        "source": row.source or None,
        "rate_limit": row.rate_limit,
        "status": row.state,
    }


def find(session: Session, actor: Actor, incoming_id: str, *, lock: bool = False) -> IncomingWebhook:
    """The row, for this feature's own modules. Raises `NotFound`."""
    query = select(IncomingWebhook).where(_own(actor), IncomingWebhook.id == incoming_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.exec(query).first()
    if found is None:
        raise NotFound("There is no such incoming webhook in this workspace. GET /api/v1/incoming-webhooks lists them.")
    return found


def target_of(session: Session, actor: Actor, row: IncomingWebhook) -> Target:
    """Where an incoming webhook writes. Raises `Invalid` if its module was deleted, `Forbidden`."""
    return _target(session, actor, inputs.ORDERS if row.target == inputs.ORDERS else row.module)


def _target(session: Session, actor: Actor, given: Any) -> Target:
    """The target by a name or an id. Whoever points a webhook at it must be allowed to write there."""
    word = str(given).strip() if given is not None and not isinstance(given, bool) else ""
    if not word:
        raise Invalid(FieldError("module", "is missing.", "Name the module that takes the records, or orders."))
    if word == inputs.ORDERS:
        permissions.require(actor, permissions.ORDERS_WRITE)
        return Target.orders()
    query = select(Module).where(Module.workspace_id == actor.workspace_id, col(Module.deleted_at).is_(None))
    modules = session.exec(query.order_by(col(Module.name))).all()
    found = next((each for each in modules if word in {each.name, each.id}), None)
    if found is None:
        known = [*(each.name for each in modules), inputs.ORDERS]
        raise Invalid(FieldError("module", f"{word[:60]!r} is no module of this workspace.", inputs.nearest(word, known)))
    permissions.require(actor, permissions.RECORDS_WRITE.of(found.name))
    return Target.of(definition.from_row(found))


def _preset(name: Any) -> presets.Preset | None:
    if name in (None, ""):
        return None
    found = presets.find(str(name))
    if found is None:
        raise Invalid(
            FieldError(
                "source", f"{str(name)[:40]!r} is no known source.", inputs.nearest(str(name), [each.name for each in presets.every()])
            )
        )
    return found


def _with_scheme(given: Any, scheme: Mapping[str, Any]) -> Any:
    """A source's verification with what was sent on top: mostly its secret."""
    return {**scheme, **cast("dict[str, Any]", given)} if isinstance(given, dict) else scheme if given is None else given


def _kept_secrets(row: IncomingWebhook, columns: Mapping[str, Any]) -> dict[str, str]:
    """Which secrets stay when some are sent: none of another scheme, and no previous one beside a new secret."""
    if columns["verification"]["scheme"] != row.verification["scheme"]:
        return {}
    return {name: value for name, value in plans.secrets(row).items() if name == "secret"}


def _tokens(session: Session, workspace_id: str, incoming_id: str) -> list[IncomingToken]:
    query = select(IncomingToken).where(IncomingToken.workspace_id == workspace_id, IncomingToken.incoming_id == incoming_id)
    return list(session.exec(query.order_by(col(IncomingToken.id).desc())).all())


def _new_token(session: Session, row: IncomingWebhook) -> str:
    token = tokens.new_secret(plans.TOKEN_PREFIX, 24)
    mac = crypto.keyring().mac(plans.MAC_LABEL, token)
    session.add(
        IncomingToken(
            id=ids.new("itk"),
            workspace_id=row.workspace_id,
            incoming_id=row.id,
            mac=mac.digest_hex,
            mac_key_id=mac.key_id,
            last4=tokens.last4(token),
        )
    )
    return token


def _bound(session: Session, actor: Actor) -> None:
    count = session.exec(select(func.count()).select_from(IncomingWebhook).where(_own(actor))).one()
    if count >= MAX_WEBHOOKS:
        raise Invalid(
            FieldError("name", f"would be number {count + 1} of this workspace.", f"A workspace has at most {MAX_WEBHOOKS}; delete one.")
        )


def _own(actor: Actor) -> Any:
    return (col(IncomingWebhook.workspace_id) == actor.workspace_id) & col(IncomingWebhook.deleted_at).is_(None)


def _changed(
    session: Session,
    actor: Actor,
    row: IncomingWebhook,
    action: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    row.updated_at = clock.now()
    audit.record(
        session,
        actor=actor,
        action=action,
        target_kind="incoming_webhook",
        target_id=row.id,
        target_name=row.name,
        before=before,
        after=after,
    )
    session.flush()
    workspace_id = actor.workspace_id
    db.after_commit(session, lambda: queue.publish(workspace_id, TOPIC), key=(TOPIC, workspace_id))
