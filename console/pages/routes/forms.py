"""What the form of a route sends, as the service takes it; and a mapping as the texts of that form."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.core.errors import FieldError, Invalid
from backend.routing.values import Occasion
from console import inputs
from console.pages.webhooks import forms as webhook_forms

PREFIX: Final = "m:"
_ONE: Final = re.compile(r"\{([^{}]+)\}")


def values(form: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a route under the names of its service. Raises `Invalid` for what is no JSON."""
    errors: list[FieldError] = []
    integration_id, _, action = inputs.text(form, "target").partition("|")
    further = inputs.json_value(form, "mapping", errors) or []
    if not isinstance(further, list):
        errors.append(FieldError("mapping", "is no list.", "Begin with [ and end with ]."))
    taken = {
        "name": inputs.text(form, "name"),
        "events": webhook_forms.events(form),
        "filter": inputs.json_object(form, "filter", errors) or None,
        "integration_id": integration_id,
        "action": action,
        "mapping": [*_rules(form), *(further if isinstance(further, list) else [])],
    }
    if errors:
        raise Invalid(*errors)
    return taken


def occasion(form: Mapping[str, Any]) -> Occasion:
    """The event that a route is tried with."""
    return Occasion(event_id=inputs.text(form, "event_id") or None)


def as_texts(mapping: Sequence[Mapping[str, Any]]) -> tuple[dict[str, str], list[Mapping[str, Any]]]:
    """A mapping as texts by target; and the entries that say more than a text can."""
    texts: dict[str, str] = {}
    rest: list[Mapping[str, Any]] = []
    for rule in mapping:
        text = _text_of(rule)
        if text is None:
            rest.append(rule)
        else:
            texts[str(rule["target"])] = text
    return texts, rest


def _rules(form: Mapping[str, Any]) -> list[dict[str, Any]]:
    typed = {name.removeprefix(PREFIX): str(form[name]).strip() for name in form if name.startswith(PREFIX)}
    return [_rule(name, text) for name, text in typed.items() if text]


def _rule(target: str, text: str) -> dict[str, Any]:
    one = _ONE.fullmatch(text)
    if one is not None:  # the value itself, which may be a list
        return {"source": one[1].strip(), "target": target}
    has_values = "{" in text or "}" in text
    change = {"name": "template", "text": text} if has_values else {"name": "constant", "value": text}
    return {"source": "", "target": target, "transform": [change]}


def _text_of(rule: Mapping[str, Any]) -> str | None:
    changes = rule.get("transform") or []
    if rule.keys() - {"source", "target", "transform"}:
        return None
    if not changes:
        return "{" + str(rule["source"]) + "}" if rule.get("source") else None
    if len(changes) != 1 or rule.get("source"):
        return None
    if changes[0].get("name") == "template":
        return str(changes[0]["text"])
    value = changes[0].get("value")
    is_constant = changes[0].get("name") == "constant" and isinstance(value, str)
    return str(value) if is_constant and "{" not in str(value) and "}" not in str(value) else None
