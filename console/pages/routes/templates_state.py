"""Owns the gallery of templates, and installing one."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.templates import service as templates
from backend.templates.service import Offered
from console import bridge, inputs
from console.auth import needs
from console.components import secret
from console.pages.routes.rows import AskedRow, MadeRow, TemplateRow, asked_rows, made_rows, template_row
from console.states import Form, Page

PREFIX = "t:"


class TemplatesState(Form, Page, rx.State):
    """The gallery."""

    READS: ClassVar = permissions.INTEGRATIONS_READ
    rows: list[TemplateRow] = []  # noqa: RUF012 - the framework copies it
    asked: list[AskedRow] = []  # noqa: RUF012
    made: list[MadeRow] = []  # noqa: RUF012
    steps: list[str] = []  # noqa: RUF012
    chosen: TemplateRow = TemplateRow()
    is_open: bool = False
    installed: str = ""
    revealing: str = ""

    @rx.event
    @needs(permissions.INTEGRATIONS_READ)
    async def load(self) -> None:
        """Read the templates."""
        self.is_open, self.installed, self.revealing, self.busy, self.errors = False, "", "", False, {}
        await self._fetch()

    @rx.event
    @needs(permissions.INTEGRATIONS_WRITE)
    async def open(self, name: str) -> None:
        """Ask for what a template needs."""
        found = await bridge.read(self, lambda session, actor: templates.list_templates(session, actor=actor))
        offered = next((each for each in found if each.template.name == name), None)
        if offered is not None:
            self.chosen, self.asked, self.errors, self.is_open = template_row(offered), asked_rows(offered), {}, True

    @rx.event
    @needs(permissions.INTEGRATIONS_READ)
    def close(self) -> None:
        """Leave things as they are."""
        self.is_open = False

    @rx.event
    @needs(permissions.INTEGRATIONS_READ)
    def stored(self) -> None:
        """The address is stored."""
        self.revealing = ""

    @rx.event
    @needs(permissions.INTEGRATIONS_WRITE)
    async def install(self, form: dict[str, Any]) -> Any:
        """Make everything of the template; a new address goes to the browser once."""
        self._begin()
        yield
        with self._saving():
            given = {row.name: inputs.text(form, PREFIX + row.name) for row in self.asked}
            entered = {name: value for name, value in given.items() if value}
            done = await bridge.call(self, templates.install, write=True, name=self.chosen.name, inputs=entered)
            self.is_open, self.installed = False, done.template.title
            self.made, self.steps = made_rows(done), list(done.template.next_steps)
            if done.secrets:
                self.revealing = f"The address of {done.secrets[0].name}"
                yield secret.reveal(done.secrets[0].url)
            yield rx.toast.info(f"Installed {done.template.title}.")

    async def _fetch(self) -> None:
        found = await self._found(_read)
        if found is not None:
            self.rows = [template_row(each) for each in found]


def _read(session: Session, actor: Actor) -> list[Offered]:
    return templates.list_templates(session, actor=actor)
