"""Owns the making and changing of a route: events, filter, action, mapping, and what it would make of an event."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.core.errors import NotFound
from backend.event_types import service as event_types
from backend.routing import service as routes
from backend.routing.values import Tried
from console import bridge
from console.auth import needs
from console.pages.routes import forms
from console.pages.routes.paths import NEW, PATH
from console.pages.routes.rows import (
    ChoiceGroup,
    InputRow,
    LeafRow,
    TriedRow,
    action_of,
    input_rows,
    leaf_rows,
    targets,
    tried_row,
)
from console.pages.webhooks.rows import TypeGroup, type_groups
from console.states import Form, Page
from console.urls import last_part


class RouteEditorState(Form, Page, rx.State):
    """One route as it is written."""

    READS: ClassVar = permissions.INTEGRATIONS_READ
    groups: list[TypeGroup] = []  # noqa: RUF012 - the framework copies it
    targets: list[ChoiceGroup] = []  # noqa: RUF012
    inputs: list[InputRow] = []  # noqa: RUF012
    leaves: list[LeafRow] = []  # noqa: RUF012
    held: list[str] = []  # noqa: RUF012
    other: str = ""
    name: str = ""
    filter: str = ""
    target: str = ""
    further: str = ""
    leaves_of: str = ""
    tried: TriedRow = TriedRow()
    intent: str = ""
    _subject: str = ""

    @rx.event
    @needs(permissions.INTEGRATIONS_READ)
    async def load(self) -> None:
        """Read what can be done, and the route if there is one."""
        self._subject, self.errors, self.busy, self.intent = "", {}, False, ""
        self.tried, self.leaves, self.loading = TriedRow(), [], True
        await self._fetch()

    @rx.event
    @needs(permissions.INTEGRATIONS_WRITE)
    def choose(self, target: str) -> None:
        """Another integration or action, with a mapping to begin with."""
        action = action_of(target)
        if action is None or not any(target == choice.value for group in self.targets for choice in group.choices):
            return
        self.target = target
        self.inputs, self.further = input_rows(action, list(action.start))

    @rx.event
    @needs(permissions.INTEGRATIONS_READ)
    def intend(self, intent: str) -> None:
        """What the form is sent for: `try`, or to be saved."""
        self.intent = intent

    @rx.event
    @needs(permissions.INTEGRATIONS_WRITE)
    async def submit(self, form: dict[str, Any]) -> Any:
        """Save the route; or only show what it would make of an event."""
        intent, wanted = self.intent, last_part(self)
        self._begin()
        yield
        with self._saving(is_kept=intent != "try"):
            if intent == "try":
                await self._try(form)
            elif wanted == last_part_of(NEW):
                made = await bridge.call(self, routes.create, write=True, values=forms.values(form))
                yield rx.redirect(f"{PATH}/{made.route.id}")
                yield rx.toast.info(f"Created {made.route.name}. Events go through it from now on.")
            else:
                saved = await bridge.call(self, routes.update, write=True, route_id=wanted, changes=forms.values(form))
                yield rx.toast.info(f"Saved {saved.route.name}.")
        self.intent = ""

    async def _try(self, form: dict[str, Any]) -> None:
        values, occasion = forms.values(form), forms.occasion(form)
        self.tried = TriedRow()
        event = await bridge.call(self, routes.occasion_of, events=values["events"], occasion=occasion)
        self.leaves, self.leaves_of = leaf_rows(event), str(event["type"])
        tried: Tried = await bridge.call(self, routes.preview, values=values, occasion=occasion)
        self.tried = tried_row(tried)

    async def _fetch(self) -> None:
        wanted = last_part(self)
        try:
            found = await self._found(lambda session, actor: _read(session, actor, wanted))
        except NotFound:
            return  # the page says so
        if found is not None and self._subject != wanted:  # what is being written stays
            self._subject = wanted
            self._show(found)

    def _show(self, found: tuple[Any, ...]) -> None:
        types, capable, values, event = found
        self.groups, self.targets = type_groups(types), targets(capable)
        known = {"*", *(info.name for info in types)}
        self.held = [each for each in values["events"] if each in known]
        self.other = " ".join(each for each in values["events"] if each not in known)
        self.name, self.target = values["name"], f"{values['integration_id']}|{values['action']}" if values["action"] else ""
        self.filter = json.dumps(values["filter"], ensure_ascii=False) if values["filter"] else ""
        self.inputs, self.further = input_rows(action_of(self.target), values["mapping"])
        self.leaves, self.leaves_of = leaf_rows(event) if event is not None else [], str(event["type"]) if event is not None else ""


def last_part_of(path: str) -> str:
    """The last part of a path of ours."""
    return path.rpartition("/")[2]


def _read(session: Session, actor: Actor, wanted: str) -> tuple[Any, ...]:
    """Event types, what can be done, and the route's settings with an event that it takes. Raises `NotFound`."""
    types = [info for info in event_types.all_types(session, actor=actor) if not info.archived]
    capable = routes.capable(session, actor=actor)
    if wanted == last_part_of(NEW):
        return types, capable, {"name": "", "events": [], "filter": None, "integration_id": "", "action": "", "mapping": []}, None
    values = routes.describe(routes.get(session, actor=actor, route_id=wanted).route)
    return types, capable, values, routes.occasion_of(session, actor=actor, events=values["events"])
