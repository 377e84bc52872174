"""What was known last of a pair of record and item, value by value: what differs from it has changed since. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from backend.core import crypto

_LENGTH = 12  # characters of a fingerprint; it only has to tell two values of one field apart


def mark(value: Any) -> str:
    """The short fingerprint of a value; empty for one that is empty."""
    if value in (None, "", []):
        return ""
    return crypto.fingerprint(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))[:_LENGTH]


def marks(values: Mapping[str, Any]) -> dict[str, str]:
    """The same of each value, by name."""
    return {name: mark(value) for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class Bases:
    """Fingerprints by column, of the provider's values and of the record's. A column that is missing was never known."""

    there: Mapping[str, str] = field(default_factory=dict[str, str])
    here: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, document: Mapping[str, Any] | None) -> Bases | None:
        """From what is stored."""
        return cls(document.get("there") or {}, document.get("here") or {}) if document is not None else None

    def document(self) -> dict[str, Any]:
        """As it is stored."""
        return {"there": dict(self.there), "here": dict(self.here)}

    def changed_there(self, values: Mapping[str, Any]) -> set[str]:
        """The columns whose value at the provider is another than was known."""
        return _differing(self.there, values)

    def changed_here(self, values: Mapping[str, Any]) -> set[str]:
        """The columns whose value in the record is another than was known."""
        return _differing(self.here, values)

    def agreed(self, there: Mapping[str, Any], here: Mapping[str, Any], columns: Iterable[str]) -> Bases:
        """The same with these columns as known from now on; the provider's values are known all."""
        known = {name: mark(here.get(name)) for name in columns}
        return Bases({**self.there, **marks(there)}, {**self.here, **known})


def _differing(base: Mapping[str, str], values: Mapping[str, Any]) -> set[str]:
    return {name for name, value in values.items() if mark(value) != base.get(name, "")}
