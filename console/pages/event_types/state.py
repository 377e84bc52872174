"""Owns the catalogue of event types, one of them, and the making of one."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.core.pagination import Page as Found
from backend.event_types import service as event_types
from console import bridge, inputs
from console.auth import needs
from console.pages.event_types import rows
from console.pages.event_types.rows import TypeRow, type_row
from console.states import Asking, Form, Listing

PATH: Final = "/settings/event-types"


class TypesState(Listing, rx.State):
    """The catalogue; it has a page for all."""

    READS: ClassVar = permissions.EVENTS_READ
    PATH: ClassVar = PATH
    STATUSES: ClassVar = ("built_in", "custom", "archived")
    rows: list[TypeRow] = []  # noqa: RUF012 - the framework copies it

    @staticmethod
    def _read(session: Session, actor: Actor, given: dict[str, str]) -> tuple[Any, ...]:
        found = [info for info in event_types.all_types(session, actor=actor, archived=True) if rows.matches(info, given["q"])]
        by_kind = {status: [info for info in found if rows.kind(info) == status] for status in TypesState.STATUSES}
        shown = by_kind.get(given["status"], [*by_kind["custom"], *by_kind["built_in"]])
        counts = {status: len(infos) for status, infos in by_kind.items()}
        return shown, {**counts, "all": counts["custom"] + counts["built_in"]}

    def _show(self, found: tuple[Any, ...]) -> None:
        shown, counts = found
        self.rows = [type_row(info) for info in shown]
        self._paged(Found(shown, None), counts)


class NewTypeState(Form, rx.State):
    """The making of an event type."""

    is_open: bool = False

    @rx.event
    @needs(permissions.EVENTS_WRITE)
    def open(self) -> None:
        """Ask for it."""
        self.is_open, self.errors = True, {}

    @rx.event
    @needs(permissions.EVENTS_READ)
    def close(self) -> None:
        """Leave things as they are."""
        self.is_open = False

    @rx.event
    @needs(permissions.EVENTS_WRITE)
    async def create(self, form: dict[str, Any]) -> Any:
        """Make it, and go to its page."""
        self._begin()
        yield
        with self._saving():
            given = rows.values(form)
            made = await bridge.call(self, event_types.create, write=True, name=inputs.text(form, "name"), **given)
            self.is_open = False
            yield rx.redirect(f"{PATH}/{made.name}")


class TypeState(Form, Asking, rx.State):
    """One event type."""

    READS: ClassVar = permissions.EVENTS_READ
    ASKS: ClassVar = ("edit",)
    type: TypeRow = TypeRow()

    @rx.event
    @needs(permissions.EVENTS_WRITE)
    async def save(self, form: dict[str, Any]) -> Any:
        """Save what was changed."""
        self._begin()
        yield
        with self._saving():
            changes = {**rows.values(form), "deprecated": "deprecated" in form}
            if rows.written(changes["json_schema"]) == self.type.schema:
                del changes["json_schema"]  # a schema that is sent makes a new version
            await bridge.call(self, event_types.update, write=True, name=self.type.name, changes=changes)
            self.ask = ""
            await self._fetch()
            yield rx.toast.info("Saved.")

    @rx.event
    @needs(permissions.EVENTS_DELETE)
    async def switch(self) -> Any:
        """Archive it, or take it back."""
        if self.type.kind == "custom":
            await bridge.call(self, event_types.archive, write=True, name=self.type.name)
            told = "Archived. It can be published no more; its events stay."
        else:
            await bridge.call(self, event_types.update, write=True, name=self.type.name, changes={"archived": False})
            told = "It can be published again."
        await self._fetch()
        yield rx.toast.info(told)

    def _open(self, *, anew: bool) -> None:
        super()._open(anew=anew)
        self.errors = {}
        if anew:
            self.type = TypeRow()

    @staticmethod
    def _read(session: Session, actor: Actor, wanted: str) -> Any:
        return event_types.get(session, actor=actor, name=wanted)

    def _show(self, found: Any) -> None:
        self.type = type_row(found)
