"""What starter sets are written with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backend.records.definitions import ModuleInput


@dataclass(frozen=True, slots=True)
class StarterSet:
    """Modules that belong together."""

    name: str
    label: str
    description: str
    modules: tuple[ModuleInput, ...]


def text(name: str, **more: Any) -> dict[str, Any]:
    """A text field."""
    return {"name": name, "type": "text", **more}


def field(name: str, kind: str, **more: Any) -> dict[str, Any]:
    """A field of any type."""
    return {"name": name, "type": kind, **more}


def select(name: str, *options: str, **more: Any) -> dict[str, Any]:
    """A field with options."""
    return {"name": name, "type": "select", "options": list(options), **more}


def reference(name: str, module: str, **more: Any) -> dict[str, Any]:
    """A field that refers to a record of another module."""
    return {"name": name, "type": "reference", "module": module, **more}


def created(publish: str) -> dict[str, Any]:
    """The rule for a new record."""
    return {"when": "created", "publish": publish}


def becomes(field_name: str, value: Any, publish: str) -> dict[str, Any]:
    """The rule for a field that gets a value."""
    return {"when": "becomes", "field": field_name, "value": value, "publish": publish}


def changes(field_name: str, publish: str) -> dict[str, Any]:
    """The rule for a field that gets another value."""
    return {"when": "changes", "field": field_name, "publish": publish}
