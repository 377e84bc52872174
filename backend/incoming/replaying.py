"""Stored requests processed again: one, all that failed since a time, those that a killed process left, and a rehearsal of the last ones."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import delete, update
from sqlmodel import Session, col, func, select

from backend.audit import service as audit
from backend.core import actor as actors
from backend.core import clock, db, lifecycle, permissions, queue
from backend.core.actor import Actor
from backend.core.crypto import CryptoError
from backend.core.errors import Conflict, CrossdockError, FieldError, Invalid, NotFound
from backend.core.logging import logger
from backend.core.pagination import COUNT_CAP
from backend.incoming import bodies, inputs, intake, mapping, masking, paths, plans, processing, requests, service, storage
from backend.incoming.intake import Item
from backend.incoming.masking import Personal
from backend.incoming.plans import Plan
from backend.incoming.processing import ACCEPTED, CAPTURED, RECEIVED, REJECTED, Outcome
from backend.incoming.received import Received
from backend.incoming.verification import Step
from backend.models import IncomingRequest, IncomingSeen, IncomingWebhook
from backend.orders import service as orders
from backend.records import service as records

MAX_REHEARSED: Final = 50
BATCH: Final = 50
_JOB: Final = "backend.incoming.jobs.work"
_AGAIN: Final = (REJECTED, CAPTURED)
_URL_SIGNED: Final = "The address that was signed holds the token, which was not kept of this request; have the source send it again."
_UNREADABLE: Final = "What was stored of the request cannot be opened: its encryption key is not configured, or it is damaged."
_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of what a request would have become: as it came, and before and after the change."""

    source: str
    target: str
    given: Any
    value: Any
    before: Any
    changed: bool


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What one of the last requests would have become. `outcome` is created, updated, unchanged, captured or rejected."""

    request: IncomingRequest
    outcome: str
    sentence: str
    cells: tuple[Cell, ...]
    errors: tuple[Mapping[str, str], ...]
    document: Mapping[str, Any] | None


def replay(session: Session, *, actor: Actor, incoming_id: str, request_id: str) -> IncomingRequest:
    """Process a stored request again, by the settings of now. Raises `NotFound`, `Conflict` for one that cannot be."""
    permissions.require(actor, permissions.INCOMING_OPERATE)
    webhook = service.find(session, actor, incoming_id)
    row = requests.find(session, actor, incoming_id, request_id, lock=True)
    if told := refusal(row, webhook.action):
        raise Conflict(told)
    _mark(session, actor, [row.id], (*_AGAIN, ACCEPTED))
    # That it was accepted under the source's id is true again only if it is now.
    session.exec(delete(IncomingSeen).where(col(IncomingSeen.request_id) == row.id, col(IncomingSeen.workspace_id) == actor.workspace_id))
    _note(session, actor, webhook, 1, request_id=row.id)
    session.flush()
    item = _item(plans.of(webhook), row)
    if item.outcome is None:
        intake.process_in(session, [item])
    else:
        intake.write(session, [item])
    session.refresh(row)
    return row


def refusal(row: IncomingRequest, action: str) -> str:
    """Why a request cannot be replayed with this action of its webhook; "" if it can. One that was accepted can where it finds its record."""
    if row.reason in processing.WITHOUT_BODY:
        return "Nothing of the request's body was kept. Have the source send it again."
    if row.status in _AGAIN or (row.status == ACCEPTED and row.outcome != "handshake" and action != "create"):
        return ""
    if row.status == ACCEPTED:
        return (
            "The request was accepted, and to process it again would make another of it. Change what it made, or have the webhook upsert."
        )
    return f"The request was {row.status}; there is nothing to be done again."


def replay_failed(session: Session, *, actor: Actor, incoming_id: str, since: datetime, dry_run: bool = False) -> int:
    """Process again all that were rejected, or kept without a mapping, since a time; how many. They are done in a moment, in their order.

    With `dry_run` they are only counted; a count stops one above 10,000. Raises `NotFound`.
    """
    permissions.require(actor, permissions.INCOMING_OPERATE)
    webhook = service.find(session, actor, incoming_id)
    meant = (
        col(IncomingRequest.workspace_id) == actor.workspace_id,
        col(IncomingRequest.incoming_id) == incoming_id,
        col(IncomingRequest.status).in_(_AGAIN),
        func.coalesce(IncomingRequest.reason, "").not_in(processing.WITHOUT_BODY),
        col(IncomingRequest.created_at) >= since,
    )
    if dry_run:
        some = select(IncomingRequest.id).where(*meant).limit(COUNT_CAP + 1)
        return session.exec(select(func.count()).select_from(some.subquery())).one()
    identifiers = list(session.exec(select(IncomingRequest.id).where(*meant).limit(COUNT_CAP)).all())
    for first in range(0, len(identifiers), 500):
        _mark(session, actor, identifiers[first : first + 500])
    if identifiers:
        _note(session, actor, webhook, len(identifiers), since=clock.rfc3339(since))
        db.after_commit(session, _hurry, key=_JOB)
    return len(identifiers)


def work() -> int:
    """Process what is stored and due: what was marked for a replay, and what a killed process left. How many; one runner is enough."""
    done = 0
    while not lifecycle.stop_requested():
        with db.transaction(write=True) as session:
            query = select(IncomingRequest).where(IncomingRequest.status == RECEIVED, col(IncomingRequest.due_at) <= clock.now())
            query = query.order_by(col(IncomingRequest.due_at), col(IncomingRequest.id)).limit(BATCH)
            rows = list(session.exec(query.with_for_update(skip_locked=True)).all())
            # Whoever fails in it is tried again later, not in a tight loop.
            later = clock.now() + intake.GRACE
            session.exec(update(IncomingRequest).where(col(IncomingRequest.id).in_([row.id for row in rows])).values(due_at=later))
            known = plans.by_ids(session, [row.incoming_id for row in rows])
            items = [_item(known.get(row.incoming_id), row) for row in rows]
        if not items:
            return done
        judged = [item for item in items if item.outcome is not None]
        with db.transaction(write=True) as session:
            intake.write(session, judged)
        waiting = [item for item in items if item.outcome is None]
        if waiting:
            intake.process_all(waiting)
        done += len(items)
        lifecycle.wait(0.005)  # in which whoever waits for the database has it
    return done


def rehearse(
    session: Session, *, actor: Actor, incoming_id: str, changes: Mapping[str, Any] | None = None, limit: int = 10
) -> list[Rehearsal]:
    """What each of the last `limit` requests would become with these settings (those of now where none are given). Nothing is kept.

    Each is really carried out and taken back, so that what it says is what would happen. Values of personal fields are shown to those
    alone who may write mappings. Raises `NotFound`, `Invalid`.
    """
    permissions.require(actor, permissions.INCOMING_OPERATE)
    if not 1 <= limit <= MAX_REHEARSED:
        raise Invalid(FieldError("limit", f"{limit} is out of range.", f"Use 1 to {MAX_REHEARSED}."))
    webhook = service.find(session, actor, incoming_id)
    plan = _changed_plan(session, actor, webhook, changes) if changes else plans.of(webhook)
    # Who may rehearse is shown the outcome, whether its key may read or not.
    rows = requests.latest(session, actor=actors.system(actor.workspace_id), incoming_id=incoming_id, limit=limit)
    for row in rows:
        session.expunge(row)  # what is taken back below forgets whatever the session has read
    found = [_rehearse(session, plan, row) for row in rows]
    if permissions.allows(actor, permissions.INCOMING_WRITE):
        return found
    personal = masking.of(session, plan)
    return [_without_personal(each, personal, plan) for each in found] if personal.is_any else found


def _rehearse(session: Session, plan: Plan, row: IncomingRequest) -> Rehearsal:
    if row.reason in processing.WITHOUT_BODY:
        return Rehearsal(row, REJECTED, str(row.sentence), (), (), None)
    received = storage.open_sealed(row)
    failed = None if row.verified else _failure(plan, received)
    value = bodies.parse(received)
    if failed is not None or isinstance(value, bodies.Unreadable):
        return Rehearsal(row, REJECTED, failed.text if failed is not None else value.sentence, (), (), None)
    cells = _cells(plan, value)
    payloads = processing.map_all(plan, value) if plan.rules else []
    if isinstance(payloads, Invalid):
        return _rejected(row, payloads, cells)
    if not payloads:
        told = ("unchanged", "The list is empty, so nothing would be made.") if plan.rules else (CAPTURED, "Nothing is mapped yet.")
        return Rehearsal(row, *told, cells, (), None)
    try:
        with db.rehearsal(session):
            written = [processing.write(session, plan, values, actor=plan.actor(row.trace_id)) for values in payloads]
    except CrossdockError as error:
        return _rejected(row, processing.with_sources(plan, error), cells)
    first = written[0]
    before = _standing(session, plan, first.id)
    shown = tuple(_compared(cell, before, first.document) for cell in cells)
    word = "created" if before is None else "updated" if any(cell.changed for cell in shown) else "unchanged"
    more = f", and {len(written) - 1} more" if len(written) > 1 else ""
    return Rehearsal(
        row, word, f"A record would be {word}{more}." if word != "unchanged" else "Nothing would change.", shown, (), first.document
    )


def _without_personal(found: Rehearsal, personal: Personal, plan: Plan) -> Rehearsal:
    """The same for those who may not see what is personal."""
    if not found.cells and found.document is None:
        return found
    payload = storage.redacted(bodies.parse(storage.open_sealed(found.request)))
    hidden = masking.hidden_targets(personal, plan, payload)
    cells = [
        dataclasses.replace(cell, given=masking.MASKED, value=masking.MASKED, before=cell.before and masking.MASKED)
        if cell.target in hidden
        else cell
        for cell in found.cells
    ]
    document = found.document and {name: masking.MASKED if name in hidden else value for name, value in found.document.items()}
    return dataclasses.replace(found, cells=tuple(cells), document=document)


def _rejected(row: IncomingRequest, error: CrossdockError, cells: tuple[Cell, ...]) -> Rehearsal:
    outcome = Outcome(REJECTED, error=error)
    return Rehearsal(row, REJECTED, processing.shown(error.detail), cells, tuple(outcome.errors), None)


def _standing(session: Session, plan: Plan, identifier: str) -> Mapping[str, Any] | None:
    """The record or order as it stands, None if it is not there."""
    actor = plan.actor("")
    try:
        if plan.target == inputs.ORDERS:
            return orders.describe(orders.get(session, actor=actor, order_id=identifier))
        return records.get(session, actor=actor, module=plan.module, record_id=identifier).document
    except NotFound:
        return None


def _compared(cell: Cell, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Cell:
    old = None if before is None else before.get(cell.target)
    new = after.get(cell.target, cell.value)
    return Cell(cell.source, cell.target, cell.given, storage.redacted(new), storage.redacted(old), before is None or old != new)


def _changed_plan(session: Session, actor: Actor, webhook: IncomingWebhook, changes: Mapping[str, Any]) -> Plan:
    target = service.target_of(session, actor, webhook)
    current = {"action": webhook.action, "upsert_field": webhook.upsert_field, "mapping": webhook.mapping}
    clean = inputs.clean(changes, target=target, current=current)
    columns: dict[str, Any] = {**webhook.model_dump(), **clean.columns, "updated_at": clock.now()}
    draft = IncomingWebhook(**columns)
    return plans.make(draft)


def _cells(plan: Plan, value: Any) -> tuple[Cell, ...]:
    """Each field of the first record as it is mapped, without secrets."""
    items = processing.items_of(plan, value)
    if isinstance(items, Invalid) or not items:
        return ()
    mapped = mapping.apply(plan.rules, items[0])
    return tuple(Cell(cell.source, cell.target, _shown(cell.given), _shown(cell.value), None, changed=True) for cell in mapped.cells)


def _shown(value: Any) -> Any:
    return None if value is mapping.MISSING else storage.redacted(value)


def _failure(plan: Plan, received: Received) -> Step | None:
    """Why a request that was refused is not the source's by the settings of now either; None if it is."""
    signature = plan.verification.signature
    if signature is not None and signature.is_of_url and not received.urls:
        return Step("signature", ok=False, text=_URL_SIGNED)
    return processing.judge(plan, received).failed


