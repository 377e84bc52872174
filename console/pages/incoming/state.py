"""Owns the list of incoming webhooks and the making of one."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.incoming import health, inputs, presets
from backend.incoming import service as incoming
from backend.records import modules, starters
from console import bridge
from console.auth import needs
from console.components import secret
from console.inputs import text
from console.pages.incoming.rows import IncomingRow, incoming_row, scheme_word, source_rows
from console.states import Listing, Making
from console.urls import query, with_query

PATH: Final = "/settings/incoming"


class IncomingState(Listing, rx.State):
    """The list."""

    READS: ClassVar = permissions.INCOMING_READ
    PATH: ClassVar = PATH
    STATUSES: ClassVar = incoming.STATES
    rows: list[IncomingRow] = []  # noqa: RUF012 - the framework copies it

    @staticmethod
    def _read(session: Session, actor: Actor, given: dict[str, str]) -> tuple[Any, ...]:
        page = incoming.list_webhooks(session, actor=actor, status=given["status"] or None, q=given["q"], cursor=given["cursor"] or None)
        figures = {row.id: health.health(session, actor=actor, incoming_id=row.id) for row in page.data}
        return page, figures, incoming.counts(session, actor=actor)

    def _show(self, found: tuple[Any, ...]) -> None:
        page, figures, counts = found
        self.rows = [incoming_row(row, figures[row.id]) for row in page.data]
        self._paged(page, counts)


class NewIncomingState(Making, rx.State):
    """The making of one: from a known source or plainly."""

    sources: list[dict[str, str]] = []  # noqa: RUF012
    targets: list[str] = []  # noqa: RUF012
    source: str = ""
    label: str = ""
    scheme: str = ""
    place: str = ""
    about: str = ""
    hint: str = ""
    module: str = ""
    missing_module: str = ""
    starter: str = ""
    starter_label: str = ""
    installing: bool = False
    action: str = "create"
    key: str = ""

    @rx.event
    @needs(permissions.INCOMING_READ)
    async def load(self) -> None:
        """Begin anew; `?source=` chooses one."""
        self._anew()
        self.installing = False
        await self._prepare()

    @rx.event
    @needs(permissions.INCOMING_READ)
    def choose(self, name: str) -> rx.event.EventSpec:
        """Another source; it is in the address."""
        return rx.redirect(with_query(f"{PATH}/new", source=name))

    @rx.event
    @needs(permissions.MODULES_WRITE)
    async def install(self) -> Any:
        """Make the modules of the starter set that the source's mapping fits."""
        self.installing = True
        yield
        try:
            await bridge.call(self, modules.install, write=True, name=self.starter)
            await self._prepare()
        finally:
            self.installing = False

    @rx.event
    @needs(permissions.INCOMING_WRITE)
    async def create(self, form: dict[str, Any]) -> Any:
        """Make it; its address goes to the browser once."""
        if self.created_id:
            return
        self._begin()
        yield
        with self._saving():
            row, token = await bridge.call(self, incoming.create, write=True, values=self._values(form))
            self.created_id, self.created_name = row.id, row.name
            yield secret.reveal(incoming.url(token))

    @rx.event
    @needs(permissions.INCOMING_READ)
    def done(self) -> rx.event.EventSpec:
        """The address is stored: on to the mapping, which waits for the first request."""
        return rx.redirect(f"{PATH}/{self.created_id}?tab=mapping")

    async def _prepare(self) -> None:
        rows = await bridge.call(self, modules.all_modules)
        self.sources = source_rows(presets.every())
        self.targets = [*(row.name for row in rows), inputs.ORDERS]
        self._choose(query(self, "source")["source"])

    def _choose(self, name: str) -> None:
        preset = presets.find(name) if name else None
        self.source, self.label = (preset.name, preset.label) if preset else ("", "")
        self.scheme = scheme_word(preset.verification) if preset else ""
        self.place = preset.label if preset and preset.category != "custom" else "the source"
        self.about = preset.description if preset else ""
        self.hint = preset.secret_hint if preset and preset.verification["scheme"] != "none" else ""
        wanted = (preset.module if preset else None) or ""
        self.module = wanted if wanted in self.targets else self.targets[0]
        self.missing_module = wanted if wanted not in self.targets else ""
        having = (each for each in starters.SETS.values() if any(module.name == self.missing_module for module in each.modules))
        found = next(having, None)
        self.starter, self.starter_label = (found.name, found.label) if found is not None else ("", "")
        self.action = preset.action if preset and not self.missing_module else "create"
        self.key = (preset.upsert_field if preset and not self.missing_module else None) or ""

    def _values(self, form: dict[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = {"name": text(form, "name") or self.label, "module": text(form, "module")}
        values |= {"action": text(form, "action") or "create", "upsert_field": text(form, "upsert_field") or None}
        if self.source:
            values["source"] = self.source
        if typed := text(form, "secret"):
            preset = presets.find(self.source)
            values["verification"] = {**(preset.verification if preset else {"scheme": "none"}), "secret": typed}
        return values
