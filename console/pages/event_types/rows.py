"""What the browser is told of event types, and what their forms send."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backend.core.errors import FieldError, Invalid
from backend.event_types.catalogue import EventTypeInfo
from console import inputs


@dataclass
class Piece:
    """Words of a sentence, or a name in it that is written as code."""

    text: str = ""
    is_code: bool = False


@dataclass
class TypeRow:
    """An event type, in the list and on its own page; `kind` is built_in, custom or archived."""

    name: str = ""
    about: str = ""
    pieces: list[Piece] = field(default_factory=list[Piece])
    group: str = ""
    kind: str = ""
    is_deprecated: bool = False
    version: str = ""
    sample: str = ""
    schema: str = ""
    call: str = ""


def kind(info: EventTypeInfo) -> str:
    """Under which tab it is listed."""
    return "built_in" if info.built_in else "archived" if info.archived else "custom"


def type_row(info: EventTypeInfo) -> TypeRow:
    """All of an event type; `call` publishes its sample."""
    body = json.dumps({"type": info.name, "data": info.sample}, ensure_ascii=False).replace("'", "'\\''")
    return TypeRow(
        name=info.name,
        about=info.description,
        pieces=[Piece(text, bool(number % 2)) for number, text in enumerate(info.description.split("`")) if text],
        group=info.group,
        kind=kind(info),
        is_deprecated=info.deprecated,
        version=str(info.version),
        sample=json.dumps(info.sample, indent=2, ensure_ascii=False),
        schema=written(info.json_schema),
        call=f'curl BASE/api/v1/events \\\n  -H "Authorization: Bearer $CROSSDOCK_KEY" \\\n  -H "Content-Type: application/json" \\\n  -d \'{body}\'',
    )


def written(schema: dict[str, Any] | None) -> str:
    """A schema as its control holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) if schema else ""


def matches(info: EventTypeInfo, q: str) -> bool:
    """Whether somebody who searches for `q` means it."""
    return all(word in f"{info.name} {info.description} {info.group}".casefold() for word in q.casefold().split())


def values(form: Mapping[str, Any]) -> dict[str, Any]:
    """A form under the names of the service. Raises `Invalid` for what is no JSON object, or too long."""
    errors: list[FieldError] = []
    given = {
        "description": inputs.text(form, "description"),
        "group": inputs.text(form, "group"),
        "sample": inputs.json_object(form, "sample", errors),
        "json_schema": inputs.json_object(form, "json_schema", errors) or None,
    }
    errors += [
        FieldError(name, f"has {len(given[name]):,} characters.", f"Use at most {most:,}.")
        for name, most in (("description", 1000), ("group", 60))
        if len(given[name]) > most
    ]
    if errors:
        raise Invalid(*errors)
    return given
