"""Known sources, one JSON file each: how they are verified, a mapping to start from, and a payload as they send it."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

_FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Preset:
    """A source. `module`, `action` and `upsert_field` are where its requests usually go; `secret_hint` says where its secret is found."""

    name: str
    label: str
    category: str
    description: str
    secret_hint: str
    module: str | None
    action: str
    upsert_field: str | None
    items: str | None
    verification: Mapping[str, Any]
    field_mapping: tuple[Mapping[str, Any], ...]
    sample: Any

    def start(self, fields: Collection[str]) -> dict[str, Any]:
        """What a new webhook of this source begins with, as far as the target has the fields; no mapping if one is missing."""
        if not all(rule["target"] in fields for rule in self.field_mapping):
            return {"field_mapping": []}
        found: dict[str, Any] = {"field_mapping": list(self.field_mapping), "action": self.action}
        found |= {"items": self.items} if self.items else {}
        return found | ({"upsert_field": self.upsert_field} if self.upsert_field else {})


@functools.cache
def every() -> tuple[Preset, ...]:
    """All known sources, those of one vendor before those that fit many."""
    return tuple(_read(path) for path in sorted(_FOLDER.glob("*.json")))


def find(name: str) -> Preset | None:
    """A source by its name, in any case."""
    plain = name.strip().lower().replace("-", "_").replace(" ", "_")
    return next((preset for preset in every() if preset.name == plain), None)


def _read(path: Path) -> Preset:
    found = orjson.loads(path.read_bytes())
    return Preset(
        name=path.stem.lstrip("0123456789-"),
        label=found["label"],
        category=found["category"],
        description=found["description"],
        secret_hint=found["secret_hint"],
        module=found.get("module"),
        action=found.get("action", "create"),
        upsert_field=found.get("upsert_field"),
        items=found.get("items"),
        verification=found["verification"],
        field_mapping=tuple(found["field_mapping"]),
        sample=found["sample"],
    )
