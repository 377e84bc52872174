"""Owns one order's page: moving it on, changing whom it is for, its history."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.core.errors import CrossdockError
from backend.orders import inputs
from backend.orders import service as orders
from console import bridge
from console.auth import needs
from console.pages.orders.rows import ChangeRow, ItemRow, OrderDetail, change_row, item_rows, order_detail
from console.states import Asking
from console.theme import LOOKS

_LATEST: Final = 100
EDITABLE: Final = ("customer_name", "customer_phone", "delivery_address", "notes")


class OrderState(Asking, rx.State):
    """One order."""

    READS: ClassVar = permissions.ORDERS_READ
    ASKS: ClassVar = ("cancel", "edit")
    order: OrderDetail = OrderDetail()
    items: list[ItemRow] = []  # noqa: RUF012 - the framework copies it
    changes: list[ChangeRow] = []  # noqa: RUF012
    has_more: bool = False
    errors: dict[str, str] = {}  # noqa: RUF012

    @rx.event
    @needs(permissions.ORDERS_WRITE)
    async def move(self) -> Any:
        """On to the status that comes next."""
        self.busy = True
        yield
        try:
            await self._move(self.order.onward, "")
        finally:
            self.busy = False
        yield rx.toast.info(f"{LOOKS[self.order.status].word}.")

    @rx.event
    @needs(permissions.ORDERS_WRITE)
    async def cancel(self, form: dict[str, Any]) -> Any:
        """End it, with a reason that its events tell."""
        self.busy = True
        yield
        with self._answering():
            await self._move("cancelled", str(form.get("reason") or ""))
            yield rx.toast.info("Cancelled.")

    @rx.event
    @needs(permissions.ORDERS_WRITE)
    async def edit(self, form: dict[str, Any]) -> Any:
        """Change whom it is for, where it goes, and its notes."""
        self.busy, self.errors, self.ask_error = True, {}, ""
        yield
        try:
            changes = inputs.parse(inputs.OrderUpdate, {name: str(form.get(name) or "") or None for name in (*EDITABLE, "reason")})
            await bridge.call(self, orders.update, write=True, order_id=self.order.id, changes=changes)
        except CrossdockError as error:
            self.errors = bridge.field_errors(error)
            self.ask_error = self.errors.pop("", "")
            return
        finally:
            self.busy = False
        self.ask = ""
        await self._fetch()
        yield rx.toast.info("Saved.")

    def _open(self, *, anew: bool) -> None:
        super()._open(anew=anew)
        self.errors = {}
        if anew:
            self.order, self.items, self.changes = OrderDetail(), [], []

    async def _move(self, status: str, reason: str) -> None:
        wanted = inputs.parse(inputs.StatusChange, {"status": status, "reason": reason or None})
        await bridge.call(self, orders.set_status, write=True, order_id=self.order.id, status=wanted.status, reason=wanted.reason)
        await self._fetch()

    @staticmethod
    def _read(session: Session, actor: Actor, wanted: str) -> tuple[Any, ...]:
        found = orders.get(session, actor=actor, order_id=wanted)
        return found, orders.list_changes(session, actor=actor, order_id=wanted, limit=_LATEST)

    def _show(self, found: tuple[Any, ...]) -> None:
        order, changes = found
        self.order, self.items = order_detail(order), item_rows(order)
        self.changes, self.has_more = [change_row(change) for change in changes.data], changes.has_more
