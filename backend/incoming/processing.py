"""What becomes of a stored request: parsed, recognised if it came before, mapped, and made a record or an order; all or nothing."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlmodel import Session, col, select

from backend.core import texts
from backend.core.actor import Actor
from backend.core.errors import BadRequest, Conflict, CrossdockError, FieldError, Invalid, TooLarge, UnsupportedMedia
from backend.core.logging import logger
from backend.incoming import bodies, mapping, paths, verification
from backend.incoming.inputs import ORDER_KEY, ORDERS
from backend.incoming.plans import Plan
from backend.incoming.received import Received
from backend.incoming.verification import Step, Verdict
from backend.models import IncomingRequest, IncomingSeen
from backend.orders import inputs as order_inputs
from backend.orders import service as orders
from backend.records import bulk
from backend.records import service as records
from backend.records.service import RecordInfo

MAX_ITEMS: Final = 200
MAX_SENTENCE: Final = 1000
ACCEPTED, CAPTURED, DUPLICATE, REJECTED, RECEIVED = "accepted", "captured", "duplicate", "rejected", "received"
# Why nothing is kept of a body; a request without one cannot be processed again.
TOO_LARGE, INCOMPLETE = "too_large", "incomplete"
WITHOUT_BODY: Final = (TOO_LARGE, INCOMPLETE)
NOTHING_MAPPED: Final = "Nothing is mapped yet. It is kept: map its fields, then replay it."
FAILED: Final = "Something went wrong on our side; the request is kept as {} and can be replayed."
_log = logger(__name__)


@dataclass(slots=True)
class Outcome:
    """What became of a request. `error` is what its sender is told if it was rejected; `steps` are those after the verification."""

    status: str
    reason: str | None = None
    sentence: str | None = None
    error: CrossdockError | None = None
    steps: list[Step] = field(default_factory=list[Step])
    outcome: str | None = None
    record_ids: tuple[str, ...] = ()
    source_id: str = ""
    event: str = ""
    challenge: str | None = None
    value: Any = None  # the payload, for those who count its places

    @property
    def errors(self) -> list[dict[str, str]]:
        """What is wrong with which field, as it is stored."""
        found = self.error.errors if isinstance(self.error, Invalid) else ()
        return [{"path": shown(each.path), "message": shown(each.message), "fix": shown(each.fix)} for each in found]


@dataclass(frozen=True, slots=True)
class Written:
    """What a payload made: the record's or order's id, and whether it was created, updated or left unchanged."""

    id: str
    outcome: str
    document: Mapping[str, Any]


def without_body(fault: str) -> CrossdockError:
    """What is said of a request of whose body nothing is kept."""
    if fault == TOO_LARGE:
        return TooLarge("The body is larger than 1,048,576 bytes, the most that is taken. Nothing of it is kept. Send less, or in parts.")
    return BadRequest("The body ended before it was whole, or took too long to come. Nothing of it is kept. Send it again.")


def judge(plan: Plan, request: Received) -> Verdict:
    """Whether a request comes from its source."""
    return verification.verify(plan.verification, plan.secrets, request)


@dataclass(frozen=True, slots=True)
class Request:
    """A verified request that is to be processed: its id, what it holds, and who makes what comes of it."""

    id: str
    received: Received
    actor: Actor


def process_many(session: Session, plan: Plan, requests: Sequence[Request]) -> list[Outcome]:
    """Make of verified requests what their plan says, in their order; what each alone does is a savepoint of its own.

    Raises nothing that a sender could cause.
    """
    outcomes = [Outcome(ACCEPTED) for _ in requests]
    ready = [(request, found) for request, found in zip(requests, outcomes, strict=True) if _read(plan, request.received, found)]
    ready = [(request, found) for request, found in ready if not found.source_id] + _unknown(session, plan, ready)
    ready.sort(key=lambda each: each[0].id)
    mapped = [(request, found, payloads) for request, found in ready if (payloads := _map(plan, found)) is not None]
    left = mapped
    if len(mapped) > 1 and plan.target != ORDERS and plan.action != "create":
        left = _write_together(session, plan, mapped)
    for request, found, payloads in left:
        _write_alone(session, plan, request, found, payloads)
    return outcomes


Mapped = tuple[Request, Outcome, list[dict[str, Any]]]


def _write_together(session: Session, plan: Plan, mapped: Sequence[Mapped]) -> Sequence[Mapped]:
    """Upsert what is common at once; what is left for the one-by-one way, all of it if the database refuses something."""
    counts = Counter(found.source_id for _, found, _ in mapped)
    chosen = [each for each in mapped if len(each[2]) == 1 and (counts[each[1].source_id] == 1 or not each[1].source_id)]
    if not chosen:
        return mapped
    wishes = [bulk.Wish(request.actor, payloads[0]) for request, _, payloads in chosen]
    try:
        with session.begin_nested():
            by, may_create = plan.upsert_field or "", plan.action == "upsert"
            results = bulk.upsert_many(session, module=plan.module, by=by, wishes=wishes, may_create=may_create)
            done = [(each, result) for each, result in zip(chosen, results, strict=True) if isinstance(result, RecordInfo)]
            if seen := [_seen(plan, found.source_id, request.id) for (request, found, _), _ in done if found.source_id]:
                session.exec(insert(IncomingSeen), params=seen)
    except (IntegrityError, CrossdockError):
        return mapped  # the same came at the same moment elsewhere, or the module is gone: each is told for itself
    settled: set[str] = set()
    for (request, found, _), result in zip(chosen, results, strict=True):
        if isinstance(result, RecordInfo):
            _accept(plan, found, [Written(result.id, "created" if result.created else "updated", result.document)])
        elif result is not None:
            _reject(found, "record", with_sources(plan, result))
        if result is not None:
            settled.add(request.id)
    return [each for each in mapped if each[0].id not in settled]


def _write_alone(session: Session, plan: Plan, request: Request, found: Outcome, payloads: Sequence[Mapping[str, Any]]) -> None:
    try:
        with session.begin_nested():
            if found.source_id:
                session.exec(insert(IncomingSeen), params=[_seen(plan, found.source_id, request.id)])
            written = [write(session, plan, values, actor=request.actor) for values in payloads]
    except IntegrityError:
        if found.source_id and not _unknown(session, plan, [(request, found)]):  # the same came at the same moment
            return
        raise
    except CrossdockError as error:
        _reject(found, "record", with_sources(plan, error))
    except SQLAlchemyError:
        raise  # the database's own trouble is not the request's
    except Exception as error:  # noqa: BLE001 - one request must not take the others of its group with it
        _log.exception("incoming.failed", request_id=request.id, error=type(error).__name__)
        _reject(found, "internal", CrossdockError(FAILED.format(request.id)))
    else:
        _accept(plan, found, written)


def _accept(plan: Plan, found: Outcome, written: Sequence[Written]) -> None:
    found.record_ids = tuple(each.id for each in written)
    found.outcome = written[0].outcome if written else "unchanged"
    what = "order" if plan.target == ORDERS else "record"
    found.steps.append(Step("record", ok=True, text=f"The {what} {', '.join(found.record_ids[:5])} was {found.outcome}."))


def _read(plan: Plan, request: Received, found: Outcome) -> bool:
    """Read a request's body; whether there is more to do."""
    value = bodies.parse(request)
    if isinstance(value, bodies.Unreadable):
        kind: Callable[[str], CrossdockError] = UnsupportedMedia if value.reason == "media" else BadRequest
        _reject(found, value.reason, kind(value.sentence), step="body")
        return False
    identity = bodies.identify(plan.verification, request, value)
    found.value, found.source_id, found.event, found.challenge = value, identity.source_id, identity.event, identity.challenge
    found.steps.append(Step("body", ok=True, text="The body was read."))
    if identity.is_handshake:
        found.outcome = "handshake"
        found.steps.append(Step("handshake", ok=True, text="The source asks whether we are here; nothing is made of it."))
    return not identity.is_handshake


