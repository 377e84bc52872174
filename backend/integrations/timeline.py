"""The timeline of an integration and its status: what happened, why not, what to do; and who is told."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from sqlmodel import Session

from backend.core import actor as actors
from backend.core import clock, db, ids, outbox, queue
from backend.core.actor import Actor
from backend.integrations import counting
from backend.integrations.failures import Failure
from backend.logs import errors
from backend.logs.errors import Problem, Severity
from backend.models import Integration, IntegrationEvent

TOPIC: Final = "integrations"
EVENT_PREFIX: Final = "ivt"


class Status(StrEnum):
    """Where a connection stands. Disabled is what it is shown as while somebody has switched it off."""

    PENDING = "pending"
    ACTIVE = "active"
    NEEDS_RECONNECT = "needs_reconnect"
    ERROR = "error"
    DISABLED = "disabled"


def shown(integration: Integration) -> Status:
    """The status that people see."""
    return Status.DISABLED if integration.disabled_at is not None else Status(integration.status)


def note(
    session: Session,
    integration: Integration,
    kind: str,
    summary: str,
    *,
    actor: Actor | None = None,
    failure: Failure | None = None,
    detail: dict[str, Any] | None = None,
) -> IntegrationEvent:
    """Add a moment to the timeline, and tell open consoles."""
    who = actor or actors.system(integration.workspace_id)
    event = IntegrationEvent(
        id=ids.new(EVENT_PREFIX),
        workspace_id=integration.workspace_id,
        integration_id=integration.id,
        kind=kind,
        ok=failure is None,
        summary=summary[:400],
        next_step=failure.next_step if failure is not None else "",
        error_class=failure.kind if failure is not None else "",
        detail=detail or {},
        actor_id=who.id,
        actor_name=who.name[:200],
    )
    session.add(event)
    counting.flush(session, integration.id)
    workspace_id = integration.workspace_id
    db.after_commit(session, lambda: queue.publish(workspace_id, TOPIC), key=(TOPIC, workspace_id))
    return event


def well(integration: Integration) -> None:
    """The provider took its credentials just now."""
    integration.status, integration.status_reason, integration.next_step, integration.error_class = Status.ACTIVE, "", "", ""


def ail(session: Session, integration: Integration, failure: Failure) -> None:
    """Set the status that a failure means; events and the log of errors are told when it changes, not each time.

    A failure that passes by itself changes nothing while there is a token that is good.
    """
    if integration.status == Status.PENDING and not failure.ends:
        integration.status_reason, integration.next_step, integration.error_class = failure.cause, failure.next_step, failure.kind
        return
    token = integration.access_expires_at
    if failure.passes and integration.status == Status.ACTIVE and (token is None or token > clock.now()):
        return
    before = integration.status
    integration.status = Status.NEEDS_RECONNECT if failure.ends else Status.ERROR
    integration.status_reason, integration.next_step, integration.error_class = failure.cause, failure.next_step, failure.kind
    if integration.status == Status.NEEDS_RECONNECT:
        integration.refresh_at = None
    if before == integration.status:
        return
    is_over = integration.status == Status.NEEDS_RECONNECT
    about = {"integration_id": integration.id, "provider": integration.provider, "name": integration.name}
    told = {"reason": failure.kind, "detail": failure.cause} if is_over else {"error": failure.cause}
    publish(session, integration, "integration.needs_reconnect" if is_over else "integration.error", {**about, **told})
    problem = Problem(
        severity=Severity.ERROR,
        kind="integration_needs_reconnect" if is_over else "integration_error",
        message=f"{integration.name}: {failure.cause}"[:400],
        workspace_id=integration.workspace_id,
        target_kind="integration",
        target_id=integration.id,
    )
    errors.record(session, [problem])


def publish(session: Session, integration: Integration, name: str, data: dict[str, Any]) -> None:
    """Publish an operational event about an integration."""
    outbox.emit(session, actor=actors.system(integration.workspace_id, "Integrations"), type=name, data=data)


def hold(integration: Integration, failure: Failure) -> None:
    """Let no call go out before the provider allows it."""
    if failure.retry_after:
        integration.blocked_until = clock.now() + timedelta(seconds=failure.retry_after)
