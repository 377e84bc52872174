"""JSON text exactly as JavaScript's JSON.stringify writes it, which is what signed bodies are made of.

No spaces, raw UTF-8, key order kept, 1.0 as 1, 1e21 as 1e+21, -0 as 0, U+2028 raw, lone surrogates escaped
(ECMA-262 sections 25.5.2 and 6.1.6.1.20). Two exceptions, which the documentation names:

- keys that look like integers keep their place (an engine moves them to the front);
- integers above 2^53 keep all their digits (an engine rounds them).
"""

from __future__ import annotations

import json
import math
import re
from json.encoder import encode_basestring  # type: ignore[attr-defined]  # the C writer of one string; typeshed omits it
from typing import Any, Final, cast

import orjson

MAX_DEPTH: Final = 250
_TOO_DEEP: Final = f"The value is nested deeper than {MAX_DEPTH} levels. Flatten it."
_ORJSON_INTEGERS: Final = (-(2**63), 2**64)
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_SURROGATE_PAIR: Final = re.compile("([\ud800-\udbff])([\udc00-\udfff])")


class NotJson(ValueError):
    """A value that JSON cannot carry; the text says what and where."""


def stringify(value: Any) -> str:
    """The JSON text of `value`: dicts with text keys, lists, tuples, str, int, float, bool and None, to 250 levels.

    Lone surrogates are escaped, so the result always encodes to UTF-8. Raises `NotJson` for NaN, infinities, other
    types, other keys, and deeper nesting.
    """
    if _orjson_agrees(value, 0):
        try:
            return orjson.dumps(value).decode()
        except TypeError:
            pass  # a text with a lone surrogate, which orjson refuses and JavaScript escapes
    parts: list[str] = []
    _write(value, parts, "$")
    return "".join(parts)


def stringify_bytes(value: Any) -> bytes:
    """`stringify` as UTF-8 bytes: the body that is signed and sent."""
    return stringify(value).encode()


def parse(text: str) -> Any:
    """The value of a text that `stringify` wrote, such as the stored body of an event; integers and halves of pairs as they were.

    Raises `ValueError` for what is no JSON. (orjson refuses halves of pairs and makes long integers inexact.)
    """
    return json.loads(text)


def number(value: float) -> str:
    """A finite float as ECMAScript's Number::toString writes it. Raises `NotJson` for NaN and infinities."""
    if not math.isfinite(value):
        raise NotJson(f"{value} is not a JSON number. Send null or a text instead.")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    digits, point = _shortest(abs(value))
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    mantissa = digits if count == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{sign}{mantissa}e{point - 1:+d}"


def _shortest(value: float) -> tuple[str, int]:
    """The shortest digits that read back as `value`, and the position of the decimal point after the first of them."""
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    return digits.rstrip("0"), point


def _orjson_agrees(value: Any, depth: int) -> bool:
    """Whether orjson writes `value` as JavaScript does; its floats differ where whole (1.0, -0.0) or small (1e-6)."""
    kind = cast("type[Any]", type(value))
    if kind is str or value is None or kind is bool:
        return True
    if kind is int:
        return _ORJSON_INTEGERS[0] <= value < _ORJSON_INTEGERS[1]
    if kind is float:
        return 1e-5 <= abs(value) < 1e16 and not value.is_integer()
    if depth >= MAX_DEPTH:
        raise NotJson(_TOO_DEEP)
    if kind is dict:
        return all(type(key) is str and _orjson_agrees(item, depth + 1) for key, item in value.items())
    if kind is list or kind is tuple:
        return all(_orjson_agrees(item, depth + 1) for item in value)
    return False


def _write(value: Any, parts: list[str], path: str, depth: int = 0) -> None:
    if not isinstance(value, dict | list | tuple):
        parts.append(_scalar(value, path))
    elif depth >= MAX_DEPTH:
        raise NotJson(_TOO_DEEP)
    elif isinstance(value, dict):
        _write_object(cast("dict[Any, Any]", value), parts, path, depth)
    else:
        separator = "["
        for index, item in enumerate(cast("list[Any]", value)):
            parts.append(separator)
            _write(item, parts, f"{path}[{index}]", depth + 1)
            separator = ","
        parts.append("]" if separator == "," else "[]")


def _scalar(value: Any, path: str) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int):
        return _integer(value, path)
    if isinstance(value, float):
        return _float(value, path)
    raise NotJson(f"{path} is a {type(value).__name__}, which JSON cannot carry. Convert it to a text or a number first.")


def _write_object(value: dict[Any, Any], parts: list[str], path: str, depth: int) -> None:
    separator = "{"
    for key, item in value.items():
        if not isinstance(key, str):
            raise NotJson(f"{path} has the key {key!r}; keys of a JSON object are texts.")
        parts.extend((separator, _string(key), ":"))
        _write(item, parts, f"{path}.{key}", depth + 1)
        separator = ","
    parts.append("}" if separator == "," else "{}")


def _string(value: str) -> str:
    text: str = encode_basestring(value)
    if text.isascii() or not _SURROGATES.search(text):
        return text
    # Python keeps two halves of a pair apart where JavaScript sees one character.
    text = _SURROGATE_PAIR.sub(lambda pair: (pair[0].encode("utf-16-le", "surrogatepass")).decode("utf-16-le"), text)
    return _SURROGATES.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def _integer(value: int, path: str) -> str:
    try:
        return int.__repr__(value)
    except ValueError:
        raise NotJson(f"{path} is an integer of more digits than are allowed. Send it as a text.") from None


def _float(value: float, path: str) -> str:
    try:
        return number(value)
    except NotJson as error:
        raise NotJson(f"{path}: {error}") from None
