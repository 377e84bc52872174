"""The reads of orders that are more than one row: filtered lists, and the items of a page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar

from sqlalchemy import ColumnElement, or_, union_all
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from backend.core import ids, pagination
from backend.core.errors import FieldError, Invalid
from backend.core.pagination import Count
from backend.models import Order, OrderItem
from backend.orders import older_names
from backend.orders.values import OrderDetail, Provider, Status

SEARCHED_ORDERS: Final = 10_000  # the newest, whose customers and addresses are looked through
_UNDER_WAY: Final = frozenset(Status) - {Status.DELIVERED, Status.COMPLETED, Status.CANCELLED}
_NUMBER: Final = re.compile(r"[+(]?[0-9][0-9 ()./-]{3,}")
_NOT_DIGITS: Final = re.compile("[^0-9]+")

Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which orders are meant; None does not restrict. `since` and `until`, which is exclusive, are about when they came."""

    status: str | None = None
    provider: str | None = None
    branch_id: str | None = None
    external_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    q: str | None = None


def matching(workspace_id: str, wanted: Filter) -> SelectOfScalar[Order]:
    """The orders of a workspace that a filter means. Raises `Invalid` with every word that is none of ours."""
    query = select(Order).where(col(Order.workspace_id) == workspace_id)
    errors: list[FieldError] = []
    if wanted.status:
        query = query.where(_standing(workspace_id, _words("status", wanted.status, Status, errors)))
    if wanted.provider:
        query = query.where(col(Order.provider).in_(_words("provider", wanted.provider, Provider, errors)))
    if errors:
        raise Invalid(*errors)
    if wanted.branch_id:
        query = query.where(col(Order.branch_id) == wanted.branch_id)
    if wanted.external_id:
        query = query.where(col(Order.external_id) == wanted.external_id)
    if wanted.since:
        query = query.where(col(Order.id) >= ids.floor("ord", int(wanted.since.timestamp() * 1000)))
    if wanted.until:
        query = query.where(col(Order.id) < ids.floor("ord", int(wanted.until.timestamp() * 1000)))
    if wanted.q and wanted.q.strip():
        query = query.where(_found(workspace_id, wanted.q.strip()))
    return query


def counts(session: Session, workspace_id: str, wanted: Filter) -> dict[str, Count]:
    """How many of these orders there are of each status, and under `all`; each stops at 10,000. Raises `Invalid`."""
    within = matching(workspace_id, wanted)
    queries = {"all": within, **{each.value: within.where(col(Order.status) == each.value) for each in Status}}
    return {name: pagination.count(session, query, col(Order.id)) for name, query in queries.items()}


def details(session: Session, orders: Iterable[Order]) -> list[OrderDetail]:
    """These orders with their items, read at once."""
    rows = list(orders)
    items: dict[str, list[OrderItem]] = {order.id: [] for order in rows}
    query = select(OrderItem).where(col(OrderItem.order_id).in_(list(items))).order_by(col(OrderItem.position))
    for item in session.exec(query).all() if items else ():
        items[item.order_id].append(item)
    return [OrderDetail(order, tuple(items[order.id])) for order in rows]


def search_text(order: Order) -> str:
    """What a search of an order looks through: its references, customer, number and address, in one case."""
    phone = order.customer_phone
    digits = _NOT_DIGITS.sub("", phone) if phone else None
    parts = (order.external_id, order.customer_name, phone, digits, order.delivery_address)
    return "\n".join(part for part in parts if part).casefold()


def _words(path: str, text: str, known: type[Word], errors: list[FieldError]) -> list[str]:
    found: list[str] = []
    for part in text.split(","):
        word = older_names.word(part)
        if word not in list(known):
            told = f"{part[:40]!r} is no {path} of orders."
            errors.append(FieldError(path, told, f"Use {', '.join(known)}; several joined by commas."))
        found.append(word)
    return found


def _standing(workspace_id: str, statuses: list[str]) -> ColumnElement[bool]:
    """Of these statuses; several under way are looked up first, for they are few among all the orders that were ever finished."""
    within = col(Order.status).in_(statuses)
    if len(statuses) == 1 or not _UNDER_WAY.issuperset(statuses):
        return within
    return col(Order.id).in_(select(Order.id).where(col(Order.workspace_id) == workspace_id, within))


def _found(workspace_id: str, text: str) -> ColumnElement[bool]:
    """An order by the beginning of its id, by its provider's id at any age, else by what is said in one of the newest."""
    if text.lower().startswith("ord_"):
        return col(Order.id).between(text.lower(), text.lower() + "~")  # "~" sorts after every character of an id
    mine = col(Order.workspace_id) == workspace_id
    newest = select(Order.id, Order.search_text).where(mine).order_by(col(Order.id).desc()).limit(SEARCHED_ORDERS).subquery()
    said = newest.c.search_text.contains(text.casefold(), autoescape=True)
    if _NUMBER.fullmatch(text):
        said = or_(said, newest.c.search_text.contains(_NOT_DIGITS.sub("", text)))
    named = select(Order.id).where(mine, col(Order.external_id) == text)
    return col(Order.id).in_(union_all(named, select(newest.c.id).where(said)).scalar_subquery())
