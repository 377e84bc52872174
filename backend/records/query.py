"""What a list of records is asked for: parameters and filters of API, console and docs, checked against the module. Pure.

`email=ada@example.com`, `amount[gte]=10`, `status[in]=open,won`, `filter={"all": […]}` in the grammar of `core.filters` with the
names of the fields, `sort=name` or `sort=-name`, `q` for the beginnings of words, `limit` and `cursor`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson

from backend.core import filters, ids, texts
from backend.core.errors import FieldError, Invalid
from backend.core.filters import All, AnyOf, Condition, Filter, Not
from backend.core.pagination import DEFAULT_LIMIT, MAX_LIMIT
from backend.records import keys, names, values
from backend.records.definition import Definition
from backend.records.fields import SORTABLE, Field, FieldType

ID: Final = "id"
UPDATED_AT: Final = "updated_at"
MAX_Q: Final = 200
_PARAMETER: Final = re.compile(r"([A-Za-z][A-Za-z0-9_]*)(?:\[([a-z_]+)\])?")
_ORDERED: Final = frozenset({"gt", "gte", "lt", "lte"})
_WORDY: Final = frozenset({"contains", "starts_with"})
_OWN: Final = {
    "id": Field("id", "id", "Id", FieldType.TEXT),
    "created_at": Field("created_at", "created_at", "Created at", FieldType.DATETIME),
    "updated_at": Field("updated_at", "updated_at", "Updated at", FieldType.DATETIME),
}


@dataclass(frozen=True, slots=True)
class Sort:
    """The order: by `id` (time of creation), `updated_at`, or the key of a field."""

    key: str = ID
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a field's index in which everything lies that a condition takes: from `low`, up to and with `high`.

    `covers` says that the condition takes everything in it, so that it need not be asked again.
    """

    key: str
    low: str
    high: str
    condition: Condition | None
    covers: bool = False

    @property
    def is_point(self) -> bool:
        """Whether it is a single key, under which records stand in the order of their ids."""
        return self.low == self.high


@dataclass(frozen=True, slots=True)
class Query:
    """A list that is asked for. `spans` are those of the conditions that all must hold; `words` begin as they are given."""

    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    sort: Sort = Sort()
    filter: Filter | None = None
    spans: tuple[Span, ...] = ()
    id_from: str | None = None
    id_before: str | None = None
    words: tuple[str, ...] = ()
    is_empty: bool = False

    @property
    def is_bare(self) -> bool:
        """Whether it is a page of all records, newest first."""
        return self.filter is None and not self.words and not self.is_empty and self.sort == _NEWEST_FIRST


_NEWEST_FIRST: Final = Sort()


def parse(definition: Definition, parameters: Iterable[tuple[str, str]]) -> Query:
    """The query that the parameters mean. Raises `Invalid` with every mistake, each with its path and what would be right."""
    errors: list[FieldError] = []
    given: dict[str, str] = {}
    conditions: list[Filter] = []
    alike: dict[str, list[Any]] = {}
    for name, text in parameters:
        if name in {"limit", "cursor", "sort", "q", "filter"}:
            given[name] = text
        elif (match := _PARAMETER.fullmatch(name)) is None or (field := _field(definition, match[1])) is None:
            errors.append(_unknown(definition, name))
        elif match[2] in {None, "eq"}:
            alike.setdefault(match[1], []).extend(_read(field, text, name, errors))
        elif (condition := _simple(field, match[2], text, name, errors)) is not None:
            conditions.append(condition)
    conditions += [_alike(definition, name, wanted) for name, wanted in alike.items() if wanted]
    if "filter" in given:
        conditions += _document(definition, given["filter"], errors)
    limit = _limit(given.get("limit"), errors)
    sort = _sort(definition, given.get("sort"), errors)
    q = given.get("q", "").strip()
    if len(q) > MAX_Q or not texts.is_storable(q):
        errors.append(FieldError("q", "is not usable.", f"Search for at most {MAX_Q} characters."))
    if errors:
        raise Invalid(*errors)
    return _planned(definition, conditions, limit=limit, cursor=given.get("cursor") or None, sort=sort, q=q)


def _planned(definition: Definition, conditions: Sequence[Filter], *, limit: int, cursor: str | None, sort: Sort, q: str) -> Query:
    is_id = ids.is_id(q, "rec")
    words = [] if is_id else keys.split(q)
    if is_id:
        conditions = [*conditions, Condition((ID,), "eq", q)]
    parts = [part for condition in conditions for part in _flat(condition)]
    by_key = {field.key: field for field in definition.fields}
    low, high = _id_bounds(parts)
    spans = [span for part in parts if isinstance(part, Condition) and (span := _span(by_key, part)) is not None]
    spans += [Span(keys.WORDS, *keys.prefix(word), None) for word in words]
    return Query(
        limit=limit,
        cursor=cursor,
        sort=sort,
        filter=All(tuple(parts)) if parts else None,
        spans=tuple(spans),
        id_from=low,
        id_before=high,
        words=tuple(words),
        is_empty=bool(q) and not words and not is_id,
    )


