"""What the browser is told of orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from backend.core.actor import ActorKind
from backend.models import OrderChange
from backend.orders import history, money, transitions
from backend.orders.values import OrderDetail as Order
from backend.orders.values import OrderType, Status
from console import words
from console.theme import LOOKS

PROVIDERS: Final = {"uber_eats": "Uber Eats", "deliveroo": "Deliveroo", "careem": "Careem", "talabat": "Talabat", "generic": "Generic"}
TYPES: Final = {"delivery": "Delivery", "pickup": "Pickup", "dine_in": "Dine-in"}
# What the button says that moves an order to a status.
VERBS: Final = {
    "confirmed": "Confirm",
    "preparing": "Start preparing",
    "ready": "Mark ready",
    "out_for_delivery": "Send out",
    "delivered": "Mark delivered",
    "completed": "Complete",
}
_CHARGES: Final = {"delivery_fee": "Delivery fee", "tax": "Tax", "tip": "Tip"}


@dataclass
class OrderRow:
    """An order in the list."""

    id: str
    status: str
    name: str
    customer: str
    provider: str
    branch: str
    quantity: str
    total: str
    at: str


@dataclass
class ItemRow:
    """A line of an order, with its exact amounts."""

    id: str
    product: str
    name: str
    quantity: str
    price: str
    amount: str
    modifiers: list[str]
    notes: str


@dataclass
class ChangeRow:
    """A change of an order: `changes` are the name, before and after of each changed field, `events` the type and id of each event."""

    id: str
    kind: str
    status: str
    title: str
    who: str
    who_path: str
    reason: str
    at: str
    changes: list[list[str]] = field(default_factory=list)
    events: list[list[str]] = field(default_factory=list)


@dataclass
class OrderDetail:
    """An order on its own page; `onward` is the status that comes next, and `verb` what goes there, empty at its end."""

    id: str = ""
    name: str = ""
    status: str = ""
    sentence: str = ""
    onward: str = ""
    verb: str = ""
    can_cancel: bool = False
    provider: str = ""
    external_id: str = ""
    branch: str = ""
    kind: str = ""
    customer: str = ""
    phone: str = ""
    address: str = ""
    notes: str = ""
    totals: list[list[str]] = field(default_factory=list)
    total: str = ""
    total_note: str = ""
    created: str = ""
    updated: str = ""


def order_row(found: Order) -> OrderRow:
    """A row of the list."""
    order = found.order
    number = sum(item.quantity for item in found.items)
    return OrderRow(
        id=order.id,
        status=order.status,
        name=_name(found),
        customer=order.customer_name or order.customer_phone or "",
        provider=PROVIDERS.get(order.provider, order.provider),
        branch=order.branch_id,
        quantity=words.number(number),
        total=words.money(order.total, order.currency),
        at=words.moment(order.created_at),
    )


def order_detail(found: Order) -> OrderDetail:
    """All of an order but its items and its history."""
    order = found.order
    possible = transitions.allowed(Status(order.status), OrderType(order.order_type))
    onward = next((each.value for each in possible if each is not Status.CANCELLED), "")
    return OrderDetail(
        id=order.id,
        name=_name(found),
        status=order.status,
        sentence=_sentence(order.status, onward, can_cancel=Status.CANCELLED in possible),
        onward=onward,
        verb=VERBS.get(onward, ""),
        can_cancel=Status.CANCELLED in possible,
        provider=PROVIDERS.get(order.provider, order.provider),
        external_id=order.external_id or "",
        branch=order.branch_id,
        kind=TYPES.get(order.order_type, order.order_type),
        customer=order.customer_name or "",
        phone=order.customer_phone or "",
        address=order.delivery_address or "",
        notes=order.notes or "",
        totals=_totals(found),
        total=words.money(order.total, order.currency),
        total_note=_total_note(found),
        created=words.moment(order.created_at),
        updated=words.moment(order.updated_at),
    )


def item_rows(found: Order) -> list[ItemRow]:
    """The lines of an order."""
    return [
        ItemRow(
            id=item.id,
            product=item.product_id,
            name=item.name or "",
            quantity=words.number(item.quantity),
            price=words.money(item.unit_price),
            amount=words.money(None if item.unit_price is None else item.quantity * item.unit_price),
            modifiers=list(item.modifiers),
            notes=item.notes or "",
        )
        for item in found.items
    ]


def change_row(change: OrderChange) -> ChangeRow:
    """An entry of an order's history."""
    return ChangeRow(
        id=change.id,
        kind=change.type,
        status=change.status,
        title=_title(change),
        who=change.actor_name or ("Crossdock itself" if change.actor_kind == ActorKind.SYSTEM else change.actor_id),
        who_path=f"/settings/api-keys/{change.actor_id}" if change.actor_kind == ActorKind.KEY else "",
        reason=change.reason or "",
        at=words.moment(change.created_at),
        changes=_changes(change) if change.type == history.UPDATED else [],
        events=[list(pair) for pair in zip(_types(change), change.event_ids, strict=False)],
    )


def _name(found: Order) -> str:
    return found.order.external_id or f"…{found.order.id[-8:]}"


def _sentence(status: str, onward: str, *, can_cancel: bool) -> str:
    here = LOOKS[status].word
    if not onward and not can_cancel:
        return f"{here}. It stays as it is."
    can = [LOOKS[onward].word.lower()] if onward else []
    return f"{here}. It can become {' or '.join([*can, *(['cancelled'] if can_cancel else [])])}."


def _totals(found: Order) -> list[list[str]]:
    order = found.order
    lines = [["Items", words.money(order.subtotal)]]
    lines += [[word, words.money(getattr(order, name))] for name, word in _CHARGES.items() if getattr(order, name)]
    return [*lines, ["Discount", words.money(-order.discount)]] if order.discount else lines


def _total_note(found: Order) -> str:
    if found.order.subtotal is not None:
        return ""
    return "An item has no price, so the total is as the partner sent it." if found.order.total is not None else "No prices were sent."


def _title(change: OrderChange) -> str:
    if change.type == history.CREATED:
        return "Placed"
    if change.type == history.MOVED:
        before = LOOKS[change.previous_status].word if change.previous_status else ""
        return f"{before} → {LOOKS[change.status].word}"
    names = [_words(name).lower() for name in change.after]
    return f"Changed {', '.join(names)}"


def _types(change: OrderChange) -> Sequence[str]:
    return (history.MOVED, f"order.{change.status}") if change.type == history.MOVED else (change.type,)


def _changes(change: OrderChange) -> list[list[str]]:
    return [[_words(name), _told(name, change.before.get(name)), _told(name, after)] for name, after in change.after.items()]


def _told(name: str, value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, list):
        return f"{len(value)} line{'' if len(value) == 1 else 's'}"
    if isinstance(value, Mapping):
        return ", ".join(str(part) for part in value.values() if part) or "–"
    if name in (*money.CHARGES, "subtotal", "total"):
        return words.money(round(value * money.UNIT))
    return str(value)


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
