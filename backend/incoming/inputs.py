"""What may be said about an incoming webhook: every field checked, every mistake told at once, with what would be right."""

from __future__ import annotations

import dataclasses
import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from backend.core import texts
from backend.core.errors import FieldError, Invalid
from backend.incoming import mapping, paths, schemes
from backend.incoming.mapping import Rule
from backend.orders import inputs as orders
from backend.records.definition import Definition

MAX_NAME: Final = 120
MAX_RATE: Final = 1_000_000
DEFAULT_RATE: Final = 1_000
ACTIONS: Final = ("create", "update", "upsert")
ORDERS: Final = "orders"
ORDER_KEY: Final = "external_id"
ORDER_FIELDS: Final = (*(name for name in orders.NewOrder.model_fields if name != "customer"), "status", "reason")
NAMES: Final = (
    "name", "module", "action", "upsert_field", "field_mapping", "items", "verification", "source", "rate_limit", "is_active",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: the orders, or a module, with the names of its fields and those that are unique or needed."""

    kind: str  # module | orders
    name: str
    fields: tuple[str, ...]
    unique: tuple[str, ...]
    needed: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def orders(cls) -> Target:
        """The orders, known by the provider's own id."""
        needed = tuple(name for name, each in orders.NewOrder.model_fields.items() if each.is_required())
        return cls(ORDERS, "", ORDER_FIELDS, (ORDER_KEY,), needed)

    @classmethod
    def of(cls, module: Definition) -> Target:
        """A module."""
        return cls(
            "module",
            module.name,
            tuple(each.name for each in module.fields),
            tuple(each.name for each in module.fields if each.unique),
            tuple(each.name for each in module.fields if each.required and each.default is None),
            {alias: each.name for alias, each in module.by_name.items()},
        )


@dataclass(slots=True)
class Clean:
    """Checked values by the names of columns; of the verification also its secrets, if any were sent."""

    columns: dict[str, Any]
    secrets: dict[str, str] | None = None


def clean(given: Mapping[str, Any], *, target: Target, current: Mapping[str, Any]) -> Clean:
    """The values that were sent as they are stored, over the `current` columns. Raises `Invalid` with every mistake."""
    errors: list[FieldError] = []
    columns: dict[str, Any] = {"target": target.kind, "module": target.name}
    secrets: dict[str, str] | None = None
    if "name" in given:
        columns["name"] = _name(given["name"], errors)
    if "rate_limit" in given:
        columns["rate_limit"] = _rate(given["rate_limit"], errors)
    if "is_active" in given:
        columns["state"] = _state(given["is_active"], errors)
    if "items" in given:
        columns["items"] = _items(given["items"], errors)
    if "verification" in given:
        columns["verification"], secrets = _verification(given["verification"], current.get("verification"), errors)
    action = columns["action"] = _action(given.get("action", current.get("action", "create")), errors)
    columns["upsert_field"] = _key(given.get("upsert_field", current.get("upsert_field")), action, target, errors)
    rules: tuple[Rule, ...]
    if "field_mapping" in given:
        rules = _rules(given["field_mapping"], target, errors)
        columns["mapping"] = [rule.document() for rule in rules]
    else:
        rules = mapping.stored(current.get("mapping", []))
    if not errors:
        errors += _gaps(rules, action, columns["upsert_field"], target)
    if errors:
        raise Invalid(*(FieldError(texts.storable(each.path), texts.storable(each.message), each.fix) for each in errors))
    return Clean(columns, secrets)


def _name(value: Any, errors: list[FieldError]) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text or len(text) > MAX_NAME or not text.isprintable():
        told = "is empty." if not text and isinstance(value, str) else "is not a name."
        errors.append(FieldError("name", told, f"Send a text of 1 to {MAX_NAME} characters that can be shown."))
    return text


def _rate(value: Any, errors: list[FieldError]) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_RATE:
        errors.append(FieldError("rate_limit", "is out of range.", f"Use 1 to {MAX_RATE:,} requests per minute, or null for no limit."))
        return None
    return value


def _state(value: Any, errors: list[FieldError]) -> str:
    if not isinstance(value, bool):
        errors.append(FieldError("is_active", "is neither true nor false.", "Send true or false."))
    return "active" if value is True else "disabled"


def _items(value: Any, errors: list[FieldError]) -> str:
    if value in (None, ""):
        return ""
    try:
        if isinstance(value, str):
            return paths.of(value).text or "@"
        errors.append(FieldError("items", "is no path.", "Name the list whose items become records, such as events."))
    except paths.BadPath as error:
        errors.append(FieldError("items", f"{error}.", "Name the list whose items become records, such as events."))
    return ""


def _verification(value: Any, current: Mapping[str, Any] | None, errors: list[FieldError]) -> tuple[dict[str, Any], dict[str, str] | None]:
    """The settings and the secrets; what is sent without a scheme changes the `current` one, so that none is switched off unasked."""
    if value is None:
        value = {"scheme": schemes.Scheme.NONE.value}
    if isinstance(value, str):
        value = {"scheme": value}
    if not isinstance(value, dict):
        errors.append(FieldError("verification", "is no object.", 'Send {"scheme": "github", "secret": "…"}.'))
        return {}, None
    document = cast("dict[str, Any]", value)
    if "scheme" not in document:
        document = {**(current or {}), **document}
        if "scheme" not in document:
            errors.append(FieldError("verification.scheme", "is missing.", f"Use one of {', '.join(schemes.Scheme)}."))
            return {}, None
    rest, secrets = schemes.secrets_of(document, errors)
    _, kept, wrong = schemes.parse(rest)
    errors += wrong
    if secrets and not wrong and kept["scheme"] == schemes.Scheme.NONE.value:
        errors.append(FieldError("verification.secret", "is checked by no scheme.", "Name the scheme, or leave the secret out."))
    dedupe = kept.get("dedupe", "")
    if isinstance(dedupe, str) and dedupe and not dedupe.startswith("header:"):
        try:
            paths.of(dedupe)
        except paths.BadPath as error:
            errors.append(FieldError("verification.dedupe", f"{error}.", "Name a path in the body, or header:X-Request-Id."))
    return kept, secrets


def _action(value: Any, errors: list[FieldError]) -> str:
    word = str(value).strip().lower()
    if word not in ACTIONS:
        errors.append(FieldError("action", f"{str(value)[:40]!r} is no action.", f"Use {', '.join(ACTIONS)}."))
        return ACTIONS[0]
    return word


def _key(value: Any, action: str, target: Target, errors: list[FieldError]) -> str | None:
    if action == "create":
        return None
    name = value.strip() if isinstance(value, str) else ""
    if target.kind == ORDERS:
        if name not in {"", ORDER_KEY}:
            errors.append(FieldError("upsert_field", f"{name[:60]!r} finds no order.", f"Orders are found by {ORDER_KEY}; leave it out."))
        return ORDER_KEY
    name = target.aliases.get(name, name)
    if name in target.unique:
        return name
    told = "is missing." if not name else f"{name[:60]!r} is no unique field of {target.name}."
    if target.unique:
        fix = f"Name the unique field by which the record is found: {' or '.join(target.unique)}."
    else:
        fix = f"{target.name} has no unique field by which a record could be found: make one of its fields unique first."
    errors.append(FieldError("upsert_field", told, fix))
    return None


def _rules(given: Any, target: Target, errors: list[FieldError]) -> tuple[Rule, ...]:
    if given is None:
        return ()
    known = {*target.fields, *target.aliases}
    found = mapping.parse(given, targets=known, errors=errors)
    rules = tuple(dataclasses.replace(rule, target=target.aliases.get(rule.target, rule.target)) for rule in found)
    twice = [name for name, count in Counter(rule.target for rule in rules).items() if count > 1]
    errors += [FieldError("field_mapping", f"{name!r} is mapped twice, in two spellings.", "Map each field once.") for name in twice]
    return rules


def _gaps(rules: Sequence[Rule], action: str, key: str | None, target: Target) -> list[FieldError]:
    """Fields without which no request could become what it shall. A mapping that is still empty is no mistake."""
    if not rules:
        return []
    mapped = {rule.target for rule in rules}
    needed = [*([key] if key else []), *(target.needed if action != "update" else ())]
    missing = [name for name in dict.fromkeys(needed) if name not in mapped]
    where = target.name or target.kind
    return [
        FieldError("field_mapping", f"nothing is mapped to {name}, which {where} needs for {action}.", f"Map a source to {name}.")
        for name in missing
    ]


def nearest(word: str, known: Sequence[str]) -> str:
    """What to do about a name that is not known."""
    near = difflib.get_close_matches(word, known, n=1)
    return f"Did you mean {near[0]}?" if near else f"Use one of {', '.join(known[:12])}." if known else "Make one first."
