"""How an integration syncs: direction, modules, which column of the provider goes with which field, and what happens in doubt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, cast

from backend.core.errors import FieldError, Invalid
from backend.integrations import catalogue
from backend.integrations.entry import Column, Entry, Push, Sync
from backend.models import Integration
from backend.records import names

MOST_FIELDS: Final = 200


class Direction(StrEnum):
    """Which way records go."""

    PULL = "pull"
    PUSH = "push"
    BOTH = "both"


class Conflict(StrEnum):
    """Whose value stays where both sides changed the same field since the sync before."""

    PROVIDER = "provider"
    CROSSDOCK = "crossdock"


class Removed(StrEnum):
    """What becomes of a record whose item the provider has removed."""

    KEEP = "keep"
    MARK = "mark"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Plan:
    """How one integration syncs. `pull` and `push` are fields by the names of columns; a column that is left out is left alone."""

    direction: Direction
    module: str
    push_module: str
    pull: Mapping[str, str]
    push: Mapping[str, str]
    conflict: Conflict = Conflict.PROVIDER
    removed: Removed = Removed.KEEP
    removed_field: str = ""

    @property
    def pulls(self) -> bool:
        """Whether something is brought."""
        return self.direction is not Direction.PUSH

    @property
    def pushes(self) -> bool:
        """Whether something is written."""
        return self.direction is not Direction.PULL

    @property
    def is_crossdock_first(self) -> bool:
        """Whether the record's value stays in doubt."""
        return self.direction is Direction.BOTH and self.conflict is Conflict.CROSSDOCK


def of(row: Integration) -> Plan:
    """The plan of an integration: what somebody chose, else what the catalogue says."""
    entry, chosen = catalogue.get(row.provider), row.sync_settings
    module = row.sync_module or (entry.sync.module if entry.sync is not None else "")
    return Plan(
        direction=Direction(row.sync_direction),
        module=module,
        push_module=(module if is_shared(entry) else chosen.get("push_module") or (entry.push.module if entry.push is not None else "")),
        pull=_mapping(entry.sync.columns if entry.sync is not None else (), chosen.get("mapping")),
        push=_mapping(columns(entry), chosen.get("mapping" if is_shared(entry) else "push_mapping")),
        conflict=Conflict(chosen.get("conflict") or Conflict.PROVIDER),
        removed=Removed(chosen.get("removed") or Removed.KEEP),
        removed_field=chosen.get("removed_field") or "",
    )


def columns(entry: Entry) -> tuple[Column, ...]:
    """The columns that are read from records for a provider."""
    if entry.push is None:
        return ()
    return entry.push.columns or (entry.sync.columns if entry.sync is not None else ())


def writable(entry: Entry) -> frozenset[str]:
    """Of these the names of those whose change is written; others help to make an item, or are the provider's own."""
    return frozenset(each.name for each in columns(entry) if not each.read_only)


def is_shared(entry: Entry) -> bool:
    """Whether what is brought and what is written are the same items."""
    return entry.sync is not None and entry.push is not None and entry.sync.resource == entry.push.resource


def directions(entry: Entry, auth: str) -> tuple[Direction, ...]:
    """The directions that a provider knows, for a way to authenticate."""
    can_push = pushing(entry, auth) is not None
    if pulling(entry, auth) is None:
        return (Direction.PUSH,) if can_push else ()
    return (Direction.PULL, Direction.PUSH, Direction.BOTH) if can_push else (Direction.PULL,)


def pulling(entry: Entry, auth: str) -> Sync | None:
    """What is brought, if anything is with this way to authenticate: the address of a webhook only takes messages."""
    return entry.sync if entry.auth_of(auth).kind != "webhook_url" else None


def pushing(entry: Entry, auth: str) -> Push | None:
    """How records are written, if they are with this way to authenticate."""
    push = entry.push
    return push if push is not None and (not push.auth or auth in push.auth) else None


def phases(entry: Entry, auth: str, direction: str) -> list[str]:
    """What a sync in this direction goes through, in order: pull, removed, push; nothing where nothing can be synced."""
    spec = pulling(entry, auth) if direction != Direction.PUSH else None
    pushes = direction != Direction.PULL and pushing(entry, auth) is not None
    lists = spec is not None and removals(spec) is not None
    return [*(["pull"] if spec is not None else []), *(["removed"] if lists else []), *(["push"] if pushes else [])]


