"""Owns the list of a module's records: filters, order and search in the address."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.core.errors import Invalid, NotFound
from backend.core.pagination import Page as Found
from backend.records import definition, modules
from backend.records import service as records
from backend.records.fields import Field
from console import words
from console.auth import needs
from console.pages.records import filters, rows
from console.pages.records.paths import PATH, module_of
from console.pages.records.rows import ChoiceRow, ConditionRow, HeadRow, RecordRow, record_row
from console.states import Listing
from console.urls import with_query


class RecordsState(Listing, rx.State):
    """The list."""

    READS: ClassVar = permissions.RECORDS_READ
    FILTERS: ClassVar = ("sort", "where", "q")
    rows: list[RecordRow] = []  # noqa: RUF012 - the framework copies it
    heads: list[HeadRow] = []  # noqa: RUF012
    choices: list[ChoiceRow] = []  # noqa: RUF012
    conditions: list[ConditionRow] = []  # noqa: RUF012
    fields: list[list[str]] = []  # noqa: RUF012 - name and label of those that can be filtered by
    label: str = ""
    name: str = ""
    about: str = ""
    sort: str = ""
    where: str = ""
    missing: bool = False
    problem: str = ""

    @rx.event
    @needs(permissions.RECORDS_READ)
    def choose(self, name: str, value: str) -> rx.event.EventSpec:
        """Ask a field to have a value, or any if that is empty."""
        return self._go(where=filters.write(filters.pick(filters.read(self.where), name, value)))

    @rx.event
    @needs(permissions.RECORDS_READ)
    def narrow(self, form: dict[str, Any]) -> rx.event.EventSpec:
        """Add a condition."""
        given = (str(form.get(part) or "").strip()[:200] for part in ("field", "operator", "value"))
        return self._go(where=filters.write([*filters.read(self.where), filters.condition(*given)]))

    def _here(self) -> str:
        return f"{PATH}/{module_of(self)}"

    def _enter(self) -> None:
        self.rows, self.heads, self.label, self.name, self.missing = [], [], "", "", False

    async def _fetch(self) -> None:
        module, given = module_of(self), self._given()
        try:
            found = await self._found(lambda session, actor: _list(session, actor, module, given))
        except NotFound:
            self.missing = True
            return
        if found is not None:
            self._show(found)

    def _show(self, found: tuple[Any, ...]) -> None:
        row, page, number, titles = found
        known = definition.from_row(row)
        shown, pairs, here = rows.shown_fields(known.fields), filters.read(self.where), self._here()
        self.missing, self.label, self.name, self.about = False, row.label, row.name, row.description
        self.heads = [self._head(each.name, each.label, sorts=rows.can_sort(each), is_right=rows.is_right(each)) for each in shown]
        self.heads.append(self._head("updated_at", "Changed", sorts=True, is_right=True))
        self.choices = rows.choice_rows(known.fields, pairs)
        self.fields = [[each.name, each.label] for each in known.fields]
        offered = {choice.name for choice in self.choices}
        self.conditions = [
            ConditionRow(filters.told(pair, known.fields), self._at(filters.write([*pairs[:place], *pairs[place + 1 :]]), self.sort))
            for place, pair in enumerate(pairs)
            if pair[0] not in offered
        ]
        self.problem = " ".join(f"{each.path}: {each.message} {each.fix}" for each in page.errors) if isinstance(page, Invalid) else ""
        listed: Found[Any] = Found([], None) if isinstance(page, Invalid) else page
        self.rows = [record_row(record, shown, titles, here) for record in listed.data]
        self._paged(listed, {})
        self.is_filtered = bool(self.q or self.where)
        self.total = "" if self.is_filtered else words.capped(number)

    def _head(self, name: str, label: str, *, sorts: bool, is_right: bool) -> HeadRow:
        order = "ascending" if self.sort == name else "descending" if self.sort == f"-{name}" else "none"
        path = self._at(self.where, f"-{name}" if order == "ascending" else name)
        return HeadRow(name, label, is_right, path if sorts else "", order)

    def _at(self, where: str, sort: str) -> str:
        """This list by other conditions or in another order."""
        return with_query(self._here(), q=self.q, where=where, sort=sort)


def _list(session: Session, actor: Actor, module: str, given: dict[str, str]) -> tuple[Any, ...]:
    """The module, a page of its records or what is wrong with the filters, how many it has, and the titles of what they refer to."""
    row = modules.get(session, actor=actor, name=module)
    known = definition.from_row(row)
    asked = [(name, given[name]) for name in ("cursor", "sort", "q") if given[name]] + filters.read(given["where"])
    number = records.count(session, actor=actor, module=module)
    try:
        page = records.list_records(session, actor=actor, module=module, parameters=asked)
    except Invalid as error:
        return row, error, number, {}
    return row, page, number, _titles(session, actor, rows.shown_fields(known.fields), [record.document for record in page.data])


def _titles(session: Session, actor: Actor, shown: list[Field], documents: list[dict[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in shown:
        wanted = sorted({document[each.name] for document in documents if document.get(each.name)}) if each.module else []
        if not each.module or not wanted:
            continue
        fields = definition.from_row(modules.get(session, actor=actor, name=each.module)).fields
        asked = [("filter", json.dumps({"field": "id", "op": "in", "value": wanted})), ("limit", str(len(wanted)))]
        page = records.list_records(session, actor=actor, module=each.module, parameters=asked)
        found |= {record.id: rows.title(fields, record.document) for record in page.data}
    return found