def _map(plan: Plan, found: Outcome) -> list[dict[str, Any]] | None:
    """The values of each record that a payload becomes; None if it becomes none, which `found` then tells."""
    if not plan.rules:
        found.status, found.sentence = CAPTURED, NOTHING_MAPPED
        found.steps.append(Step("mapping", ok=True, text=found.sentence))
        return None
    payloads = map_all(plan, found.value)
    if isinstance(payloads, Invalid):
        _reject(found, "mapping", payloads)
        return None
    found.steps.append(Step("mapping", ok=True, text=f"{len(plan.rules)} fields were mapped."))
    return payloads


def map_all(plan: Plan, value: Any) -> list[dict[str, Any]] | Invalid:
    """The values of each record that a payload becomes, or everything that is wrong."""
    try:
        with paths.bounded():
            return _map_all(plan, value)
    except paths.TooCostly:
        told = "takes more steps than one request is worth."
        return Invalid(FieldError("field_mapping", told, "Use plainer paths, or have the source send less at a time."))


def _map_all(plan: Plan, value: Any) -> list[dict[str, Any]] | Invalid:
    items = items_of(plan, value)
    if isinstance(items, Invalid):
        return items
    found: list[dict[str, Any]] = []
    errors: list[FieldError] = []
    for index, item in enumerate(items):
        mapped = mapping.apply(plan.rules, item)
        prefix = f"[{index}]." if plan.items is not None else ""
        errors += [FieldError(prefix + each.path, each.message, each.fix) for each in mapped.errors]
        found.append(mapped.values)
    return Invalid(*errors) if errors else found