def _alike(definition: Definition, name: str, wanted: list[Any]) -> Filter:
    """The condition that a field has one of the values given for it."""
    field = _field(definition, name)
    assert field is not None  # noqa: S101 - it was found when the values were read
    return _resolved(field, "eq", wanted[0]) if len(wanted) == 1 else _resolved(field, "in", wanted)


def _flat(part: Filter) -> list[Filter]:
    """The parts of nested `all`s."""
    return [one for each in part.parts for one in _flat(each)] if isinstance(part, All) else [part]


def _field(definition: Definition, name: str) -> Field | None:
    return definition.by_name.get(name) or _OWN.get(names.snake(name))


def _unknown(definition: Definition, name: str) -> FieldError:
    known = {*(field.name for field in definition.fields), *_OWN, "limit", "cursor", "sort", "q", "filter"}
    near = difflib.get_close_matches(name.partition("[")[0], known, n=1)
    fix = f"Did you mean {near[0]}?" if near else f"GET /api/v1/modules/{definition.name} lists the fields."
    return FieldError(name[:80], f"is no field of {definition.name} and no parameter of this list.", fix)


def _limit(text: str | None, errors: list[FieldError]) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MAX_LIMIT):
        errors.append(FieldError("limit", "is out of range.", f"Use 1 to {MAX_LIMIT}."))
        return DEFAULT_LIMIT
    return int(text)


def _sort(definition: Definition, text: str | None, errors: list[FieldError]) -> Sort:
    if not text:
        return _NEWEST_FIRST
    name, descending = text.removeprefix("-"), text.startswith("-")
    field = _field(definition, name)
    if field is None or field.type not in SORTABLE:
        known = [one.name for one in (*definition.fields, *_OWN.values()) if one.type in SORTABLE]
        near = difflib.get_close_matches(name, known, n=1)
        fix = f"Did you mean {near[0]}?" if near else "Use the name of a field, with - before it for the largest first."
        errors.append(FieldError("sort", f"cannot sort by {name[:70]!r}.", fix))
        return _NEWEST_FIRST
    return Sort(ID if field.key == "created_at" else field.key, descending)


def _read(field: Field, text: str, path: str, errors: list[FieldError]) -> list[Any]:
    try:
        return [values.read(field, text)]
    except values.Unfit as wrong:
        errors.append(wrong.at(path))
        return []


def _simple(field: Field, op: str, text: str, path: str, errors: list[FieldError]) -> Filter | None:
    """The condition that `field[op]=text` means."""
    before = len(errors)
    if (wrong := _wrong_op(field, op)) is not None:
        errors.append(FieldError(path, *wrong))
        return None
    if op == "exists":
        wanted: Any = {"true": True, "1": True, "false": False, "0": False}.get(text.lower())
        if wanted is None:
            errors.append(FieldError(path, "is neither true nor false.", "Send true for present, false for absent."))
    elif op == "in":
        wanted = [value for one in text.split(",")[: filters.MAX_CHOICES + 1] for value in _read(field, one, path, errors)]
        if len(wanted) > filters.MAX_CHOICES:
            errors.append(FieldError(path, "has too many choices.", f"Send at most {filters.MAX_CHOICES}."))
    elif op in _WORDY and field.type is not FieldType.MULTI_SELECT:
        wanted = text
    else:
        found = _read(field, text, path, errors)
        wanted = found[0] if found else None
    return _resolved(field, op, wanted) if len(errors) == before else None


def _wrong_op(field: Field, op: str) -> tuple[str, str] | None:
    if op not in filters.OPERATORS:
        near = difflib.get_close_matches(op, filters.OPERATORS, n=1)
        return f"{op[:30]!r} is no operator.", f"Did you mean {near[0]}?" if near else f"Use one of {', '.join(filters.OPERATORS)}."
    if field.type is FieldType.JSON and op != "exists":
        return "looks into a json field.", "Use exists, or keep what you look for in a field of its own."
    is_text = field.type in keys.SEARCHED or field.key == ID
    if op in _WORDY and not is_text and not (op == "contains" and field.type is FieldType.MULTI_SELECT):
        return f"does not work on a {field.type} field.", "Use eq, or gte and lte."
    if op in _ORDERED and field.type in {FieldType.MULTI_SELECT, FieldType.BOOLEAN, FieldType.REFERENCE}:
        return f"has no order on a {field.type} field.", "Use eq or in."
    return None


