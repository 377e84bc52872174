"""What may be said about a route: every field checked, every mistake told at once, with what would be right. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from backend.core import filters, jsjson, texts
from backend.core.errors import FieldError, Invalid
from backend.event_types import service as event_types
from backend.incoming import mapping
from backend.incoming.inputs import nearest
from backend.integrations import catalogue
from backend.models import Integration
from backend.routing import actions
from backend.routing.actions import Action
from backend.webhooks import matching

NAMES: Final = ("name", "events", "filter", "integration_id", "action", "mapping", "is_active")
MAX_NAME: Final = 120
MAX_EVENTS: Final = 100
MAX_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Known:
    """What a workspace has: the names of its event types, and its integrations by id."""

    event_names: Collection[str]
    integrations: Mapping[str, Integration]


def clean(given: Mapping[str, Any], known: Known) -> dict[str, Any]:
    """All fields of a route, as they are stored under the names of columns. Raises `Invalid` with every mistake."""
    errors: list[FieldError] = []
    columns: dict[str, Any] = {
        "event_types": _events(given.get("events"), known.event_names, errors),
        "filter": _filter(given.get("filter"), errors),
        "is_active": _flag(given.get("is_active", True), errors),
    }
    integration = _integration(given.get("integration_id"), known, errors)
    action = _action(given.get("action"), integration, errors)
    columns["integration_id"] = integration.id if integration is not None else ""
    columns["action"] = action.id if action is not None else ""
    columns["mapping"] = _mapping(given.get("mapping"), action, errors)
    label = f"{action.label}: {integration.name}"[:MAX_NAME] if action is not None and integration is not None else ""
    columns["name"] = _name(given.get("name"), label, errors)
    if errors:
        raise Invalid(*(FieldError(texts.storable(each.path), texts.storable(each.message), each.fix) for each in errors))
    return columns


def _name(value: Any, otherwise: str, errors: list[FieldError]) -> str:
    if value in (None, ""):
        return otherwise
    text = value.strip() if isinstance(value, str) else ""
    if not text or len(text) > MAX_NAME or not text.isprintable():
        errors.append(FieldError("name", "is no name.", f"Send a text of 1 to {MAX_NAME} characters that can be shown."))
    return text


def _flag(value: Any, errors: list[FieldError]) -> bool:
    if not isinstance(value, bool):
        errors.append(FieldError("is_active", "is neither true nor false.", "Send true or false."))
    return value is True


def _events(value: Any, names: Collection[str], errors: list[FieldError]) -> list[str]:
    if not isinstance(value, list) or not value:
        errors.append(FieldError("events", "is empty.", "Choose at least one, such as order.created, order.* or * (all)."))
        return []
    entries = cast("list[Any]", value)
    if len(entries) > MAX_EVENTS:
        errors.append(FieldError("events", f"has {len(entries)} entries.", f"Use at most {MAX_EVENTS}, or group them as in order.*."))
        return []
    for index, entry in enumerate(entries):
        if not isinstance(entry, str):
            errors.append(FieldError(f"events[{index}]", "is no text.", "Send the name of an event type."))
        elif not matching.is_known(entry, names):
            errors.append(event_types.unknown(entry[:100], {*names, *matching.groups(names)}, path=f"events[{index}]"))
    return list(dict.fromkeys(str(entry) for entry in entries))


def _filter(value: Any, errors: list[FieldError]) -> dict[str, Any] | None:
    if value in (None, {}):
        return None
    try:
        filters.parse(value)
    except Invalid as error:
        errors += error.errors
    return _bounded("filter", value, errors)


def _integration(value: Any, known: Known, errors: list[FieldError]) -> Integration | None:
    if not isinstance(value, str) or not value:
        errors.append(FieldError("integration_id", "is missing.", "Choose the integration that acts; GET /api/v1/integrations lists them."))
        return None
    found = known.integrations.get(value)
    if found is None:
        fix = "GET /api/v1/integrations lists them."
        errors.append(FieldError("integration_id", f"{value[:60]!r} is no integration of this workspace.", fix))
    return found


def _action(value: Any, integration: Integration | None, errors: list[FieldError]) -> Action | None:
    word = value.strip().lower() if isinstance(value, str) else ""
    found = actions.ACTIONS.get(word)
    offered = [
        each.id for each in (actions.of(catalogue.get(integration.provider)) if integration is not None else actions.ACTIONS.values())
    ]
    if found is None:
        told = f"{word[:40]!r} is no action." if word else "is missing."
        errors.append(FieldError("action", told, _fix(word, integration, offered)))
    elif found.id not in offered and integration is not None:
        name = catalogue.get(integration.provider).name
        fix = f"It can do: {', '.join(offered)}." if offered else "Choose an integration that can: Slack, Gmail, Outlook, Google Calendar."
        errors.append(FieldError("action", f"{name} cannot do {found.id}.", fix))
    return found


def _fix(word: str, integration: Integration | None, offered: list[str]) -> str:
    if not word and integration is None:
        return "Choose an integration, and what it is to do."
    return nearest(word, offered) if offered else "Choose an integration that can do something."


def _mapping(value: Any, action: Action | None, errors: list[FieldError]) -> list[dict[str, Any]]:
    if value is None:
        value = []
    targets = None if action is None or action.open else set(action.by_name)
    before = len(errors)
    rules = mapping.parse(value, targets=targets, errors=errors, path="mapping")
    if action is not None and len(errors) == before and not (action.open and not rules):
        errors += actions.missing(action, {rule.target for rule in rules})
    documents = [rule.document() for rule in rules]
    _bounded("mapping", documents, errors)
    return documents


def _bounded(path: str, value: Any, errors: list[FieldError]) -> Any:
    try:
        size = len(jsjson.stringify_bytes(value))
    except jsjson.NotJson as error:
        errors.append(FieldError(path, str(error), "Send plain JSON."))
        return value
    if not texts.is_storable(value):
        errors.append(FieldError(path, "holds a text with U+0000 or half of a surrogate pair.", "Take those characters out."))
    elif size > MAX_BYTES:
        errors.append(FieldError(path, f"has {size:,} bytes.", f"Use at most {MAX_BYTES:,}."))
    return value