def _item(plan: Plan | None, row: IncomingRequest) -> Item:
    """A stored request on its way again; one that was refused is verified anew, as of the time at which it arrived."""
    began = time.perf_counter()
    received = Received("", (), (), b"", row.created_at.timestamp())
    before = (row.reason or (ACCEPTED if row.status == ACCEPTED else CAPTURED)) if row.processed_at is not None else None
    item = Item(row.id, plan or plans.gone(row.incoming_id, row.workspace_id), received, row.trace_id, row.ip, [], began, row.created_at)
    if plan is None:
        told = "The incoming webhook was deleted before the request was processed."
        item.outcome = Outcome(REJECTED, "deleted", told, NotFound(told), [Step("status", ok=False, text=told)])
        return item
    item.before = before
    try:
        item.received = received = storage.open_sealed(row)
    except CryptoError as error:  # of this one alone; whatever waits behind it goes on
        _log.error("incoming.unreadable", request_id=row.id, error=type(error).__name__)
        item.outcome = Outcome(REJECTED, "sealed", _UNREADABLE, CrossdockError(_UNREADABLE), [Step("sealed", ok=False, text=_UNREADABLE)])
        return item
    if row.verified:
        item.steps = [Step("signature", ok=True, text="It was verified when it arrived.")]
        return item
    failed = _failure(plan, received)
    if failed is not None:
        item.outcome = Outcome(REJECTED, failed.name, processing.shown(failed.text), intake.refused(failed.name, failed.text), [failed])
    else:
        item.steps = [Step("signature", ok=True, text="It is verified by the settings of now.")]
    return item


