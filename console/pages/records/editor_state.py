"""Owns the editor of a module: its words, its fields, its rules, its deletion; and the making of a module."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.core.errors import CrossdockError, Invalid, Unconfirmed
from backend.models import Module
from backend.records import modules
from backend.records import service as records
from backend.records.definitions import ModuleInput
from backend.records.fields import FieldType
from console import bridge, words
from console.auth import needs
from console.pages.records import forms
from console.pages.records.paths import PATH, module_of
from console.pages.records.rows import FieldRow, field_errors, field_row
from console.states import Asking, Form


class EditorState(Form, Asking, rx.State):
    """The editor."""

    READS: ClassVar = permissions.MODULES_READ
    ASKS: ClassVar = ("confirm", "delete")
    name: str = ""
    label: str = ""
    singular: str = ""
    description: str = ""
    event_names: str = "snake"
    rules: str = ""
    events: list[str] = []  # noqa: RUF012 - the framework copies it
    fields: list[FieldRow] = []  # noqa: RUF012
    others: list[str] = []  # noqa: RUF012 - the modules that a reference may point to
    records: str = ""
    revision: str = ""
    is_new: bool = False
    doubt: str = ""
    _made: int = 0
    _form: dict[str, Any] = {}  # noqa: RUF012

    @rx.event
    @needs(permissions.MODULES_WRITE)
    def append_field(self) -> None:
        """A further field, at the end."""
        self.fields = [*self.fields, FieldRow(self._identifier())]

    @rx.event
    @needs(permissions.MODULES_WRITE)
    def remove_field(self, identifier: str) -> None:
        """Leave a field out; it is gone when the module is saved."""
        self.fields = [row for row in self.fields if row.id != identifier]
        self.errors = {}

    @rx.event
    @needs(permissions.MODULES_WRITE)
    def raise_field(self, identifier: str) -> None:
        """A field changes places with the one before it."""
        place = next((index for index, row in enumerate(self.fields) if row.id == identifier), 0)
        if place:
            rows = list(self.fields)
            rows[place - 1], rows[place] = rows[place], rows[place - 1]
            self.fields = rows

    @rx.event
    @needs(permissions.MODULES_WRITE)
    def set_kind(self, identifier: str, kind: str) -> None:
        """Give a field another type, and show what that needs."""
        if kind in list(FieldType):
            for row in self.fields:
                if row.id == identifier:
                    row.kind = kind
            self.fields = list(self.fields)

    @rx.event
    @needs(permissions.MODULES_WRITE)
    async def save(self, form: dict[str, Any]) -> Any:
        """Make the module, or change it; what would change or lose data is asked first."""
        self._begin()
        self._form = form
        yield
        try:
            yield await self._store(confirm=False)
        except Unconfirmed as error:
            self.ask, self.doubt, self.ask_error = "confirm", error.consequence, ""
        except Invalid as error:
            self.errors = field_errors(error, [row.id for row in self.fields])
        except CrossdockError as error:
            self.errors = {"": error.detail}
        finally:
            self.busy = False

    @rx.event
    @needs(permissions.MODULES_WRITE)
    async def confirm(self) -> Any:
        """Save although data is changed or lost by it."""
        with self._answering():
            yield await self._store(confirm=True)

    @rx.event
    @needs(permissions.MODULES_DELETE)
    async def delete(self, form: dict[str, Any]) -> Any:
        """Delete the module with its records, if its name was typed."""
        if not self._is_named(form, self.name):
            return
        with self._answering():
            await bridge.call(self, modules.delete, write=True, name=self.name, confirm=True)
            yield rx.redirect(PATH)
            yield rx.toast.info(f"Deleted {self.label}.")

    async def _store(self, *, confirm: bool) -> Any:
        given = forms.module(self._form, self.fields)
        if self.is_new:
            made = await bridge.call(
                self, modules.create, write=True, input=ModuleInput(name=str(self._form.get("name") or "").strip(), **given)
            )
            return rx.redirect(f"{PATH}/{made.name}")
        await bridge.call(self, modules.update, write=True, name=self.name, changes=given, confirm=confirm)
        await self._fetch()
        return rx.toast.info(f"Saved {self.label}.")

    def _identifier(self) -> str:
        self._made += 1
        return f"f{self._made}"

    def _open(self, *, anew: bool) -> None:
        super()._open(anew=anew)
        self.errors, self.doubt, self._form = {}, "", {}
        self.name, self.label, self.revision, self.fields = "", "", "", []  # what was begun and not saved is gone

    def _wanted(self) -> str:
        return module_of(self)

    def _is_followed(self) -> bool:
        return False  # what is being typed stays

    @staticmethod
    def _read(session: Session, actor: Actor, wanted: str) -> tuple[Any, ...]:
        others = [row.name for row in modules.all_modules(session, actor=actor)]
        if not wanted:
            return None, 0, others
        row: Module = modules.get(session, actor=actor, name=wanted)
        return row, records.count(session, actor=actor, module=wanted), others

    def _show(self, found: tuple[Any, ...]) -> None:
        row, number, self.others = found
        self.is_new = row is None
        if row is None:
            self.singular, self.description, self.event_names, self.rules, self.events, self.records = "", "", "snake", "", [], "0"
            self.revision = "new"
            self.fields = [FieldRow(self._identifier())]
            return
        described = modules.describe(row)
        self.name, self.label, self.singular, self.description = row.name, row.label, row.singular, row.description
        self.event_names, self.events, self.records = row.event_names, described["event_types"], words.capped(number)
        self.rules = json.dumps(described["rules"], indent=2, ensure_ascii=False) if described["rules"] else ""
        self.revision = f"{row.id}/{row.revision}"
        self.fields = [field_row(self._identifier(), document) for document in described["fields"]]
