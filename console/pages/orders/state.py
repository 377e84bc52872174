"""Owns the list of orders."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import reflex as rx
from sqlmodel import Session

from backend.core import clock, permissions
from backend.core.actor import Actor
from backend.orders import service as orders
from console.pages.orders.rows import OrderRow, order_row
from console.states import Listing
from console.urls import since

PATH: Final = "/orders"


class OrdersState(Listing, rx.State):
    """The list."""

    READS: ClassVar = permissions.ORDERS_READ
    PATH: ClassVar = PATH
    FILTERS: ClassVar = ("status", "provider", "branch", "since", "q")
    STATUSES: ClassVar = tuple(each.value for each in orders.Status)
    rows: list[OrderRow] = []  # noqa: RUF012 - the framework copies it
    provider: str = ""
    branch: str = ""
    since: str = ""

    @staticmethod
    def _read(session: Session, actor: Actor, given: dict[str, str]) -> tuple[Any, ...]:
        within: dict[str, Any] = {
            "provider": given["provider"] or None,
            "branch_id": given["branch"] or None,
            "since": since(given["since"], clock.now()),
            "q": given["q"] or None,
        }
        wanted = orders.Filter(status=given["status"] or None, **within)
        page = orders.list_orders(session, actor=actor, wanted=wanted, cursor=given["cursor"] or None)
        return page, orders.counts(session, actor=actor, wanted=orders.Filter(**within))

    def _show(self, found: tuple[Any, ...]) -> None:
        page, counts = found
        self.rows = [order_row(order) for order in page.data]
        self._paged(page, counts)
