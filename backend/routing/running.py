"""Carries out runs of routes: one worker at a time along the lane of an integration, several lanes at once.

A run is marked with no answer known, then the provider is asked with no transaction open, then the outcome is stored. A worker that is
killed in between leaves the lane to the next one, which carries the run out again: at least once. Calendar events have an id that
follows from the run, so of these there is one however often it is asked for.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import or_, update
from sqlmodel import Session, col, select

from backend.core import clock, db, jsjson, lifecycle, queue, texts
from backend.core.actor import Actor
from backend.core.errors import CrossdockError, Invalid, Unavailable
from backend.core.logging import logger
from backend.incoming import mapping
from backend.integrations import actions as providers
from backend.integrations import catalogue, turns
from backend.integrations.failures import Failure, Kind
from backend.integrations.values import Sent
from backend.logs import errors
from backend.logs.errors import Problem, Severity
from backend.models import Integration, Route, RouteLane, RouteRun
from backend.routing import actions, queries, schedule, service

LEASE: Final = timedelta(seconds=180)  # longer than an action may take: a refresh, its wait for another's, two answers
SLICE_SECONDS: Final = 20.0
THREADS: Final = 8
_POLL_SECONDS: Final = 0.25
_MAPPING: Final = "mapping"
_GONE: Final = Failure(Kind.NOT_FOUND, "The integration was deleted.", "Choose another one in the route, then run this again.")
_UNREADABLE: Final = Failure(Kind.REJECTED, "The stored event cannot be read.", "Publish it again.")
_UNFIT: Final = Failure(Kind.REJECTED, "The mapping breaks off at this event; the log of the worker has the reason.", "Change the mapping.")
_FAULT: Final = Failure(Kind.SERVER_ERROR, "It broke off by a fault of ours; the log of the worker has the reason.", "It is tried again.")

_log = logger(__name__)
_rng = random.SystemRandom()


class _Lost(Exception):
    """Somebody else goes along the lane by now."""


@dataclass(frozen=True, slots=True)
class _Task:
    """A run that was begun, with everything that carrying it out needs."""

    run: RouteRun
    route: Route
    provider: str
    event: Mapping[str, Any]
    per_second: float


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a run: what was sent, or why not; `unfit` if its mapping or input is wrong."""

    inputs: dict[str, Any] | None
    sent: Sent | None = None
    failure: Failure | None = None
    unfit: bool = False


def is_any_ready() -> bool:
    """Whether a lane has something to do."""
    return bool(_ready(1))


def free_left_behind() -> int:
    """Free the lanes of workers that are dead or silent, before their leases end; how many."""
    now = clock.now()
    is_held = (col(RouteLane.owner).is_not(None), col(RouteLane.lease_until) > now)
    with db.transaction() as session:
        left = turns.left_behind(session, dict(session.exec(select(RouteLane.id, RouteLane.owner).where(*is_held)).all()))
    for identifier, owner in left.items():
        with db.transaction(write=True) as session:
            still = (col(RouteLane.id) == identifier, col(RouteLane.owner) == owner)
            session.connection().execute(update(RouteLane).where(*still).values(lease_until=now))
    return len(left)