def why_nothing(entry: Entry) -> str:
    """Why nothing is brought: by any way to authenticate, or by the address of a webhook; then which way would do."""
    if entry.sync is None:
        return entry.sync_missing
    others = " or ".join(each.label for each in entry.auth if pulling(entry, each.id) is not None)
    return f"The address of a webhook only takes messages. To bring {entry.sync.label.lower()}, add {entry.name} by: {others}."


def removals(spec: Sync) -> Sync | None:
    """The list of what the provider removed, read as a sync is; None where there is none."""
    way = spec.removal
    if way is None or way.call is None:
        return None
    return spec.model_copy(update={"call": way.call, "items": way.items, "id": way.id or spec.id, "paging": way.paging})


def change(row: Integration, changes: Mapping[str, Any]) -> None:
    """Change the given parts of an integration's plan. Raises `Invalid` with every mistake."""
    entry = catalogue.get(row.provider)
    before, errors = of(row), list[FieldError]()
    direction = _one_of("direction", changes.get("direction") or row.sync_direction, directions(entry, row.auth), errors)
    chosen = _chosen(row, entry, changes, errors)
    if errors:
        raise Invalid(*errors)
    row.sync_direction = direction
    row.sync_module = chosen.pop("module", None) or row.sync_module
    row.sync_settings = {name: value for name, value in chosen.items() if value not in (None, "")}
    after = of(row)
    if (before.module, before.pull) != (after.module, after.pull):
        row.sync_cursor = None
    if (before.push_module, before.push) != (after.push_module, after.push):
        row.push_cursor = None


def _chosen(row: Integration, entry: Entry, changes: Mapping[str, Any], errors: list[FieldError]) -> dict[str, Any]:
    chosen = dict(row.sync_settings)
    for name, kind in (("conflict", Conflict), ("removed", Removed)):
        if name in changes:
            chosen[name] = _one_of(name, changes[name], tuple(kind), errors)
    for name in ("module", "push_module", "removed_field"):
        if name in changes:
            chosen[name] = _name(name, changes[name], errors)
    for name, offered in (("mapping", entry.sync.columns if entry.sync is not None else ()), ("push_mapping", columns(entry))):
        if name in changes:
            chosen[name] = _checked(name, changes[name], offered, errors)
    if chosen.get("removed") == Removed.MARK and not chosen.get("removed_field"):
        errors.append(FieldError("removed_field", "is required to mark a record.", "Name a yes/no field of the module."))
    return chosen


def _mapping(offered: tuple[Column, ...], chosen: Mapping[str, Any] | None) -> dict[str, str]:
    told = {each.name: each.name for each in offered} | {name: str(value or "") for name, value in (chosen or {}).items()}
    known = {each.name for each in offered}
    return {name: value for name, value in told.items() if value and name in known}


def _one_of(name: str, value: Any, offered: tuple[StrEnum, ...], errors: list[FieldError]) -> str:
    words = [each.value for each in offered]
    if value in words:
        return str(value)
    fix = f"Use one of: {', '.join(words)}." if words else "Connected in this way it has nothing to sync."
    errors.append(FieldError(name, f"{str(value)[:40]!r} is not possible here.", fix))
    return ""


def _name(name: str, value: Any, errors: list[FieldError]) -> str:
    text = str(value or "").strip()
    if text and not names.is_name(text):
        errors.append(FieldError(name, f"{text[:40]!r} is no name.", "Use small letters, digits and underscores."))
    return text


def _checked(name: str, value: Any, offered: tuple[Column, ...], errors: list[FieldError]) -> dict[str, str]:
    """Fields by column; an empty one leaves its column alone."""
    if not isinstance(value, Mapping):
        errors.append(FieldError(name, "is no object.", "Send fields by the provider's columns."))
        return {}
    known = {each.name for each in offered}
    found: dict[str, str] = {}
    for column, wanted in list(cast("Mapping[str, Any]", value).items())[:MOST_FIELDS]:
        if column not in known:
            errors.append(FieldError(f"{name}.{str(column)[:60]}", "is no column here.", f"Use: {', '.join(sorted(known))}."))
        else:
            found[column] = _name(f"{name}.{column}", wanted, errors)
    used = [field for field in found.values() if field]
    errors += [
        FieldError(f"{name}.{column}", f"{field} takes two columns.", "Map each field once.")
        for column, field in found.items()
        if field and used.count(field) > 1
    ]
    return found
