"""Owns the building of a mapping: a sample whose leaves are clicked, fields that take them, and what the last requests would become."""

from __future__ import annotations

import contextlib
import json
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.core.errors import CrossdockError, FieldError, Invalid, NotFound
from backend.incoming import inputs, presets, replaying, requests
from backend.incoming import service as incoming
from backend.records import definition, modules
from console import bridge
from console.auth import needs
from console.pages.incoming.mapping_rows import (
    CHANGES,
    ITEMS,
    LeafRow,
    RuleRow,
    TrialRow,
    in_list,
    leaf_rows,
    rule_rows,
    rules_of,
    trial_row,
)
from console.states import Form, Page
from console.urls import last_part, query

_LOOKED_AT = 10


class MappingState(Form, Page, rx.State):
    """The mapping of one incoming webhook."""

    READS: ClassVar = permissions.INCOMING_READ
    leaves: list[LeafRow] = []  # noqa: RUF012 - the framework copies it
    rules: list[RuleRow] = []  # noqa: RUF012
    trials: list[TrialRow] = []  # noqa: RUF012
    sample_of: str = ""
    is_example: bool = False
    leaf: str = ""
    target: str = ""
    mapping: str = "[]"
    is_changed: bool = False
    problem: str = ""
    trying: bool = False
    has_tried: bool = False
    _subject: str = ""

    @rx.event
    @needs(permissions.INCOMING_READ)
    async def load(self) -> None:
        """Read the mapping and a sample."""
        if self._subject != last_part(self):
            self._subject = last_part(self)
            self.leaves, self.rules, self.trials, self.sample_of = [], [], [], ""
            self.is_changed, self.loading, self.has_tried, self.errors = False, True, False, {}
        self.leaf, self.problem, self.busy, self.trying = "", "", False, False
        await self._fetch()

    @rx.event
    @needs(permissions.INCOMING_WRITE)
    def pick_leaf(self, path: str) -> None:
        """Take a place of the sample; the next field that is clicked gets it."""
        self.leaf = "" if self.leaf == path else path[:400]

    @rx.event
    @needs(permissions.INCOMING_WRITE)
    def pick_field(self, name: str) -> None:
        """Give a field the place that was taken."""
        if not self.leaf:
            return
        self.problem = ""
        if name == ITEMS or name.startswith(f"{ITEMS}."):
            self._pick_of_items(name)
        else:
            self._change(name, source=self.leaf)
        self.leaf = ""

    @rx.event
    @needs(permissions.INCOMING_WRITE)
    def drop_field(self, name: str) -> None:
        """Map nothing to a field."""
        parts = [row.target for row in self.rules if name == ITEMS and row.target.startswith(f"{ITEMS}.")]
        for each in (name, *parts):
            self._change(each, source="", change="", fallback="", told="")

    @rx.event
    @needs(permissions.INCOMING_WRITE)
    def change_field(self, name: str, change: str) -> None:
        """Say what is done to a field's value."""
        if change in CHANGES:
            self._change(name, change=change, told="")

    @rx.event
    @needs(permissions.INCOMING_WRITE)
    def fill_field(self, name: str, value: str) -> None:
        """Say what a field gets where the source has nothing for it; alone, it is what the field always gets."""
        given = value.strip()[:400]
        if any(row.target == name and row.fallback != given for row in self.rules):
            self._change(name, fallback=given)

    @rx.event
    @needs(permissions.INCOMING_OPERATE)
    async def rehearse(self) -> Any:
        """Try it on the last requests; nothing is kept."""
        self.problem, self.trying = "", True
        yield
        try:
            changes = {"field_mapping": self._rules()}
            found = await bridge.call(self, replaying.rehearse, write=True, incoming_id=last_part(self), changes=changes, limit=_LOOKED_AT)
            self.trials, self.has_tried = [trial_row(each) for each in found], True
        except CrossdockError as error:
            self.problem = " ".join(bridge.field_errors(error).values())
        finally:
            self.trying = False

    @rx.event
    @needs(permissions.INCOMING_WRITE)
    async def save(self) -> Any:
        """Keep the mapping; requests are mapped by it from now on."""
        self._begin()
        self.problem = ""
        yield
        with self._saving():
            await bridge.call(self, incoming.update, write=True, incoming_id=last_part(self), changes={"field_mapping": self._rules()})
            self.is_changed = False
            await self._fetch()
            yield rx.toast.info("Saved the mapping.")
        self.problem = " ".join(self.errors.values())

    @rx.event
    @needs(permissions.INCOMING_WRITE)
    async def save_text(self, form: dict[str, Any]) -> Any:
        """Keep a mapping that was written as JSON."""
        self._begin()
        self.problem = ""
        yield
        with self._saving():
            try:
                written = json.loads(str(form.get("mapping") or "[]"))
            except ValueError as error:
                raise Invalid(FieldError("mapping", f"is no JSON: {error}.", "Close every quote and bracket.")) from None
            await bridge.call(self, incoming.update, write=True, incoming_id=last_part(self), changes={"field_mapping": written})
            self.is_changed = False
            await self._fetch()
            yield rx.toast.info("Saved the mapping.")

    def _rules(self) -> list[dict[str, Any]]:
        return rules_of(self.rules, json.loads(self.mapping))

    def _pick_of_items(self, name: str) -> None:
        """Give the items of an order their list, and a part of each item its place in them."""
        items = next((row for row in self.rules if row.target == ITEMS), None)
        if items is None or items.kind != "list":  # a module may have a field of this name
            self._change(name, source=self.leaf)
            return
        where, part = in_list(self.leaf, items.source)
        if not where or (name != ITEMS and not part):
            self.problem = f"{self.leaf} is in no list of objects. Items take values from a list, such as line_items[0].sku."
            return
        self._change(ITEMS, source=where, change="", told="", fallback="")
        if name != ITEMS:
            self._change(name, source=part)

    def _change(self, name: str, **parts: str) -> None:
        for row in self.rules:
            if row.target == name:
                for part, value in parts.items():
                    setattr(row, part, value)
                self.is_changed = True
        self.rules = list(self.rules)

    async def _fetch(self) -> None:
        wanted, chosen = last_part(self), query(self, "sample")["sample"]
        try:
            found = await self._found(lambda session, actor: _read(session, actor, wanted, chosen))
        except NotFound:
            return  # the page says so
        if found is not None:
            self._show(found)

    def _show(self, found: tuple[Any, ...]) -> None:
        row, target, module, sample_of, payload, is_example = found
        if sample_of != self.sample_of or is_example != self.is_example or not self.leaves:
            self.leaves, self.sample_of, self.is_example = leaf_rows(payload) if payload is not None else [], sample_of, is_example
        self.target = target.name or inputs.ORDERS
        if not self.is_changed:
            self.mapping = json.dumps(row.mapping, indent=2, ensure_ascii=False)
            self.rules = rule_rows(row.mapping, target, module)


