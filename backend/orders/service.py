"""Orders of a workspace: placed, read, changed, moved on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from backend.core import clock, crypto, ids, pagination, permissions
from backend.core.actor import Actor
from backend.core.errors import Conflict, NotFound
from backend.models import Order, OrderChange, OrderItem
from backend.orders import history, inputs, money, queries, transitions
from backend.orders.history import describe
from backend.orders.inputs import NewOrder, OrderUpdate, StatusChange
from backend.orders.queries import Filter
from backend.orders.values import OrderDetail, OrderType, Placed, Provider, Status

__all__ = ["Filter", "NewOrder", "OrderDetail", "OrderUpdate", "Placed", "Status", "describe"]

_DEFAULTS: Final[Mapping[str, Any]] = {
    "provider": Provider.GENERIC.value,
    **dict.fromkeys(("external_id", "customer_name", "customer_phone", "delivery_address", "notes", "currency", "subtotal", "total")),
    **dict.fromkeys(money.CHARGES, 0),
}
_COLUMNS: Final = (*_DEFAULTS, "branch_id", "order_type")
_ITEM: Final = ("product_id", "name", "quantity", "unit_price", "modifiers", "notes")
_AMOUNTS: Final = frozenset({"items", *money.CHARGES, "total"})
_ALWAYS: Final = frozenset({"customer_name", "customer_phone", "notes"})
_IDENTITY: Final = ("provider", "external_id")


def create(session: Session, *, actor: Actor, input: NewOrder) -> Placed:  # noqa: A002 - what it is
    """Place an order. The same provider, external id and content again is the order that there is, as it was first.

    Raises `Conflict` for another content under a known external id, `Invalid` where the amounts disagree, `TooLarge`.
    """
    permissions.require(actor, permissions.ORDERS_WRITE)
    values = _complete(input)
    order, is_new = _place(session, actor, values)
    if is_new:
        return Placed(queries.details(session, [order])[0])
    if order.body_hash != _fingerprint(values):
        raise Conflict(
            f"There is already an order {order.external_id} of {order.provider}, with another content. "
            f"Change it with PATCH /api/v1/orders/{order.id}, or send another external_id."
        )
    return Placed(queries.details(session, [order])[0], history.first(session, order))


def get(session: Session, *, actor: Actor, order_id: str) -> OrderDetail:
    """One order with its items. Raises `NotFound`."""
    permissions.require(actor, permissions.ORDERS_READ)
    return queries.details(session, [_find(session, actor, order_id)])[0]


def list_orders(
    session: Session, *, actor: Actor, wanted: Filter, limit: int = pagination.DEFAULT_LIMIT, cursor: str | None = None
) -> pagination.Page[OrderDetail]:
    """A page of orders with their items, newest first. Raises `Invalid`."""
    permissions.require(actor, permissions.ORDERS_READ)
    page = pagination.fetch(session, queries.matching(actor.workspace_id, wanted), col(Order.id), limit=limit, cursor=cursor)
    return pagination.Page(queries.details(session, page.data), page.next_cursor)


def counts(session: Session, *, actor: Actor, wanted: Filter) -> dict[str, pagination.Count]:
    """How many orders there are of each status and under `all`, by the same filters as the list; each stops at 10,000. Raises `Invalid`."""
    permissions.require(actor, permissions.ORDERS_READ)
    return queries.counts(session, actor.workspace_id, wanted)


def list_changes(
    session: Session, *, actor: Actor, order_id: str, limit: int = pagination.DEFAULT_LIMIT, cursor: str | None = None
) -> pagination.Page[OrderChange]:
    """A page of what was done to an order, newest first. Raises `NotFound` or `Invalid`."""
    permissions.require(actor, permissions.ORDERS_READ)
    order = _find(session, actor, order_id)
    query = select(OrderChange).where(col(OrderChange.workspace_id) == actor.workspace_id, col(OrderChange.order_id) == order.id)
    return pagination.fetch(session, query, col(OrderChange.id), limit=limit, cursor=cursor)


def update(session: Session, *, actor: Actor, order_id: str, changes: OrderUpdate) -> OrderDetail:
    """Change what was sent and is different. Raises `NotFound`, `Conflict` for what may change no more, `Invalid`, `TooLarge`."""
    permissions.require(actor, permissions.ORDERS_WRITE)
    return _change(session, actor, _find(session, actor, order_id, lock=True), changes)


def set_status(session: Session, *, actor: Actor, order_id: str, status: Status, reason: str | None = None) -> OrderDetail:
    """Move an order on; where it is there already, nothing happens. Raises `NotFound`, `Conflict` naming where it can go."""
    permissions.require(actor, permissions.ORDERS_WRITE)
    return _move(session, actor, _find(session, actor, order_id, lock=True), status, reason)


def upsert(session: Session, *, actor: Actor, values: Mapping[str, Any]) -> OrderDetail:
    """Bring in an order from elsewhere by `provider` and `external_id`: placed if it is new, else changed where it differs.

    `values` are those of a new order under our names, with `status` and `reason` where the sender says how far it is; of a known
    order, what changes is enough. Raises what `create`, `update` and `set_status` raise.
    """
    permissions.require(actor, permissions.ORDERS_WRITE)
    given = dict(values)
    status, reason = given.pop("status", None), given.pop("reason", None)
    move = None if status is None else inputs.parse(StatusChange, {"status": status, "reason": reason})
    identity = inputs.parse(inputs.Identity, {name: given[name] for name in _IDENTITY if name in given})
    order, is_new = _named(session, actor, identity.provider, identity.external_id, lock=True), False
    if order is None:
        order, is_new = _place(session, actor, _complete(inputs.parse(NewOrder, given)))
    if not is_new:
        rest = {name: value for name, value in given.items() if name not in _IDENTITY}
        _change(session, actor, order, inputs.parse(OrderUpdate, {**rest, "reason": reason}))
    if move is not None:
        return _move(session, actor, order, move.status, move.reason)
    return queries.details(session, [order])[0]


def is_known(session: Session, *, actor: Actor, values: Mapping[str, Any]) -> bool:
    """Whether there is an order with the `provider` and `external_id` of these values. Raises `Invalid` without them."""
    permissions.require(actor, permissions.ORDERS_READ)
    identity = inputs.parse(inputs.Identity, {name: values[name] for name in _IDENTITY if name in values})
    return _named(session, actor, identity.provider, identity.external_id) is not None


def _complete(input: NewOrder) -> dict[str, Any]:  # noqa: A002 - what it is
    """The values of every column, and the items."""
    return money.settle({**_DEFAULTS, **input.given()}, stated=True)


def _fingerprint(values: Mapping[str, Any]) -> str:
    return crypto.fingerprint(json.dumps(values, sort_keys=True).encode())


def _place(session: Session, actor: Actor, values: Mapping[str, Any]) -> tuple[Order, bool]:
    """The new order and True, or the one that there is by its provider and external id, and False."""
    named = (values["provider"], values["external_id"])
    earlier = _named(session, actor, *named)
    if earlier is not None:
        return earlier, False
    now = clock.now()
    order = Order(
        id=ids.new("ord"),
        created_at=now,
        workspace_id=actor.workspace_id,
        status=Status.PENDING,
        body_hash=_fingerprint(values),
        search_text="",
        created_by=actor.id,
        updated_at=now,
        **{name: values[name] for name in _COLUMNS},
    )
    order.search_text = queries.search_text(order)
    try:
        with session.begin_nested():
            session.add(order)
    except IntegrityError:  # another transaction placed the same one since we looked
        earlier = _named(session, actor, *named, lock=True)
        if earlier is None:
            raise
        return earlier, False
    items = _replace_items(session, order, values["items"])
    history.record(session, actor=actor, detail=OrderDetail(order, items), type=history.CREATED)
    return order, True


def _change(session: Session, actor: Actor, order: Order, changes: OrderUpdate) -> OrderDetail:
    detail = queries.details(session, [order])[0]
    given = changes.given()
    current = {name: getattr(order, name) for name in _COLUMNS} | {"items": [item.model_dump(include={*_ITEM}) for item in detail.items]}
    wanted = current | given
    if any(wanted[name] != current[name] for name in _AMOUNTS):
        wanted = money.settle(wanted, stated="total" in given)
    changed = [name for name in wanted if wanted[name] != current[name]]
    if not changed:
        return detail
    fixed = sorted({*changed} - _ALWAYS - {"subtotal"})
    if fixed and not transitions.may_edit(Status(order.status)):
        raise Conflict(f"The order is {order.status}: {', '.join(fixed)} can change no more, only the customer and the notes.")
    before = describe(detail)
    for name in changed:
        if name != "items":
            setattr(order, name, wanted[name])
    order.updated_at, order.search_text = clock.now(), queries.search_text(order)
    items = _replace_items(session, order, wanted["items"]) if "items" in changed else detail.items
    detail = OrderDetail(order, items)
    history.record(session, actor=actor, detail=detail, type=history.UPDATED, before=before, reason=changes.reason)
    return detail


def _move(session: Session, actor: Actor, order: Order, status: Status, reason: str | None) -> OrderDetail:
    decision = transitions.decide(Status(order.status), status, OrderType(order.order_type))
    if isinstance(decision, transitions.Refusal):
        raise Conflict(decision.sentence)
    detail = queries.details(session, [order])[0]
    if isinstance(decision, transitions.Move):
        before = describe(detail)
        order.status, order.updated_at = decision.status, clock.now()
        history.record(session, actor=actor, detail=detail, type=history.MOVED, before=before, reason=reason)
    return detail


def _replace_items(session: Session, order: Order, items: list[dict[str, Any]]) -> tuple[OrderItem, ...]:
    session.exec(delete(OrderItem).where(col(OrderItem.order_id) == order.id))
    made = tuple(
        OrderItem(id=ids.new("itm"), workspace_id=order.workspace_id, order_id=order.id, position=position, **item)
        for position, item in enumerate(items)
    )
    session.add_all(made)
    return made


def _find(session: Session, actor: Actor, order_id: str, *, lock: bool = False) -> Order:
    query = select(Order).where(col(Order.id) == order_id, col(Order.workspace_id) == actor.workspace_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.exec(query).first()
    if found is None:
        raise NotFound("There is no such order in this workspace. Check the id; GET /api/v1/orders lists them.")
    return found


def _named(session: Session, actor: Actor, provider: str, external_id: str | None, *, lock: bool = False) -> Order | None:
    if external_id is None:
        return None
    query = select(Order).where(
        col(Order.workspace_id) == actor.workspace_id, col(Order.provider) == provider, col(Order.external_id) == external_id
    )
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.exec(query).first()
