"""Owns the list of events: filters in the address, what became of each in numbers, live."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import reflex as rx
from sqlmodel import Session

from backend.core import clock, permissions
from backend.core.actor import Actor
from backend.event_types import service as event_types
from backend.events import search
from backend.events import service as events
from console.pages.events.rows import EventRow, event_row
from console.states import Listing
from console.urls import since

PATH: Final = "/settings/events"


class EventsState(Listing, rx.State):
    """The list."""

    READS: ClassVar = permissions.EVENTS_READ
    PATH: ClassVar = PATH
    FILTERS: ClassVar = ("type", "since", "q")
    rows: list[EventRow] = []  # noqa: RUF012 - the framework copies it
    types: list[str] = []  # noqa: RUF012
    type: str = ""
    since: str = ""

    @staticmethod
    def _read(session: Session, actor: Actor, given: dict[str, str]) -> tuple[Any, ...]:
        wanted = {"type": given["type"] or None, "since": since(given["since"], clock.now()), "q": given["q"] or None}
        page = events.list_events(session, actor=actor, cursor=given["cursor"] or None, **wanted)
        number = search.count(session, actor=actor, wanted=search.Filter(**wanted))
        types = [info.name for info in event_types.all_types(session, actor=actor)]
        return page, search.tallies(session, actor=actor, events=page.data), number, types

    def _show(self, found: tuple[Any, ...]) -> None:
        page, tallies, number, types = found
        self.rows = [event_row(event, tallies[event.id]) for event in page.data]
        self.types = types if not self.type or self.type in types else [self.type, *types]
        self._paged(page, {"all": number})
