"""Webhooks of a workspace: made, read, changed, held back and let go. Each change counts up the workspace's revision."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from sqlmodel import Session, col, select

from backend.audit import service as audit
from backend.core import clock, db, ids, outbox, pagination, permissions, queue, signing
from backend.core.actor import Actor
from backend.core.errors import Conflict, FieldError, Invalid, NotFound
from backend.event_types import service as event_types
from backend.models import Lane, Webhook
from backend.webhooks import history, missed, policy, queries, secrets, urls, validation
from backend.webhooks.queries import WebhookStats
from backend.webhooks.values import ResolvedAddress, Status, WebhookInput

MAX_OVERLAP_HOURS: Final = 168
RULE_USER: Final = policy.RULE_USER

_COLUMNS: Final = {"events": "event_types", "timeout": "timeout_seconds", "metadata": "meta"}
_SPECIAL: Final = ("headers", "secret", "is_active")


def status(webhook: Webhook) -> Status:
    """Active, failing (its last 5 attempts failed), paused or disabled."""
    if webhook.state == Status.ACTIVE and policy.is_failing(webhook.consecutive_failures):
        return Status.FAILING
    return Status(webhook.state)


def check_url(url: str) -> list[ResolvedAddress]:
    """Every address that a URL leads to now, and the rule that allows or blocks each. Resolves names: not in a transaction.

    Raises `Invalid` for what is no URL that we send to, and for a host that has no address.
    """
    return urls.resolve(url)


def create(session: Session, *, actor: Actor, input: WebhookInput) -> tuple[Webhook, str]:  # noqa: A002 - what it is
    """A new webhook with its lane, and its secret, which is never shown again. Raises `Invalid` with every mistake."""
    permissions.require(actor, permissions.WEBHOOKS_WRITE)
    values = validation.clean(asdict(input), _check(session, actor))
    now, identifier = clock.now(), ids.new("whk")
    secret: str = values["secret"] or signing.new_webhook_secret()
    webhook = Webhook(
        id=identifier,
        workspace_id=actor.workspace_id,
        secret_encrypted=secrets.encrypt("secret_encrypted", identifier, secret),
        header_names=list(values["headers"]),
        headers_encrypted=secrets.encrypt_headers(identifier, values["headers"]),
        created_by=actor.id,
        created_at=now,
        updated_at=now,
        **_columns(values),
    )
    if not values["is_active"]:
        webhook.state, webhook.disabled_at, webhook.disabled_rule = Status.DISABLED, now, RULE_USER
        webhook.disabled_reason = "It was created disabled."
    session.add(webhook)
    lane = Lane(webhook_id=identifier, workspace_id=actor.workspace_id, served_at=now, tokens_at=now)
    lane.paused = webhook.state == Status.DISABLED
    session.add(lane)
    _changed(session, actor, webhook, "webhook.created", after=describe(webhook))
    return webhook, secret


def get(session: Session, *, actor: Actor, webhook_id: str) -> Webhook:
    """One webhook. Raises `NotFound`."""
    permissions.require(actor, permissions.WEBHOOKS_READ)
    return _find(session, actor, webhook_id)


def list_webhooks(
    session: Session,
    *,
    actor: Actor,
    status: str | None = None,
    q: str | None = None,
    limit: int = pagination.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> pagination.Page[Webhook]:
    """A page of webhooks, newest first; `q` searches name, URL, id and reference. Raises `Invalid`."""
    permissions.require(actor, permissions.WEBHOOKS_READ)
    query = queries.matching(actor.workspace_id, status=status, q=q)
    return pagination.fetch(session, query, col(Webhook.id), limit=limit, cursor=cursor)


def names(session: Session, *, actor: Actor, webhook_ids: Collection[str]) -> dict[str, str]:
    """The names of these webhooks of the workspace by id, deleted ones too."""
    permissions.require(actor, permissions.WEBHOOKS_READ)
    return queries.names(session, actor.workspace_id, webhook_ids)


def counts(session: Session, *, actor: Actor) -> dict[str, int]:
    """How many webhooks there are of each status, and under `all` together."""
    permissions.require(actor, permissions.WEBHOOKS_READ)
    return queries.counts(session, actor.workspace_id)


def stats(session: Session, *, actor: Actor, webhook_id: str, hours: int = 24) -> WebhookStats:
    """How a webhook did over the last `hours`. Raises `NotFound` or `Invalid`."""
    permissions.require(actor, permissions.WEBHOOKS_READ)
    webhook = _find(session, actor, webhook_id)
    return queries.stats(session, [webhook], hours=hours)[webhook.id]


def stats_of(session: Session, *, actor: Actor, webhooks: Iterable[Webhook], hours: int = 24) -> dict[str, WebhookStats]:
    """The same for a page of webhooks at once, by id."""
    permissions.require(actor, permissions.WEBHOOKS_READ)
    own = [webhook for webhook in webhooks if webhook.workspace_id == actor.workspace_id]
    return queries.stats(session, own, hours=hours)


def update(session: Session, *, actor: Actor, webhook_id: str, changes: Mapping[str, Any]) -> Webhook:
    """Change what is given, under the names of `WebhookInput`; the rest stays. Raises `NotFound`, `Invalid` with every mistake.

    A header whose value is the mask keeps its value. `is_active` enables without what was missed, or disables.
    """
    permissions.require(actor, permissions.WEBHOOKS_WRITE)
    webhook = _find(session, actor, webhook_id, lock=True)
    check = _check(session, actor)
    check.stored_headers = secrets.headers(webhook)
    if changes.get("secret") is not None:
        check.wrong("secret", "cannot be changed here.", f"Use POST /api/v1/webhooks/{webhook_id}/rotate-secret.")
    given = {"url": webhook.url, **changes} if not changes.get("name", "-") else dict(changes)
    values = validation.clean(given, check)
    before, old_url = describe(webhook), webhook.url
    for name, value in _columns(values).items():
        if getattr(webhook, name) != value:
            setattr(webhook, name, value)
    headers_changed = "headers" in values and values["headers"] != check.stored_headers
    if headers_changed:
        webhook.header_names = list(values["headers"])
        webhook.headers_encrypted = secrets.encrypt_headers(webhook.id, values["headers"])
    then, now = audit.changes(before, describe(webhook))
    if now or headers_changed:
        if webhook.url != old_url:
            _forget_requests_to_wait(session, webhook)
        _changed(
            session,
            actor,
            webhook,
            "webhook.updated",
            then,
            {**now, "header_values": "changed"} if headers_changed else now,
        )
    if values.get("is_active") is True and webhook.state == Status.DISABLED:
        return enable(session, actor=actor, webhook_id=webhook_id)
    if values.get("is_active") is False:
        return disable(session, actor=actor, webhook_id=webhook_id)
    return webhook


def delete(session: Session, *, actor: Actor, webhook_id: str) -> None:
    """Delete a webhook: what waits for it is cancelled, its secrets are wiped, its history stays. Raises `NotFound`."""
    permissions.require(actor, permissions.WEBHOOKS_DELETE)
    webhook = _find(session, actor, webhook_id, lock=True)
    before = describe(webhook)
    webhook.deleted_at = clock.now()
    webhook.secret_encrypted, webhook.previous_secret_encrypted, webhook.headers_encrypted = "", None, None
    webhook.previous_secret_expires_at = None
    missed.end_replays(session, webhook)
    session.delete(session.get_one(Lane, webhook.id))
    missed.cancel(session, webhook, missed.DELETED)
    _changed(session, actor, webhook, "webhook.deleted", before=before)


def rotate_secret(session: Session, *, actor: Actor, webhook_id: str, overlap_hours: float = 24) -> tuple[Webhook, str]:
    """A new secret, shown this once; for `overlap_hours` (0 to 168) deliveries are signed with the old one too.

    A rotation during an overlap ends that overlap. Raises `NotFound` or `Invalid`.
    """
    permissions.require(actor, permissions.WEBHOOKS_WRITE)
    if not 0 <= overlap_hours <= MAX_OVERLAP_HOURS:
        raise Invalid(FieldError("overlap_hours", f"{overlap_hours:g} is out of range.", f"Use 0 to {MAX_OVERLAP_HOURS}."))
    webhook = _find(session, actor, webhook_id, lock=True)
    old, secret = secrets.current(webhook), signing.new_webhook_secret()
    webhook.previous_secret_encrypted, webhook.previous_secret_expires_at = None, None
    if overlap_hours:
        webhook.previous_secret_encrypted = secrets.encrypt("previous_secret_encrypted", webhook.id, old)
        webhook.previous_secret_expires_at = clock.now() + timedelta(hours=overlap_hours)
    webhook.secret_encrypted = secrets.encrypt("secret_encrypted", webhook.id, secret)
    _changed(session, actor, webhook, "webhook.secret_rotated", after={"overlap_hours": overlap_hours})
    return webhook, secret


def pause(session: Session, *, actor: Actor, webhook_id: str) -> Webhook:
    """Let events gather without being sent. Raises `NotFound`, `Conflict` if it is disabled."""
    permissions.require(actor, permissions.WEBHOOKS_WRITE)
    webhook = _find(session, actor, webhook_id, lock=True)
    if webhook.state == Status.DISABLED:
        raise Conflict("The webhook is disabled, so nothing is sent anyway. Enable it before you pause it.")
    if webhook.state != Status.PAUSED:
        webhook.state = Status.PAUSED
        missed.hold(session, webhook)
        _changed(session, actor, webhook, "webhook.paused")
    return webhook


def resume(session: Session, *, actor: Actor, webhook_id: str) -> Webhook:
    """Send again; what has gathered drains at a capped rate. Raises `NotFound`, `Conflict` if it is disabled."""
    permissions.require(actor, permissions.WEBHOOKS_WRITE)
    webhook = _find(session, actor, webhook_id, lock=True)
    if webhook.state == Status.DISABLED:
        raise Conflict("The webhook is disabled, not paused. Enable it, and choose whether to send what it missed.")
    if webhook.state == Status.PAUSED:
        webhook.state = Status.ACTIVE
        missed.release(session, webhook)
        _changed(session, actor, webhook, "webhook.resumed")
        db.after_commit(session, queue.wake_deliver)
    return webhook


def disable(session: Session, *, actor: Actor, webhook_id: str, reason: str = "", rule: str = RULE_USER) -> Webhook:
    """Stop a webhook: its events are recorded as skipped, and what waits for it is held. Raises `NotFound`.

    `rule` names the rule that decided it, `user` where a person did. Nothing happens if it is disabled already.
    """
    permissions.require(actor, permissions.WEBHOOKS_WRITE)
    webhook = _find(session, actor, webhook_id, lock=True)
    if webhook.state == Status.DISABLED:
        return webhook
    by = f"Disabled by {actor.name}." if actor.name else "Disabled by a user."
    webhook.state, webhook.disabled_at, webhook.disabled_rule = Status.DISABLED, clock.now(), rule
    webhook.disabled_reason = (reason.strip() or by)[:400]
    missed.hold(session, webhook)
    _changed(session, actor, webhook, "webhook.disabled", reason=webhook.disabled_reason)
    data = {
        "webhook_id": webhook.id,
        "name": webhook.name,
        "url": webhook.url,
        "rule": rule,
        "reason": webhook.disabled_reason,
    }
    outbox.emit(session, actor=actor, type="webhook.disabled", data=data | {"disabled_at": clock.rfc3339(webhook.disabled_at)})
    return webhook


def enable(session: Session, *, actor: Actor, webhook_id: str, missed: str = "skip") -> Webhook:
    """Start a disabled or paused webhook. Raises `NotFound`, `Invalid`.

    `missed="send"` sends what was held and what was skipped since it was disabled, oldest first at a capped rate, beyond 10,000
    events by a replay; `"skip"` cancels what was held.
    """
    permissions.require(actor, permissions.WEBHOOKS_WRITE)
    if missed not in {"send", "skip"}:
        raise Invalid(FieldError("missed", f"{missed[:40]} is neither.", "Use send or skip."))
    webhook = _find(session, actor, webhook_id, lock=True)
    if webhook.state != Status.DISABLED:
        return resume(session, actor=actor, webhook_id=webhook_id)
    after = {"missed": missed, **_catch_up(session, actor, webhook, send=missed == "send")}
    webhook.state, webhook.consecutive_failures, webhook.failing_since = Status.ACTIVE, 0, None
    webhook.disabled_at, webhook.disabled_reason, webhook.disabled_rule = None, None, None
    _changed(session, actor, webhook, "webhook.enabled", after=after)
    db.after_commit(session, queue.wake_deliver)
    return webhook


def describe(webhook: Webhook) -> dict[str, Any]:
    """The settings of a webhook without any secret, as the audit trail keeps them."""
    return {
        "name": webhook.name,
        "url": webhook.url,
        "events": webhook.event_types,
        "filter": webhook.filter,
        "headers": webhook.header_names,
        "verify_ssl": webhook.verify_ssl,
        "timeout": webhook.timeout_seconds,
        "retry_policy": webhook.retry_policy,
        "rate_limit": webhook.rate_limit,
        "signature_style": webhook.signature_style,
        "auto_disable": webhook.auto_disable,
        "disable_after_days": webhook.disable_after_days,
        "metadata": webhook.meta,
        "external_ref": webhook.external_ref,
        "state": webhook.state,
    }


def _catch_up(session: Session, actor: Actor, webhook: Webhook, *, send: bool) -> dict[str, Any]:
    if not send:
        missed.end_replays(session, webhook)
        cancelled = missed.cancel(session, webhook, "The webhook was enabled without sending what it had missed.")
        missed.release(session, webhook)
        return {"cancelled": cancelled}
    missed.restart(session, webhook)
    made, replay = missed.send_skipped(session, webhook, actor)
    missed.release(session, webhook)
    return {"sent": made} | ({"replay": replay.id, "replayed": replay.total} if replay is not None else {})


def _check(session: Session, actor: Actor) -> validation.Check:
    names = event_types.known_names(session, actor.workspace_id)
    return validation.Check(event_names=names, egress=urls.egress_policy())


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    return {_COLUMNS.get(name, name): value for name, value in values.items() if name not in _SPECIAL}


def _find(session: Session, actor: Actor, webhook_id: str, *, lock: bool = False) -> Webhook:
    query = select(Webhook).where(
        col(Webhook.id) == webhook_id,
        col(Webhook.workspace_id) == actor.workspace_id,
        col(Webhook.deleted_at).is_(None),
    )
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    webhook = session.exec(query).first()
    if webhook is None:
        raise NotFound("There is no such webhook in this workspace. Check the id; GET /api/v1/webhooks lists them.")
    return webhook


def _forget_requests_to_wait(session: Session, webhook: Webhook) -> None:
    """What the old receiver asked for says nothing about the new one."""
    lane = session.get_one(Lane, webhook.id, with_for_update=True)
    lane.blocked_until = None
    if not lane.paused:
        lane.blocked_reason = None


def _changed(
    session: Session,
    actor: Actor,
    webhook: Webhook,
    action: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """What every change does: audit, revision with history, and after the commit a word to open consoles."""
    webhook.updated_at = clock.now()
    audit.record(
        session,
        actor=actor,
        action=action,
        target_kind="webhook",
        target_id=webhook.id,
        target_name=webhook.name,
        before=before,
        after=after,
        reason=reason,
    )
    history.advance(session, actor=actor, webhook=webhook, reason=reason)
    workspace_id = webhook.workspace_id
    db.after_commit(session, lambda: queue.publish(workspace_id, "webhooks"))
