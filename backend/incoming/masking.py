"""Owns what of a stored request is personal: the places from which a module's fields marked `pii` are filled, hidden in what is shown.

By the mapping and the module as they are now: marking a field hides its values in everything that is kept already. Pure but for `of`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlmodel import Session

from backend.core.errors import Invalid, NotFound
from backend.incoming import mapping, processing
from backend.incoming.inputs import ORDERS
from backend.incoming.mapping import Cell, Rule
from backend.incoming.paths import MISSING, Path
from backend.incoming.plans import Plan
from backend.records import definition

MASKED: Final = "[masked]"
_COMPOSING: Final = "function_expression"  # what a function makes has no place of its own in a payload
_EVERYTHING: Final = frozenset({"current", "value_projection"})


@dataclass(frozen=True, slots=True)
class Personal:
    """Which fields of the target are personal, and the places that fill them. `names` is None where the module is gone: then all are."""

    names: frozenset[str] | None
    places: tuple[Path, ...]
    items: Path | None
    is_mapped: bool

    @property
    def is_any(self) -> bool:
        """Whether there is anything to hide."""
        return self.names is None or bool(self.names)

    def hide(self, value: Any) -> Any:
        """A payload without what is personal: the same members, their values replaced. While nothing is mapped, by the fields' names.

        To be called with what `storage.redacted` made, which is bounded in depth.
        """
        if not self.is_any:
            return value
        if not self.is_mapped:
            return _hidden(value) if self.names is None else _where(value, _Wanted(self.names, is_whole=True))
        if self.items is None:
            return self._hide_one(value)
        if self.items.steps is None:
            return self._hide_loosely(value, self.items)
        return _at(value, self.items.steps, self._hide_each)

    def _hide_each(self, found: Any) -> Any:
        return [self._hide_one(item) for item in cast("list[Any]", found)] if isinstance(found, list) else found

    def _hide_one(self, item: Any) -> Any:
        bare = item
        for place in self.places:
            bare = _at(bare, place.steps, _hidden) if place.steps is not None else _by_expression(bare, place, place.read(item))
        return bare

    def _hide_loosely(self, value: Any, items: Path) -> Any:
        """Where an expression makes the items, which then have no places: whatever is named, or has the value, of what fills a field."""
        kinds, _ = _nodes(items)
        if _COMPOSING in kinds:
            return _hidden(value)
        found: Any = items.read(value)
        some = cast("list[Any]", found) if isinstance(found, list) else []
        names: set[str] = set()
        for place in self.places:
            names |= _nodes(place)[1] if place.steps is None else {step for step in place.steps if isinstance(step, str)}
        values = {leaf for item in some for place in self.places for leaf in _leaves(place.read(item))}
        return _where(value, _Wanted(frozenset(names), frozenset(values)))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be hidden: values of members with these names, these values; with `is_whole` also everything below such a member."""

    names: frozenset[str]
    values: frozenset[Any] = frozenset()
    is_whole: bool = False


def of(session: Session, plan: Plan) -> Personal:
    """What is personal of the requests of a plan, as its module says now."""
    if plan.target == ORDERS:
        return Personal(frozenset(), (), None, is_mapped=bool(plan.rules))
    try:
        module = definition.of(session, plan.workspace_id, plan.module)
    except NotFound:
        return Personal(None, _places(plan.rules), plan.items, is_mapped=bool(plan.rules))
    names = frozenset(name for name, field in module.by_name.items() if field.pii)
    # A field that was renamed since cannot be told, so it counts as marked where any is.
    rules = [rule for rule in plan.rules if names and (rule.target in names or rule.target not in module.by_name)]
    return Personal(names, _places(rules), plan.items, is_mapped=bool(plan.rules))


def hidden_targets(personal: Personal, plan: Plan, payload: Any) -> frozenset[str]:
    """The fields whose values, as `plan` maps them, are personal or are made of what is; `payload` as `storage.redacted` made it."""
    marked = frozenset(rule.target for rule in plan.rules) if personal.names is None else personal.names
    before, after = _cells(plan, payload), _cells(plan, personal.hide(payload))
    return marked | {cell.target for cell in before if cell not in after}


def _cells(plan: Plan, payload: Any) -> list[Cell]:
    items = processing.items_of(plan, payload)
    return mapping.apply(plan.rules, items[0]).cells if not isinstance(items, Invalid) and items else []


def _places(rules: Sequence[Rule]) -> tuple[Path, ...]:
    return tuple(place for rule in rules for place in places_of(rule))


def places_of(rule: Rule) -> list[Path]:
    """Everywhere that a rule takes a value from."""
    source = [rule.source] if rule.source is not None else []
    return [*source, *(place for transform in rule.transforms for place in transform.places())]


def _at(value: Any, steps: tuple[str | int, ...], change: Callable[[Any], Any]) -> Any:
    """A copy of `value` in which what is at `steps` is changed; as it is if nothing is there."""
    if not steps:
        return change(value)
    step, rest = steps[0], steps[1:]
    if isinstance(step, str) and isinstance(value, dict) and step in (fields := cast("dict[str, Any]", value)):
        return {**fields, step: _at(fields[step], rest, change)}
    if isinstance(step, int) and isinstance(value, list) and -len(items := cast("list[Any]", value)) <= step < len(items):
        copy = list(items)
        copy[step] = _at(items[step], rest, change)
        return copy
    return cast("Any", value)


def _hidden(value: Any) -> Any:
    """The same members and items with every value replaced; what is empty stays so."""
    if isinstance(value, dict):
        return {name: _hidden(each) for name, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_hidden(each) for each in cast("list[Any]", value)]
    return cast("Any", value) if value is None or value == "" else MASKED


def _by_expression(item: Any, place: Path, found: Any) -> Any:
    """An item without what an expression finds in it: what has the value of a part of that, and what the expression names."""
    kinds, names = _nodes(place)
    is_composed = _COMPOSING in kinds
    if not names or (is_composed and kinds & _EVERYTHING):
        return _hidden(item)
    return _where(item, _Wanted(names, frozenset(_leaves(found)), is_whole=is_composed or found is MISSING))


def _nodes(place: Path) -> tuple[frozenset[str], frozenset[str]]:
    """The kinds of an expression's nodes, and the names of members in it."""
    kinds: set[str] = set()
    names: set[str] = set()
    rest: list[Any] = [place.expression.parsed]
    while rest:
        node = rest.pop()
        if isinstance(node, dict):
            part = cast("dict[str, Any]", node)
            kinds.add(str(part.get("type")))
            if part.get("type") == "field":
                names.add(str(part.get("value")))
            rest.extend(cast("list[Any]", part.get("children", [])))
    return frozenset(kinds), frozenset(names)


def _leaves(value: Any) -> Iterator[Any]:
    """The texts and numbers in a value."""
    if isinstance(value, dict):
        value = list(cast("dict[str, Any]", value).values())
    if isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _leaves(each)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield value


def _where(value: Any, wanted: _Wanted, name: str = "") -> Any:
    if isinstance(value, dict):
        if wanted.is_whole and name in wanted.names:
            return _hidden(value)
        return {key: _where(each, wanted, key) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_where(each, wanted, name) for each in cast("list[Any]", value)]
    is_personal = name in wanted.names or (not isinstance(value, bool) and value in wanted.values)
    return _hidden(value) if is_personal else value
