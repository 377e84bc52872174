"""Keys that sort as the values do, words that records are found by, and hashes of what must be unique. Pure."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable
from typing import Any, Final

import orjson

from backend.records.fields import SEARCHED, Field, FieldType

NULL: Final = ""
WORDS: Final = ""  # the field under which a record's words stand
KEPT: Final = 60  # characters of a text
_WORD_KEPT: Final = 40
_MAX_WORDS: Final = 40
_SEARCHED_CHARS: Final = 2000
_MARK: Final = "="
_WORD: Final = re.compile(r"\w+")
_LAST: Final = "\U0010ffff"
LOWEST: Final = _MARK  # below every key but that of null
HIGHEST: Final = _MARK + _LAST
_BITS: Final = (1 << 64) - 1
# Texts are told apart, found and sorted whatever their case; of the others the key is exact.
_TEXTS: Final = SEARCHED | {FieldType.MULTI_SELECT}


def keys(field: Field, value: Any) -> tuple[str, ...]:
    """The keys under which a record stands in a field's index: one, or one for each choice. Nothing for json."""
    if field.type is FieldType.JSON:
        return ()
    if field.type is FieldType.MULTI_SELECT:
        return tuple(dict.fromkeys(_text(option) for option in value)) if value else (NULL,)
    return (key(field, value),)


def key(field: Field, value: Any) -> str:
    """The key of one value; that of null sorts before every other."""
    if value is None:
        return NULL
    if field.type in _TEXTS:
        return _text(value)
    if field.type is FieldType.NUMBER:
        return _MARK + _number(value)
    if field.type is FieldType.BOOLEAN:
        return _MARK + ("1" if value else "0")
    return _MARK + value  # dates and ids sort as they are written


def is_exact(field: Field) -> bool:
    """Whether keys are in the order of the values, case and length included."""
    return field.type not in _TEXTS


def prefix(text: str) -> tuple[str, str]:
    """The bounds (from, up to) between which the keys of texts lie that begin with `text`, whatever their case."""
    begin = _text(text)
    return begin, begin + _LAST


def words(values: Iterable[tuple[Field, Any]]) -> frozenset[str]:
    """The keys of the words in a record's texts, at most 40."""
    found: dict[str, None] = {}
    for field, value in values:
        if value is None or field.type not in SEARCHED:
            continue
        found.update(dict.fromkeys(split(value[:_SEARCHED_CHARS])))
        if field.type is FieldType.PHONE:
            found["".join(char for char in value if char.isdigit())[:_WORD_KEPT]] = None
        if len(found) >= _MAX_WORDS:
            break
    return frozenset(_MARK + word for word in list(found)[:_MAX_WORDS])


def split(text: str) -> list[str]:
    """The words of a text in lower case."""
    return [word[:_WORD_KEPT] for word in _WORD.findall(text.lower())]


def digest(value: Any) -> str:
    """What is stored of a unique value: 128 bits of BLAKE2b in hex."""
    return hashlib.blake2b(orjson.dumps(value), digest_size=16).hexdigest()


def _text(value: str) -> str:
    return _MARK + value[: KEPT * 2].lower()[:KEPT]


def _number(value: float) -> str:
    """16 hex digits in the order of the numbers: IEEE 754's bits, all of them flipped below zero, else the sign alone."""
    (bits,) = struct.unpack(">Q", struct.pack(">d", value))
    return f"{bits ^ (_BITS if bits >> 63 else 1 << 63):016x}"