def items_of(plan: Plan, value: Any) -> Sequence[Any] | Invalid:
    """What becomes one record each: the payload, or the items of the list in it."""
    if plan.items is None:
        return [value]
    items = plan.items.read(value)
    if not isinstance(items, list):
        return Invalid(FieldError(plan.items.text, "holds no list.", "Its items were to become records; correct `items`."))
    if len(cast("list[Any]", items)) > MAX_ITEMS:
        return Invalid(FieldError(plan.items.text, f"has more than {MAX_ITEMS} items.", "Have the source send fewer at a time."))
    return cast("list[Any]", items)


def write(session: Session, plan: Plan, values: Mapping[str, Any], *, actor: Actor) -> Written:
    """Make or change what one payload says. Raises what records and orders raise."""
    return _order(session, plan, values, actor) if plan.target == ORDERS else _record(session, plan, values, actor)


def _record(session: Session, plan: Plan, values: Mapping[str, Any], actor: Actor) -> Written:
    if plan.action == "create":
        made = records.create(session, actor=actor, module=plan.module, values=values)
    else:
        by, may_create = plan.upsert_field or "", plan.action == "upsert"
        made = records.upsert(session, actor=actor, module=plan.module, by=by, values=values, may_create=may_create)
    return Written(made.id, "created" if made.created else "updated", made.document)


def _order(session: Session, plan: Plan, values: Mapping[str, Any], actor: Actor) -> Written:
    if plan.action == "create":
        given = {name: value for name, value in values.items() if name not in {"status", "reason"}}
        placed = orders.create(session, actor=actor, input=order_inputs.parse(order_inputs.NewOrder, given))
        detail, is_new = placed.detail, not placed.repeated
    else:
        before = orders.is_known(session, actor=actor, values=values)
        if plan.action == "update" and not before:
            raise Invalid(FieldError(ORDER_KEY, "has a value that no order has.", "Send one that exists, or let the order be made."))
        detail, is_new = orders.upsert(session, actor=actor, values=values), not before
    return Written(detail.order.id, "created" if is_new else "updated", orders.describe(detail))


def _reject(found: Outcome, reason: str, error: CrossdockError, *, step: str | None = None) -> Outcome:
    found.status, found.reason, found.error = REJECTED, reason, error
    found.sentence = shown(error.detail)
    found.steps.append(Step(step or reason, ok=False, text=found.sentence))
    return found


def with_sources(plan: Plan, error: CrossdockError) -> CrossdockError:
    """A refusal of a record with, for each field, where its value came from."""
    if not isinstance(error, Invalid):
        return error if isinstance(error, Conflict | TooLarge) else Invalid(FieldError(plan.module or ORDERS, error.detail, ""))
    errors: list[FieldError] = []
    for each in error.errors:
        source = _source_of(plan.rules, each.path)
        errors.append(FieldError(each.path, f"{source} {each.message}" if source else each.message, each.fix))
    return Invalid(*errors)


def _source_of(rules: Sequence[mapping.Rule], path: str) -> str:
    """Where the value at `path` of a record came from, as `email` or `items[0].quantity`; "" where no source is known."""
    name, _, rest = path.partition("[")
    rule = next((each for each in rules if each.target == name.partition(".")[0]), None)
    if rule is None or rule.source is None:
        return ""
    if not (rest and rule.each):
        return rule.source.text
    index, _, inner = rest.partition("].")
    below = _source_of(rule.each, inner)
    return f"{rule.source.text}[{index}].{below}" if below else ""


def _unknown(session: Session, plan: Plan, ready: Sequence[tuple[Request, Outcome]]) -> list[tuple[Request, Outcome]]:
    """Those of the requests with a source's id whose id was not accepted before; the others are told what came of it then."""
    named = [(request, found) for request, found in ready if found.source_id]
    if not named:
        return []
    hashes = {_hash(found.source_id) for _, found in named}
    query = select(IncomingSeen.hash, IncomingSeen.request_id).where(
        IncomingSeen.incoming_id == plan.id, col(IncomingSeen.hash).in_(hashes)
    )
    earlier = dict(session.exec(query).all())
    made = {row.id: row.record_ids for row in session.exec(select(IncomingRequest).where(col(IncomingRequest.id).in_(earlier.values())))}
    for _, found in named:
        request_id = earlier.get(_hash(found.source_id))
        if request_id is not None:
            found.status, found.record_ids = DUPLICATE, tuple(made.get(request_id, ()))
            found.sentence = f"The source's id of it came before, as {request_id}, and was accepted. It is not done again."
            found.steps.append(Step("source_id", ok=False, text=found.sentence))
    return [(request, found) for request, found in named if found.status != DUPLICATE]


def _seen(plan: Plan, source_id: str, request_id: str) -> dict[str, Any]:
    return {"request_id": request_id, "workspace_id": plan.workspace_id, "incoming_id": plan.id, "hash": _hash(source_id)}


def _hash(source_id: str) -> str:
    return hashlib.sha256(source_id.encode("utf-8", "surrogatepass")).hexdigest()


def shown(text: str) -> str:
    """A sentence as it is stored and sent, whatever of the request it quotes."""
    return texts.storable(text)[:MAX_SENTENCE]
