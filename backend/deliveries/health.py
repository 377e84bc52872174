"""What attempts do to their webhook: counters, failing and recovered, and the rules that disable it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlmodel import Session

from backend.core import actor, bulk, clock, outbox
from backend.deliveries.values import Outcome
from backend.logs import errors
from backend.logs.errors import Problem, Severity
from backend.webhooks import policy
from backend.webhooks import service as webhooks

if TYPE_CHECKING:
    from backend.deliveries.outcomes import Result

ACTOR_NAME: Final = "delivery"
_COUNTERS = bulk.update(
    "webhook",
    {
        "consecutive_failures": "int",
        "failing_since": "timestamptz",
        "failure_count": "bigint",
        "success_count": "bigint",
        "last_triggered_at": "timestamptz",
        "last_success_at": "timestamptz",
        "last_failure_at": "timestamptz",
    },
    {"id": "text"},
)


@dataclass(frozen=True, slots=True)
class Watched:
    """The columns of a webhook that its attempts are judged by; the whole row would cost several times as much."""

    id: str
    workspace_id: str
    name: str
    url: str
    state: str
    auto_disable: bool
    disable_after_days: int
    consecutive_failures: int
    failing_since: datetime | None
    failure_count: int
    success_count: int
    last_success_at: datetime | None
    last_failure_at: datetime | None


_WATCHED: Final = ", ".join(each.name for each in fields(Watched))
_TIMES: Final = tuple(place for place, each in enumerate(fields(Watched)) if "datetime" in str(each.type))
_AUTO_DISABLE: Final = [each.name for each in fields(Watched)].index("auto_disable")  # SQLite keeps truth as a number


@dataclass(slots=True)
class State:
    """A webhook's counters before a batch of attempts, and after it."""

    webhook: Watched
    before: int
    failures: int
    failing_since: datetime | None
    announced_before: datetime | None
    succeeded: int = 0
    failed: int = 0
    last_success: datetime | None = None
    last_failure: datetime | None = None
    gone: str | None = None  # the receiver's own wish to be disabled

    def note(self, result: Result) -> None:
        """Count one attempt; to be called in the order in which they ended."""
        at = result.exchange.started_at
        if result.outcome is Outcome.DELIVERED:
            self.succeeded, self.failures, self.failing_since, self.last_success = self.succeeded + 1, 0, None, at
            return
        self.failed, self.failures, self.last_failure = self.failed + 1, self.failures + 1, at
        self.failing_since = self.failing_since or at
        if isinstance(result.decision, policy.DisableWebhook):
            self.gone = result.decision.reason


def update(session: Session, results: Sequence[Result], now: datetime) -> list[State]:
    """Write the counters of the webhooks that these attempts were made for; how each stood and stands."""
    if not results:
        return []
    wanted = {result.claim.webhook_id for result in results}
    connection = session.connection()
    lock = "" if bulk.is_sqlite(connection) else " FOR UPDATE"
    query = f"SELECT {_WATCHED} FROM webhook WHERE id IN ({{values}}) AND deleted_at IS NULL ORDER BY id{lock}"  # noqa: S608 - constants
    states = {row[0]: _state(_watched(row)) for row in bulk.read(connection, query, wanted)}
    for result in results:
        if result.claim.webhook_id in states:
            states[result.claim.webhook_id].note(result)
    _COUNTERS.run(connection, [_counters(connection, state, now) for state in states.values()])
    return list(states.values())


def announce(session: Session, states: Sequence[State], results: Sequence[Result], now: datetime) -> None:
    """Disable what the rules disable, and publish what happened: failing, recovered, disabled, exhausted."""
    for state in states:
        _announce(session, state, now)
    named = {state.webhook.id: state.webhook for state in states}
    errors.record(session, [_exhausted(result) for result in results if result.is_dead])
    for result in results:
        if result.is_dead:
            claim, webhook = result.claim, named.get(result.claim.webhook_id)
            _emit(
                session,
                claim.workspace_id,
                "delivery.exhausted",
                {
                    "delivery_id": claim.id,
                    "event_id": claim.event_id,
                    "event": claim.event_type,
                    "webhook_id": claim.webhook_id,
                    "name": webhook.name if webhook else "",
                    "url": claim.target.url,
                    "attempts": claim.attempt_count + 1,
                    "error": result.exchange.error,
                },
            )


def _watched(row: Sequence[Any]) -> Watched:
    values = list(row)
    for place in _TIMES:
        values[place] = bulk.aware(values[place]) if values[place] is not None else None
    values[_AUTO_DISABLE] = bool(values[_AUTO_DISABLE])
    return Watched(*values)