def _mark(session: Session, actor: Actor, identifiers: Sequence[str], statuses: Sequence[str] = _AGAIN) -> None:
    """Make stored requests due now."""
    statement = update(IncomingRequest).where(
        col(IncomingRequest.workspace_id) == actor.workspace_id,
        col(IncomingRequest.id).in_(identifiers),
        col(IncomingRequest.status).in_(statuses),
    )
    by = (actor.name or actor.id)[:200]
    session.exec(
        statement.values(status=RECEIVED, due_at=clock.now(), replays=col(IncomingRequest.replays) + 1, replayed_by=by).execution_options(
            synchronize_session=False
        )
    )


def _hurry() -> None:
    """Have a worker begin at once; without one, cron does within seconds."""
    queue.enqueue(queue.JOBS, _JOB)


def _note(session: Session, actor: Actor, webhook: IncomingWebhook, count: int, **after: Any) -> None:
    audit.record(
        session,
        actor=actor,
        action="incoming_webhook.replayed",
        target_kind="incoming_webhook",
        target_id=webhook.id,
        target_name=webhook.name,
        after={"requests": count, **after},
    )


def first_item(items: str, payload: Any) -> Any:
    """What one record would be made of where `items` names a list in a payload: its first item; None without one."""
    if not items:
        return payload
    found = paths.of(items).read(payload)
    return cast("list[Any]", found)[0] if isinstance(found, list) and found else None