def work() -> int:
    """Carry out what is due, until nothing is or this slice of time is over; how many runs were begun."""
    until = time.monotonic() + SLICE_SECONDS
    under_way: dict[Future[int], str] = {}
    done, is_last_look = 0, False
    with ThreadPoolExecutor(THREADS, thread_name_prefix="routes") as threads:
        while time.monotonic() < until and not lifecycle.stop_requested():
            found = [lane for lane in _ready(THREADS) if lane not in under_way.values()][: THREADS - len(under_way)]
            for integration_id in found:
                under_way[threads.submit(go_along, integration_id, until)] = integration_id
            if not under_way:
                if is_last_look:
                    break
                queue.note_routes_awake()  # whoever makes a run from here on asks for a worker; what was made before is seen once more
                is_last_look = True
                continue
            is_last_look = False
            ended, _ = wait(under_way, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
            done += sum(_result(each, under_way.pop(each)) for each in ended)
        wait(under_way)
        done += sum(_result(each, lane) for each, lane in under_way.items())
    return done


def go_along(integration_id: str, until: float) -> int:
    """Carry out the runs of one lane until `until`, on the monotonic clock; how many. Does nothing if somebody else goes along it."""
    owner, done = turns.new_owner(), 0
    if not _take(integration_id, owner):
        return 0
    try:
        while time.monotonic() < until and not lifecycle.stop_requested():
            begun = time.monotonic()
            task = _begin(integration_id, owner)
            if task is None:
                break
            if isinstance(task, _Task):
                done += 1
                _settle(task, owner, _carry_out(task))
                lifecycle.wait(1 / task.per_second - (time.monotonic() - begun))
    except _Lost:
        _log.info("routes.lane_lost", integration=integration_id)
        return done
    _release(integration_id, owner)
    return done


def _ready(limit: int) -> list[str]:
    """Integrations whose lane is free and has something due, those that have waited longest first."""
    now = clock.now()
    is_due = (
        select(RouteRun.id)
        .where(col(RouteRun.integration_id) == col(RouteLane.integration_id), col(RouteRun.due_at) <= now)
        .correlate(RouteLane)
        .exists()
    )
    is_free = or_(col(RouteLane.lease_until).is_(None), col(RouteLane.lease_until) <= now)
    may_go = or_(col(RouteLane.ready_at).is_(None), col(RouteLane.ready_at) <= now)
    query = select(RouteLane.integration_id).where(is_free, may_go, is_due)
    with db.transaction() as session:
        return list(session.exec(query.order_by(col(RouteLane.ready_at), col(RouteLane.id)).limit(limit)).all())


def _take(integration_id: str, owner: str) -> bool:
    now = clock.now()
    statement = (
        update(RouteLane)
        .where(col(RouteLane.integration_id) == integration_id, or_(col(RouteLane.owner).is_(None), col(RouteLane.lease_until) <= now))
        .values(owner=owner, lease_until=now + LEASE)
    )
    with db.transaction(write=True) as session:
        return session.connection().execute(statement).rowcount == 1


def _release(integration_id: str, owner: str) -> None:
    statement = update(RouteLane).where(col(RouteLane.integration_id) == integration_id, col(RouteLane.owner) == owner)
    with db.transaction(write=True) as session:
        session.connection().execute(statement.values(owner=None, lease_until=None))


def _mine(session: Session, integration_id: str, owner: str) -> RouteLane:
    """The lane, still ours, its lease renewed. Raises `_Lost`."""
    statement = (
        update(RouteLane)
        .where(col(RouteLane.integration_id) == integration_id, col(RouteLane.owner) == owner)
        .values(lease_until=clock.now() + LEASE)
    )
    if session.connection().execute(statement).rowcount != 1:
        raise _Lost
    return session.exec(select(RouteLane).where(RouteLane.integration_id == integration_id)).one()


def _begin(integration_id: str, owner: str) -> _Task | bool | None:
    """Begin the run that is due first; None if nothing is or the lane is held, False if that one was settled without asking anybody."""
    with db.transaction(write=True) as session:
        lane, now = _mine(session, integration_id, owner), clock.now()
        integration = queries.integrations(session, lane.workspace_id, [integration_id]).get(integration_id)
        if integration is not None and _hold(session, lane, integration, now):
            return None
        is_due = (col(RouteRun.integration_id) == integration_id, col(RouteRun.due_at) <= now)
        query = select(RouteRun).where(*is_due).order_by(col(RouteRun.due_at), col(RouteRun.id)).limit(1)
        run = session.exec(query.with_for_update(skip_locked=True)).first()
        return _start(session, run, integration, now) if run is not None else None


def _start(session: Session, run: RouteRun, integration: Integration | None, now: datetime) -> _Task | bool:
    route = session.exec(select(Route).where(Route.id == run.route_id, Route.workspace_id == run.workspace_id)).one()
    if route.deleted_at is not None or not route.is_active:
        word = "deleted" if route.deleted_at is not None else "switched off"
        return _skip(session, run, f"The route was {word} before this was sent.")
    if route.integration_id != run.integration_id:
        run.integration_id = route.integration_id
        return False
    if integration is None:
        _end(session, run, route, _GONE)
        return False
    event = queries.event(session, run.workspace_id, run.event_id)
    if event is None:
        return _skip(session, run, "The event is no longer kept.")
    try:
        told = texts.storable(jsjson.parse(event.body))
    except ValueError:
        _end(session, run, route, _UNREADABLE)
        return False
    if run.status == "sending":
        _log.warning("routes.interrupted", run=run.id, attempt=run.attempt_count)
    run.status, run.started_at, run.attempt_count = "sending", now, run.attempt_count + 1
    entry = catalogue.get(integration.provider)
    return _Task(run, route, integration.provider, told, entry.per_second)


def _hold(session: Session, lane: RouteLane, integration: Integration, now: datetime) -> bool:
    """Whether nothing may go along the lane now. What has waited for too long ends."""
    held = schedule.hold(integration, now)
    if held is None:
        if lane.ready_at is not None and lane.ready_at > now:
            return True  # a moment that the last answer asked for
        lane.ready_at = None
        return False
    failure, lane.ready_at = held
    overdue = (
        col(RouteRun.integration_id) == lane.integration_id,
        col(RouteRun.due_at).is_not(None),
        col(RouteRun.due_at) < now - schedule.LONGEST_WAIT,
    )
    told = {"error": failure.cause[:400], "next_step": "Repair the integration, then run this again.", "error_class": failure.kind}
    session.connection().execute(update(RouteRun).where(*overdue).values(status="failed", due_at=None, finished_at=now, **told))
    return True


def _carry_out(task: _Task) -> _Outcome:
    """Ask the provider. No transaction is open."""
    action = actions.ACTIONS[task.route.action]
    try:
        composed = actions.compose(action, mapping.stored(task.route.mapping), task.event, task.provider)
    except Exception:  # noqa: BLE001 - it would break off at every try, and nothing behind it in the lane would be sent
        _log.exception("routes.unfit", run=task.run.id)
        return _Outcome(None, failure=_UNFIT, unfit=True)
    if composed.errors:
        cause, step = service.problem_of(Invalid(*composed.errors))
        more = f" ({len(composed.errors) - 1} more.)" if len(composed.errors) > 1 else ""
        return _Outcome(composed.inputs, failure=Failure(Kind.REJECTED, cause + more, step), unfit=True)
    try:
        return _Outcome(composed.inputs, send(task.route, composed.inputs, actor=service.acting(task.route), key=task.run.id))
    except Unavailable as error:
        failure = providers.failure_of(error)
        if failure is None:  # our own database: what became of the run is for the next turn to find out
            raise
        return _Outcome(composed.inputs, failure=failure)
    except CrossdockError as error:
        cause, step = service.problem_of(error)
        failure = providers.failure_of(error)
        return _Outcome(composed.inputs, failure=failure or Failure(Kind.REJECTED, cause, step), unfit=failure is None)
    except Exception:  # noqa: BLE001 - whatever it was, the other runs go on
        _log.exception("routes.broke", run=task.run.id)
        return _Outcome(composed.inputs, failure=_FAULT)


def send(route: Route, inputs: Mapping[str, Any], *, actor: Actor, key: str) -> Sent:
    """Have the route's integration do it; under the same `key` a calendar event is made only once. Raises as the actions do."""
    action = actions.ACTIONS[route.action]
    about: dict[str, Any] = {"actor": actor, "integration_id": route.integration_id, **actions.arguments(action, inputs)}
    if action.call == "message":
        return providers.send_message(**about)
    if action.call == "event":
        return providers.create_event(**about, key=key)
    return providers.send_email(**about)


def _settle(task: _Task, owner: str, outcome: _Outcome) -> None:
    """Store what became of a run. Raises `_Lost`: then somebody else carries it out again."""
    with db.transaction(write=True) as session:
        lane = _mine(session, task.run.integration_id, owner)
        run = session.get_one(RouteRun, task.run.id)
        if run.status != "sending":  # somebody else said what is to become of it meanwhile
            return
        run.sent = outcome.inputs
        if outcome.sent is not None:
            run.status, run.due_at, run.finished_at = "done", None, clock.now()
            run.provider_id, run.message = outcome.sent.id[:200], outcome.sent.message[:400]
            run.error = run.next_step = run.error_class = ""
            _count(session, run, "done_count")
        elif outcome.failure is not None:
            _after_failure(session, lane, run, task.route, outcome)
        _tell(session, run.workspace_id)


def _after_failure(session: Session, lane: RouteLane, run: RouteRun, route: Route, outcome: _Outcome) -> None:
    failure = outcome.failure or _FAULT
    run.failure_count += 1
    follows = schedule.End() if outcome.unfit else schedule.after(failure, run.failure_count, clock.now(), _rng)
    if isinstance(follows, schedule.End):
        _end(session, run, route, failure, kind=_MAPPING if outcome.unfit else failure.kind)
        return
    run.status = "retrying"
    run.error, run.next_step, run.error_class = failure.cause[:400], failure.next_step[:400], failure.kind
    if isinstance(follows, schedule.Again):
        run.due_at = follows.at
        lane.ready_at = follows.lane_until
    else:  # the integration says so from here on, and holds the lane
        run.failure_count -= 1
        lane.ready_at = clock.now() + schedule.LOOK_AGAIN


def _end(session: Session, run: RouteRun, route: Route, failure: Failure, *, kind: str = "") -> None:
    """A run that has failed for good; the log of errors is told of the first in a row."""
    run.status, run.due_at, run.finished_at = "failed", None, clock.now()
    run.error, run.next_step, run.error_class = failure.cause[:400], failure.next_step[:400], kind or failure.kind
    if route.last_status != "failed":
        problem = Problem(
            severity=Severity.ERROR,
            kind="route_failed",
            message=f"Route {route.name}: {failure.cause}"[:400],
            workspace_id=run.workspace_id,
            target_kind="route",
            target_id=route.id,
            trace_id=run.trace_id,
        )
        errors.record(session, [problem])
    _count(session, run, "failed_count")


def _skip(session: Session, run: RouteRun, reason: str) -> bool:
    run.status, run.due_at, run.finished_at, run.error = "skipped", None, clock.now(), reason
    _tell(session, run.workspace_id)
    return False


def _count(session: Session, run: RouteRun, name: str) -> None:
    counted = {name: col(getattr(Route, name)) + 1, "last_run_at": clock.now(), "last_status": run.status, "last_error": run.error}
    session.flush()
    session.connection().execute(update(Route).where(col(Route.id) == run.route_id).values(**counted))


def _tell(session: Session, workspace_id: str) -> None:
    db.after_commit(session, lambda: queue.publish(workspace_id, service.TOPIC), key=(service.TOPIC, workspace_id))


def _result(ended: Future[int], integration_id: str) -> int:
    error = ended.exception()
    if error is None:
        return ended.result()
    # Its lease ends by itself, and the run that was under way is taken up again.
    _log.error("routes.lane_broke", integration=integration_id, error=type(error).__name__)
    return 0
