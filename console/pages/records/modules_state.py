"""Owns the list of modules, and the installing of starter sets."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.records import modules
from backend.records import service as records
from console import bridge
from console.auth import needs
from console.pages.records.rows import ModuleRow, SetRow, module_row, set_row
from console.states import Page


class ModulesState(Page, rx.State):
    """The list."""

    READS: ClassVar = permissions.MODULES_READ
    rows: list[ModuleRow] = []  # noqa: RUF012 - the framework copies it
    sets: list[SetRow] = []  # noqa: RUF012
    installing: str = ""

    @rx.event
    @needs(permissions.MODULES_READ)
    async def load(self) -> None:
        """Read it."""
        await self._fetch()

    @rx.event
    @needs(permissions.MODULES_WRITE)
    async def install(self, name: str) -> Any:
        """Make the modules of a starter set that are not there yet."""
        self.installing = name
        yield
        try:
            installed = await bridge.call(self, modules.install, write=True, name=name)
        finally:
            self.installing = ""
        await self._fetch()
        made, kept = len(installed.made), len(installed.kept)
        there = f" {kept} {'was' if kept == 1 else 'were'} there and {'stays' if kept == 1 else 'stay'} as {'it is' if kept == 1 else 'they are'}."
        yield rx.toast.info(f"Made {made} module{'' if made == 1 else 's'}.{there if kept else ''}")

    async def _fetch(self) -> None:
        def read(session: Session, actor: Actor) -> tuple[Any, ...]:
            found = modules.all_modules(session, actor=actor)
            counted = [(module, records.count(session, actor=actor, module=module.name)) for module in found]
            return counted, modules.list_starter_sets(session, actor=actor)

        counted, sets = await self._found(read)
        self.rows = [module_row(module, number) for module, number in counted]
        self.sets = [set_row(found, there) for found, there in sets]
