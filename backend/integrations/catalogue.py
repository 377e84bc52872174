"""The catalogue of providers: one file for each, read once, and the words by which types of integrations were known."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from backend.core.errors import FieldError, Invalid, NotFound
from backend.integrations.entry import CATEGORIES, Auth, Entry

_FOLDER: Final = Path(__file__).parent / "providers"
# What older clients call the types; the value is a category, or a provider.
_OLDER_TYPES: Final = MappingProxyType(
    {
        "payment": "payments",
        "design_tools": "design",
        "marketing_automation": "marketing",
        "mail": "email",
        "messaging": "communication",
        "zapier": "automation",
        "make": "automation",
        "n8n": "automation",
    }
)
_PROVIDERS_AS_TYPES: Final = frozenset({"zapier", "make", "n8n"})


@functools.cache
def entries() -> dict[str, Entry]:
    """Every provider by its id, by name."""
    found = [Entry.model_validate_json(path.read_bytes()) for path in sorted(_FOLDER.glob("*.json"))]
    return {entry.id: entry for entry in sorted(found, key=place)}


def place(entry: Entry) -> str:
    """Where a provider stands in the catalogue: by its name."""
    return f"{entry.name.lower()} {entry.id}"


def get(provider: str) -> Entry:
    """A provider. Raises `NotFound`."""
    found = entries().get(provider)
    if found is None:
        raise NotFound(f"There is no provider {provider[:60]!r} in the catalogue. GET /api/v1/integrations/providers lists them.")
    return found


def known(provider: str) -> Entry:
    """A provider that an input names, in any case and with blanks or dashes. Raises `Invalid`."""
    name = provider.strip().lower().replace("-", "_").replace(" ", "_")
    found = entries().get(name)
    if found is None:
        raise Invalid(
            FieldError(
                "provider", f"{provider[:60]!r} is not in the catalogue.", "Use one of GET /api/v1/integrations/providers, or custom."
            )
        )
    return found


def auth_of(entry: Entry, wanted: str | None, given: Sequence[str]) -> Auth:
    """The way to authenticate that is meant: by its id, else the one whose required fields are given best. Raises `Invalid`."""
    if wanted:
        found = next((each for each in entry.auth if each.id == wanted), None)
        if found is None:
            offered = ", ".join(each.id for each in entry.auth)
            raise Invalid(FieldError("auth", f"{wanted[:40]!r} is no way to authenticate with {entry.name}.", f"Use one of: {offered}."))
        return found
    names = set(given)

    def fit(auth: Auth) -> tuple[int, int]:
        needed = {field.name for field in auth.fields if field.required}
        return len(names & {field.name for field in auth.fields}) - len(needed - names), -entry.auth.index(auth)

    return max(entry.auth, key=fit) if names else entry.auth[0]


def category(word: str) -> tuple[str, str | None]:
    """The category that a type means, by any of its names and in any case, and the provider if that is one. Raises `Invalid`."""
    name = word.strip().lower().replace("-", "_").replace(" ", "_")
    found = _OLDER_TYPES.get(name, name)
    if found not in CATEGORIES:
        raise Invalid(FieldError("type", f"{word[:40]!r} is no type of integrations.", f"Use one of: {', '.join(CATEGORIES)}."))
    return found, name if name in _PROVIDERS_AS_TYPES else None


def type_at(word: str) -> str:
    """The category that a path names. Raises `NotFound`."""
    try:
        return category(word)[0]
    except Invalid as error:
        raise NotFound(error.detail) from None


def of_category(word: str) -> list[Entry]:
    """The providers of a type. Raises `Invalid`."""
    found, provider = category(word)
    return [entry for entry in entries().values() if found in entry.categories and (provider is None or entry.id == provider)]