def _document(definition: Definition, text: str, errors: list[FieldError]) -> list[Filter]:
    """The filter in the parameter `filter`, by keys."""
    try:
        parsed = filters.parse(orjson.loads(text))
    except orjson.JSONDecodeError:
        errors.append(FieldError("filter", "is no JSON.", 'Write it as {"field": "amount", "op": "gte", "value": 10}.'))
        return []
    except Invalid as wrong:
        errors.extend(wrong.errors)
        return []
    found = _translated(definition, parsed, "filter", errors)
    return [found] if found is not None else []


def _translated(definition: Definition, part: Filter, path: str, errors: list[FieldError]) -> Filter | None:
    match part:
        case Condition():
            return _condition(definition, part, path, errors)
        case Not():
            inner = _translated(definition, part.part, f"{path}.not", errors)
            return Not(inner) if inner is not None else None
        case All() | AnyOf():
            name = "all" if isinstance(part, All) else "any"
            inner = [_translated(definition, one, f"{path}.{name}[{index}]", errors) for index, one in enumerate(part.parts)]
            return type(part)(tuple(one for one in inner if one is not None))


def _condition(definition: Definition, part: Condition, path: str, errors: list[FieldError]) -> Filter | None:
    name = ".".join(part.field)
    field = _field(definition, name)
    if field is None:
        unknown = _unknown(definition, name)
        errors.append(FieldError(f"{path}.field", f"{name[:70]!r} {unknown.message}", unknown.fix))
        return None
    if (wrong := _wrong_op(field, part.op)) is not None:
        errors.append(FieldError(f"{path}.op", *wrong))
        return None
    try:
        return _resolved(field, part.op, _checked(field, part.op, part.value))
    except values.Unfit as unfit:
        errors.append(unfit.at(f"{path}.value"))
        return None


def _checked(field: Field, op: str, value: Any) -> Any:
    if op == "exists":
        return value
    if op == "in":
        return [_checked(field, "eq", one) for one in cast("list[Any]", value)]
    if field.type is FieldType.MULTI_SELECT:
        return values.read(field, value) if isinstance(value, str) else values.check(field, [value])[0]
    if op in _WORDY:
        if not isinstance(value, str) or not texts.is_storable(value):
            raise values.Unfit("is no text.", "Send a text.")
        return value
    if value is None:
        raise values.Unfit("is null.", "Use exists with false for records without a value.")
    return values.check(field, value)


def _resolved(field: Field, op: str, value: Any) -> Filter:
    """A condition on a field's key; on choices of which there may be several, each is asked for by itself."""
    place = (field.key,)
    if field.type is FieldType.MULTI_SELECT and op != "exists":
        if op == "in":
            return AnyOf(tuple(Condition(place, "contains", one) for one in value))
        found = Condition(place, "contains", value)
        return Not(found) if op == "ne" else found
    if op in _WORDY and field.type is FieldType.EMAIL:
        value = value.lower()
    return Condition(place, op, value)


def _span(by_key: Mapping[str, Field], part: Condition) -> Span | None:
    """Where in an index everything lies that a condition takes."""
    key, op, value = part.field[0], part.op, part.value
    if key == UPDATED_AT:
        field = _OWN[UPDATED_AT]
    elif (found := by_key.get(key)) is None:
        return None
    else:
        field = found
    exact = keys.is_exact(field)
    if op == "eq" or (op == "contains" and field.type is FieldType.MULTI_SELECT):
        one = keys.key(field, value) if op == "eq" else keys.keys(field, [value])[0]
        is_short = field.type in {FieldType.SELECT, FieldType.MULTI_SELECT, FieldType.EMAIL} and len(value) <= keys.KEPT
        return Span(key, one, one, part, covers=exact or is_short)
    if op == "starts_with":
        return Span(key, *keys.prefix(value), part)
    if op in _ORDERED and exact:
        bound = keys.key(field, value)
        low, high = (bound, keys.HIGHEST) if op in {"gt", "gte"} else (keys.LOWEST, bound)
        return Span(key, low, high, part, covers=op in {"gte", "lte"})
    return None


def _id_bounds(parts: Sequence[Filter]) -> tuple[str | None, str | None]:
    """The ids (from, before) between which all records lie that were created as the conditions say."""
    low: list[str] = []
    high: list[str] = []
    for part in parts:
        if not isinstance(part, Condition) or part.field[0] not in {"created_at", ID} or part.op not in {"eq", *_ORDERED}:
            continue
        if part.field[0] == ID:
            if part.op in {"eq", "gt", "gte"}:
                low.append(part.value)
            if part.op in {"eq", "lt", "lte"}:
                high.append(f"{part.value}~")  # after it, before every longer one that is an id
            continue
        at = values.unix_ms(part.value)
        if part.op in {"eq", "gte", "gt"}:
            low.append(ids.floor("rec", at + (part.op == "gt")))
        if part.op in {"eq", "lte", "lt"}:
            high.append(ids.floor("rec", at + (part.op != "lt")))
    return max(low, default=None), min(high, default=None)
