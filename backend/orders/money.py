"""Amounts of money: exact, in whole ten-thousandths, and what an order comes to. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from backend.core.errors import FieldError, Invalid

UNIT: Final = 10_000
ADDED: Final = ("delivery_fee", "tax", "tip")
CHARGES: Final = (*ADDED, "discount")

_TEXT: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,4})?")


def parse(value: Any, *, largest: int) -> int:
    """An amount as JSON gives it, a number or a text such as "8.50", in ten-thousandths.

    A float counts as the shortest decimal that reads back as it; what it has beyond four decimals is rounded half to even, so
    0.1 + 0.2 is 0.3. Raises `ValueError` for what is no amount from 0 to `largest`.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number and not (isinstance(value, str) and _TEXT.fullmatch(value)):
        raise ValueError("is no amount; send a number such as 8.5")
    number = Decimal(value) if isinstance(value, str) else value
    if not 0 <= number <= largest:  # false for NaN
        raise ValueError(f"is out of range; use 0 to {largest:,}")
    return int((Decimal(str(value)) * UNIT).to_integral_value(ROUND_HALF_EVEN))


def shown(amount: int | None) -> int | float | None:
    """An amount as JSON carries it: 17 for 17.00, 8.5 for 8.50."""
    if amount is None:
        return None
    return amount // UNIT if amount % UNIT == 0 else amount / UNIT


def subtotal(items: Iterable[Mapping[str, Any]]) -> int | None:
    """What items come to by `quantity` and `unit_price`; None where one has no price."""
    lines = [None if item["unit_price"] is None else item["quantity"] * item["unit_price"] for item in items]
    return None if None in lines else sum(line for line in lines if line is not None)


def settle(values: Mapping[str, Any], *, stated: bool) -> dict[str, Any]:
    """An order's values with `subtotal` and `total`: the items, what is added, less the discount, where every item has a price.

    `stated` says that the total was sent, not kept from before; then it must be that sum. Raises `Invalid` where it is not, and
    where the discount is more than the rest.
    """
    items = subtotal(values["items"])
    given = values["total"] if stated else None
    if items is None:
        return {**values, "subtotal": None, "total": given}
    due = items + sum(values[name] for name in ADDED) - values["discount"]
    if due < 0:
        raise Invalid(FieldError("discount", "is more than the order comes to.", f"Use at most {shown(due + values['discount'])}."))
    if given is not None and given != due:
        told = f"is {shown(given)}, but items, delivery fee, tax and tip less the discount come to {shown(due)}."
        raise Invalid(FieldError("total", told, f"Send {shown(due)}, or leave it out; it is computed."))
    return {**values, "subtotal": items, "total": due}
