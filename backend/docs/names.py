"""Names of the components of the OpenAPI document, without the modules that the framework puts before those that are not unique. Pure."""

from __future__ import annotations

import re
from typing import Any, Final, cast

_LONG: Final = re.compile(r"backend__(\w+?)__\w+__(\w+)")
_PLACE: Final = "#/components/schemas/"


def shorten(schemas: dict[str, Any], document: dict[str, Any]) -> None:
    """Name each for its feature instead (`OrderStatus`), in `schemas` and wherever `document` refers to it."""
    renamed = {name: _short(*found.groups()) for name in schemas if (found := _LONG.fullmatch(name))}
    for name, short in renamed.items():
        schemas[short] = {**schemas.pop(name), "title": short}
    if renamed:
        _refer(document, {_PLACE + name: _PLACE + short for name, short in renamed.items()})


def _short(feature: str, name: str) -> str:
    """`api_keys` and `CheckOut` make `ApiKeyCheckOut`."""
    return "".join(word.capitalize() for word in feature.removesuffix("s").split("_")) + name


def _refer(part: Any, renamed: dict[str, str]) -> None:
    if isinstance(part, list):
        for each in cast("list[Any]", part):
            _refer(each, renamed)
    elif isinstance(part, dict):
        members = cast("dict[str, Any]", part)
        if (place := members.get("$ref")) in renamed:
            members["$ref"] = renamed[place]
        for each in members.values():
            _refer(each, renamed)
