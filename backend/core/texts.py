"""Which texts can be stored: those that UTF-8 and every database can carry. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_HALVES: Final = re.compile("[\ud800-\udfff]")
_Json = TypeVar("_Json")


def is_storable(value: Any) -> bool:
    """Whether no text in a JSON value, names of fields included, has a NUL or half of a surrogate pair."""
    return not any(_UNSTORABLE.search(text) for text in _texts(value))


def storable(value: _Json) -> _Json:
    """A text or a JSON value of bounded depth with a replacement character for each that cannot be stored, names of fields included."""
    return cast("_Json", _replaced(value, _UNSTORABLE))


def readable(value: Any) -> Any:
    """A JSON value of bounded depth with a replacement character for each that UTF-8 cannot carry, names of fields included."""
    return _replaced(value, _HALVES)


def _replaced(value: Any, unfit: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return unfit.sub("\ufffd", value)
    if isinstance(value, dict):
        return {unfit.sub("\ufffd", name): _replaced(item, unfit) for name, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_replaced(item, unfit) for item in cast("list[Any]", value)]
    return value


def _texts(value: Any) -> Iterator[str]:
    """Every text in `value`, however deeply it is nested."""
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping):
            fields = cast("Mapping[str, Any]", item)
            yield from fields
            rest.extend(fields.values())
        elif isinstance(item, list | tuple):
            rest.extend(cast("Sequence[Any]", item))