def _read(session: Session, actor: Actor, wanted: str, chosen: str) -> tuple[Any, ...]:
    """The webhook, its target, and a sample: the chosen request, else the newest that was taken and can be read, else an example."""
    row = incoming.get(session, actor=actor, incoming_id=wanted)
    module = None
    if row.target != inputs.ORDERS:
        module = definition.from_row(modules.get(session, actor=actor, name=row.module))
    target = inputs.Target.of(module) if module is not None else inputs.Target.orders()
    arrivals = sorted(
        requests.latest(session, actor=actor, incoming_id=wanted), key=lambda each: (not each.verified, each.status == "rejected")
    )
    readable = [each.id for each in arrivals if each.outcome != "handshake"]
    for request_id in [*([chosen] if chosen else []), *readable]:
        with contextlib.suppress(NotFound):  # what an address chose may be gone
            shown = requests.sample(session, actor=actor, incoming_id=wanted, request_id=request_id)
            if shown.payload is not None:
                return row, target, module, request_id, _first(row.items, shown.payload), False
    preset = presets.find(row.source) if row.source else None
    return row, target, module, "", _first(row.items, preset.sample) if preset is not None else None, True


def _first(items: str, payload: Any) -> Any:
    """What one record is made of: the payload, or the first item of the list in it."""
    found = replaying.first_item(items, payload)
    return payload if found is None else found