def _state(webhook: Watched) -> State:
    return State(
        webhook,
        webhook.consecutive_failures,
        webhook.consecutive_failures,
        webhook.failing_since,
        _announced(webhook, webhook.failing_since, webhook.consecutive_failures, webhook.last_failure_at),
    )


def _announced(webhook: Watched, since: datetime | None, failures: int, at: datetime | None) -> datetime | None:
    if at is None:
        return None
    return policy.announcement(
        auto_disable=webhook.auto_disable,
        disable_after_days=webhook.disable_after_days,
        failing_since=since,
        consecutive_failures=failures,
        now=at,
    )


def _counters(connection: Any, state: State, now: datetime) -> tuple[Any, ...]:
    webhook = state.webhook
    return (
        state.failures,
        bulk.moment(connection, state.failing_since),
        webhook.failure_count + state.failed,
        webhook.success_count + state.succeeded,
        bulk.moment(connection, now),
        bulk.moment(connection, state.last_success or webhook.last_success_at),
        bulk.moment(connection, state.last_failure or webhook.last_failure_at),
        webhook.id,
    )


def _announce(session: Session, state: State, now: datetime) -> None:
    webhook = state.webhook
    if state.gone is not None:
        _disable(session, webhook, reason=state.gone, rule=policy.RULE_GONE)
        return
    if policy.is_failing(state.before) and state.succeeded:
        _emit(session, webhook.workspace_id, "webhook.recovered", _about(webhook, state))
    if webhook.state != "active" or not state.failed:
        return
    if policy.should_disable(
        auto_disable=webhook.auto_disable,
        disable_after_days=webhook.disable_after_days,
        failing_since=state.failing_since,
        consecutive_failures=state.failures,
        now=now,
    ):
        reason = policy.disabled_reason(webhook.disable_after_days, state.failures)
        _disable(session, webhook, reason=reason, rule=policy.RULE_FAILING)
        return
    announced = _announced(webhook, state.failing_since, state.failures, now)
    became_failing = policy.is_failing(state.failures) and (state.succeeded or not policy.is_failing(state.before))
    if became_failing or (announced is not None and state.announced_before is None):
        # First without a date, then once more with it: what a program does about each is not the same.
        disables_at = clock.rfc3339(announced) if announced is not None else None
        end = f"; it is disabled at {disables_at} if that goes on" if disables_at else ""
        message = f"The last {state.failures:,} attempts of {webhook.name} failed{end}."
        errors.record(session, [_about_webhook(webhook, Severity.WARNING, "webhook_failing", message)])
        _emit(session, webhook.workspace_id, "webhook.failing", _about(webhook, state) | {"disables_at": disables_at})


def _disable(session: Session, webhook: Watched, *, reason: str, rule: str) -> None:
    system = actor.system(webhook.workspace_id, ACTOR_NAME)
    webhooks.disable(session, actor=system, webhook_id=webhook.id, reason=reason, rule=rule)
    message = f"{webhook.name} was disabled: {reason}"
    errors.record(session, [_about_webhook(webhook, Severity.CRITICAL, "webhook_disabled", message)])


def _about_webhook(webhook: Watched, severity: Severity, kind: str, message: str) -> Problem:
    return Problem(
        severity=severity,
        kind=kind,
        message=message,
        workspace_id=webhook.workspace_id,
        target_kind="webhook",
        target_id=webhook.id,
    )


def _exhausted(result: Result) -> Problem:
    claim, exchange = result.claim, result.exchange
    return Problem(
        severity=Severity.ERROR,
        kind="delivery_exhausted",
        message=f"A delivery of {claim.event_type} was given up after {claim.attempt_count + 1} attempts. {exchange.error or ''}".rstrip(),
        workspace_id=claim.workspace_id,
        target_kind="delivery",
        target_id=claim.id,
        trace_id=claim.trace_id,
        detail={"event_id": claim.event_id, "webhook_id": claim.webhook_id, "status_code": exchange.status_code},
    )


def _about(webhook: Watched, state: State) -> dict[str, Any]:
    return {
        "webhook_id": webhook.id,
        "name": webhook.name,
        "url": webhook.url,
        "consecutive_failures": state.failures,
        "failing_since": clock.rfc3339(state.failing_since) if state.failing_since else None,
    }


def _emit(session: Session, workspace_id: str, kind: str, data: dict[str, Any]) -> None:
    outbox.emit(session, actor=actor.system(workspace_id, ACTOR_NAME), type=kind, data=data)
