"""Which texts can be stored: those that UTF-8 and every database can carry. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_HALVES: Final = re.compile("[\ud800-\udfff]")


def is_storable(value: Any) -> bool:
    """Whether no text in a JSON value, names of fields included, has a NUL or half of a surrogate pair."""
    return not any(_UNSTORABLE.search(text) for text in _texts(value))


def storable(text: str) -> str:
    """`text` with a replacement character for each that cannot be stored."""
    return _UNSTORABLE.sub("\ufffd", text)


def readable(value: Any) -> Any:
    """A JSON value of bounded depth with a replacement character for each that UTF-8 cannot carry, names of fields included."""
    if isinstance(value, str):
        return value if value.isascii() else _HALVES.sub("\ufffd", value)
    if isinstance(value, dict):
        return {readable(name): readable(item) for name, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [readable(item) for item in cast("list[Any]", value)]
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
