"""Where an order may go from where it stands, and what of it may still change. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from backend.orders.values import OrderType, Status

_WAY: Final = (
    Status.PENDING,
    Status.CONFIRMED,
    Status.PREPARING,
    Status.READY,
    Status.OUT_FOR_DELIVERY,
    Status.DELIVERED,
    Status.COMPLETED,
)
_DELIVERED: Final = _WAY.index(Status.DELIVERED)
_PREPARING: Final = _WAY.index(Status.PREPARING)


@dataclass(frozen=True, slots=True)
class Move:
    """The order goes from one status to another."""

    previous: Status
    status: Status


@dataclass(frozen=True, slots=True)
class Stay:
    """The order is there already: nothing happens."""

    status: Status


@dataclass(frozen=True, slots=True)
class Refusal:
    """The order cannot go there; `allowed` are the statuses that it can go to, and `sentence` says so."""

    sentence: str
    allowed: tuple[Status, ...]


def allowed(status: Status, order_type: OrderType) -> tuple[Status, ...]:
    """The statuses that an order may go to: the next on its way, and cancelled until it is delivered. None where it ends."""
    if status is Status.CANCELLED:
        return ()
    here = _WAY.index(status)
    skipped = {Status.OUT_FOR_DELIVERY} if order_type is not OrderType.DELIVERY else set[Status]()
    onward = tuple(each for each in _WAY[here + 1 :] if each not in skipped)[:1]
    return (*onward, Status.CANCELLED) if here < _DELIVERED else onward


def decide(status: Status, wanted: Status, order_type: OrderType) -> Move | Stay | Refusal:
    """What becomes of the wish that an order of this type goes from `status` to `wanted`."""
    if wanted is status:
        return Stay(status)
    possible = allowed(status, order_type)
    if wanted in possible:
        return Move(status, wanted)
    kind = order_type.replace("_", "-")
    onward = f"It can become {' or '.join(possible)}." if possible else "It stays as it is."
    return Refusal(f"A {kind} order that is {status} cannot become {wanted}. {onward}", possible)


def may_edit(status: Status) -> bool:
    """Whether what was ordered, what it costs, where it is made and where it goes may change: until it is being prepared."""
    return status is not Status.CANCELLED and _WAY.index(status) < _PREPARING
