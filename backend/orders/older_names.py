"""Names that partners' systems give to an order, its items and its states, turned into ours. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast

_ORDER: Final = {"id": ("external_id", "externalId")}  # the sender's own
_ITEM: Final = {"id": ("product_id", "productId"), "price": ("unit_price", "unitPrice")}
_WORDS: Final = {"canceled": "cancelled", "ubereats": "uber_eats"}
_HUMPS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def word(value: Any) -> Any:
    """A status, type or provider as we write it: `OUT_FOR_DELIVERY`, `outForDelivery` and `dine-in` are understood."""
    if not isinstance(value, str):
        return value
    plain = _HUMPS.sub("_", value.strip()).lower().replace("-", "_").replace(" ", "_")
    return _WORDS.get(plain, plain)


def order(body: Any) -> Any:
    """A new order under our names. Where a field has several names, ours wins."""
    return _renamed(body, _ORDER)


def item(body: Any) -> Any:
    """An item under our names. Where a field has several names, ours wins."""
    return _renamed(body, _ITEM)


def _renamed(body: Any, names: Mapping[str, tuple[str, str]]) -> Any:
    if not isinstance(body, Mapping):
        return body
    found = dict(cast("Mapping[str, Any]", body))
    for older, ours in names.items():
        if older in found:
            value = found.pop(older)
            if not any(name in found for name in ours):
                found[ours[0]] = value
    return found
