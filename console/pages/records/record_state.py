"""Owns the page of one record, or of one to be made: its form, its deletion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.core.errors import Invalid
from backend.records import definition, modules
from backend.records import service as records
from backend.records.fields import Field
from backend.records.service import RecordInfo
from console import bridge
from console.auth import needs
from console.pages.records import forms
from console.pages.records.paths import NEW, PATH, module_of
from console.pages.records.rows import InputRow, input_row, title
from console.states import Asking, Form
from console.urls import last_part

_CHOICES: Final = 50  # records that a reference is offered


@dataclass
class RecordDetail:
    """A record on its own page; `typed` is what its deletion asks for."""

    id: str = ""
    module: str = ""
    label: str = ""
    title: str = ""
    typed: str = ""
    created: str = ""
    updated: str = ""
    is_new: bool = False


class RecordState(Form, Asking, rx.State):
    """One record."""

    READS: ClassVar = permissions.RECORDS_READ
    ASKS: ClassVar = ("delete",)
    record: RecordDetail = RecordDetail()
    inputs: list[InputRow] = []  # noqa: RUF012 - the framework copies it

    @rx.event
    @needs(permissions.RECORDS_WRITE)
    async def save(self, form: dict[str, Any]) -> Any:
        """Make the record, or save what was changed."""
        self._begin()
        yield
        with self._saving():
            module, record_id = module_of(self), last_part(self)
            saved = await bridge.call(self, _save, write=True, module=module, record_id=record_id, form=form)
            if record_id == NEW:
                yield rx.redirect(f"{PATH}/{module}/{saved.id}")
            else:
                await self._fetch()
            yield rx.toast.info("Saved.")

    @rx.event
    @needs(permissions.RECORDS_DELETE)
    async def delete(self, form: dict[str, Any]) -> Any:
        """Delete it, if what it is called was typed."""
        if not self._is_named(form, self.record.typed):
            return
        with self._answering():
            module = module_of(self)
            await bridge.call(self, records.delete, write=True, module=module, record_id=last_part(self))
            yield rx.redirect(f"{PATH}/{module}")
            yield rx.toast.info("Deleted.")

    def _open(self, *, anew: bool) -> None:
        super()._open(anew=anew)
        self.errors = {}
        if anew:
            self.record, self.inputs = RecordDetail(), []

    def _wanted(self) -> str:
        return f"{module_of(self)}/{last_part(self)}"

    @staticmethod
    def _read(session: Session, actor: Actor, wanted: str) -> tuple[Any, ...]:
        module, _, record_id = wanted.partition("/")
        row = modules.get(session, actor=actor, name=module)
        fields = definition.from_row(row).fields
        found = None if record_id == NEW else records.get(session, actor=actor, module=module, record_id=record_id)
        others = {each.module: _others(session, actor, each.module) for each in fields if each.module}
        return row, fields, found, others

    def _show(self, found: tuple[Any, ...]) -> None:
        row, fields, record, others = found
        document: Mapping[str, Any] = record.document if record else {each.name: each.default for each in fields}
        name = title(fields, document) if record else ""
        self.record = RecordDetail(
            id=record.id if record else "",
            module=row.name,
            label=row.label,
            title=name or (f"…{record.id[-8:]}" if record else ""),
            typed=name or "delete",
            created=str(document.get("created_at") or ""),
            updated=str(document.get("updated_at") or ""),
            is_new=record is None,
        )
        self.inputs = [input_row(each, document.get(each.name), others.get(each.module, ())) for each in fields]


def _save(session: Session, *, actor: Actor, module: str, record_id: str, form: Mapping[str, Any]) -> RecordInfo:
    """Make or change a record by its form. Raises `Invalid` with every mistake."""
    fields: tuple[Field, ...] = definition.from_row(modules.get(session, actor=actor, name=module)).fields
    is_new = record_id == NEW
    given, wrong = forms.record(form, fields, is_new=is_new)
    try:
        if is_new:
            return records.create(session, actor=actor, module=module, values=given)
        return records.update(session, actor=actor, module=module, record_id=record_id, values=given)
    except Invalid as error:
        raise forms.told(error, wrong) from None


def _others(session: Session, actor: Actor, module: str) -> list[tuple[str, str]]:
    """The id and the title of the newest records of a module."""
    fields = definition.from_row(modules.get(session, actor=actor, name=module)).fields
    page = records.list_records(session, actor=actor, module=module, parameters=[("limit", str(_CHOICES))])
    return [(record.id, title(fields, record.document)) for record in page.data]
