"""One action on many webhooks: each is done or refused for itself, and told with its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlmodel import Session, select

from backend.core import actor as actors
from backend.core import pagination, permissions
from backend.core.actor import Actor
from backend.core.errors import CrossdockError, FieldError, Invalid
from backend.models import Webhook
from backend.webhooks import service

MOST: Final = pagination.MAX_LIMIT


class Action(StrEnum):
    """What may be done with many webhooks."""

    ENABLE = "enable"
    DISABLE = "disable"
    PAUSE = "pause"
    RESUME = "resume"
    DELETE = "delete"
    ROTATE = "rotate"
    ADD_EVENTS = "add_events"
    REMOVE_EVENTS = "remove_events"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An action and what it acts on: these webhooks, or all that a list with `status` and `q` shows, a page of 200 at a time.

    `events` are added or removed; `missed`, `reason` and `overlap_hours` are as for one webhook.
    """

    action: Action
    ids: Sequence[str] | None = None
    status: str | None = None
    q: str | None = None
    cursor: str | None = None
    events: Sequence[str] = ()
    missed: str = "skip"
    reason: str = ""
    overlap_hours: float = 24


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one webhook: as it is now (None if it is gone, or never was), its new secret, or why it was refused."""

    webhook_id: str
    webhook: Webhook | None = None
    secret: str | None = None
    refusal: CrossdockError | None = None


def act(session: Session, *, actor: Actor, order: Order) -> pagination.Page[Outcome]:
    """Do `order`, one webhook after the other; one that is refused leaves the others as they are. The page's outcomes, in its order.

    Raises `Invalid` for an order that fits no webhook, `Forbidden` for one that the actor may give for none.
    """
    permissions.require(actor, permissions.WEBHOOKS_DELETE if order.action is Action.DELETE else permissions.WEBHOOKS_WRITE)
    _judge(order)
    if order.ids is not None:
        page = pagination.Page(list(dict.fromkeys(order.ids)), None)
    else:
        shown = service.list_webhooks(session, actor=_reader(actor), status=order.status, q=order.q, limit=MOST, cursor=order.cursor)
        page = shown.map(lambda webhook: webhook.id)
    # In order of id, as everybody locks them; told in the order that was asked for.
    done = {webhook_id: _one(session, actor, order, webhook_id) for webhook_id in sorted(page.data)}
    return page.map(lambda webhook_id: done[webhook_id])


def _judge(order: Order) -> None:
    """Raise `Invalid` for what is wrong with the order itself, all at once."""
    errors: list[FieldError] = []
    changes_events = order.action in (Action.ADD_EVENTS, Action.REMOVE_EVENTS)
    if changes_events and not order.events:
        errors.append(FieldError("events", "is empty.", f"Name the events that {order.action} is about."))
    if not changes_events and order.events:
        errors.append(FieldError("events", f"has no meaning for {order.action}.", "Leave it out, or use add_events or remove_events."))
    if order.ids is not None and not 1 <= len(order.ids) <= MOST:
        errors.append(FieldError("ids", f"has {len(order.ids)} entries.", f"Give 1 to {MOST}, or a filter."))
    if order.ids is not None and order.cursor:
        errors.append(FieldError("cursor", "continues a filter.", "Leave it out where ids are given."))
    if not 0 <= order.overlap_hours <= service.MAX_OVERLAP_HOURS:
        errors.append(FieldError("overlap_hours", "is out of range.", f"Use 0 to {service.MAX_OVERLAP_HOURS}."))
    if errors:
        raise Invalid(*errors)


def _one(session: Session, actor: Actor, order: Order, webhook_id: str) -> Outcome:
    try:
        with session.begin_nested():
            return _ACTIONS[order.action](session, actor, order, webhook_id)
    except CrossdockError as refusal:
        return Outcome(webhook_id, refusal=refusal)


def _enable(session: Session, actor: Actor, order: Order, webhook_id: str) -> Outcome:
    return Outcome(webhook_id, service.enable(session, actor=actor, webhook_id=webhook_id, missed=order.missed))


def _disable(session: Session, actor: Actor, order: Order, webhook_id: str) -> Outcome:
    return Outcome(webhook_id, service.disable(session, actor=actor, webhook_id=webhook_id, reason=order.reason))


def _pause(session: Session, actor: Actor, _order: Order, webhook_id: str) -> Outcome:
    return Outcome(webhook_id, service.pause(session, actor=actor, webhook_id=webhook_id))


def _resume(session: Session, actor: Actor, _order: Order, webhook_id: str) -> Outcome:
    return Outcome(webhook_id, service.resume(session, actor=actor, webhook_id=webhook_id))


def _delete(session: Session, actor: Actor, _order: Order, webhook_id: str) -> Outcome:
    service.delete(session, actor=actor, webhook_id=webhook_id)
    return Outcome(webhook_id)


def _rotate(session: Session, actor: Actor, order: Order, webhook_id: str) -> Outcome:
    webhook, secret = service.rotate_secret(session, actor=actor, webhook_id=webhook_id, overlap_hours=order.overlap_hours)
    return Outcome(webhook_id, webhook, secret)


def _add(session: Session, actor: Actor, order: Order, webhook_id: str) -> Outcome:
    return _with_events(session, actor, webhook_id, lambda events: [*events, *(each for each in order.events if each not in events)])


def _remove(session: Session, actor: Actor, order: Order, webhook_id: str) -> Outcome:
    return _with_events(session, actor, webhook_id, lambda events: [each for each in events if each not in order.events])


def _with_events(session: Session, actor: Actor, webhook_id: str, change: Callable[[list[str]], list[str]]) -> Outcome:
    # Locked before it is read, so that two who add at once both have added.
    locked = select(Webhook).where(Webhook.workspace_id == actor.workspace_id, Webhook.id == webhook_id).with_for_update()
    session.exec(locked.execution_options(populate_existing=True)).first()
    webhook = service.get(session, actor=_reader(actor), webhook_id=webhook_id)
    changes: dict[str, Any] = {"events": change(list(webhook.event_types))}
    if changes["events"] != webhook.event_types:
        webhook = service.update(session, actor=actor, webhook_id=webhook_id, changes=changes)
    return Outcome(webhook_id, webhook)


def _reader(actor: Actor) -> Actor:
    """Who may change a webhook is shown it, whether its key may read or not."""
    return actors.system(actor.workspace_id)


_ACTIONS: Final[dict[Action, Callable[[Session, Actor, Order, str], Outcome]]] = {
    Action.ENABLE: _enable,
    Action.DISABLE: _disable,
    Action.PAUSE: _pause,
    Action.RESUME: _resume,
    Action.DELETE: _delete,
    Action.ROTATE: _rotate,
    Action.ADD_EVENTS: _add,
    Action.REMOVE_EVENTS: _remove,
}
