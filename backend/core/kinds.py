"""What a body holds must be of the kind that its schema says: no text for a number, no number for a time, no 1 for true."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any, Final, cast

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

_NUMBER: Final = re.compile(r"\s*[+-]?[0-9_.]+(e[+-]?[0-9]+)?\s*", re.IGNORECASE)
# Members of a schema that are values or our own objects, and hold no schemas.
_NO_SCHEMAS: Final = frozenset({"metadata", "default", "cls", "config", "serialization"})


def is_number(text: str) -> bool:
    """Whether a text is a bare number, which pydantic would take for seconds or milliseconds since 1970."""
    return _NUMBER.fullmatch(text) is not None


def _tightened(part: Any) -> Any:
    if isinstance(part, list):
        return [_tightened(each) for each in cast("list[Any]", part)]
    if isinstance(part, tuple):
        return tuple(_tightened(each) for each in cast("tuple[Any, ...]", part))
    if not isinstance(part, dict):
        return part
    members = cast("dict[str, Any]", part)
    inner = {name: each if name in _NO_SCHEMAS else _tightened(each) for name, each in members.items()}
    check = _CHECKS.get(str(inner.get("type")))
    return inner if check is None else core_schema.no_info_before_validator_function(check, cast("CoreSchema", inner))


def _boolean(value: Any) -> Any:
    if not isinstance(value, bool):
        raise PydanticKnownError("bool_type")
    return value


def _whole(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise PydanticKnownError("int_type")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise PydanticKnownError("float_type")
    return value


def _time(value: Any) -> Any:
    if not isinstance(value, str | date) or (isinstance(value, str) and is_number(value)):
        raise PydanticKnownError("datetime_type")
    return value


_CHECKS: Final[dict[str, Callable[[Any], Any]]] = {"bool": _boolean, "int": _whole, "float": _number, "datetime": _time}


class Exact(BaseModel):
    """A model that converts nothing to booleans, numbers and times but what JSON has for them."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[BaseModel], handler: GetCoreSchemaHandler, /) -> CoreSchema:
        return cast("CoreSchema", _tightened(handler(source)))
