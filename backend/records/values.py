"""What each type of field takes, and how a value is written once it is stored. Pure."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final, cast
from urllib.parse import urlsplit

from backend.core import clock, ids, jsjson, texts
from backend.core.errors import FieldError
from backend.records.fields import DEFAULT_LENGTH, Field, FieldType

MAX_INTEGER: Final = 2**53 - 1
MAX_JSON: Final = 65_536
_MAX_LENGTHS: Final = {FieldType.EMAIL: 254, FieldType.URL: 2000, FieldType.PHONE: 40}
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DATETIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_FRACTION: Final = re.compile(r"(\.\d{6})\d+")
_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f]{1,64}@(?:[^@\s.\x00-\x1f]+\.)+[^@\s.\x00-\x1f]+")
_PHONE: Final = re.compile(r"[+(]?[0-9][0-9 ()./\-]+(?: ?(?:x|ext\.?) ?[0-9]{1,8})?", re.ASCII | re.IGNORECASE)
_BOOLEANS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class Unfit(Exception):
    """A value is none of its field's; `message` says what it is, `fix` what would be right."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def at(self, path: str) -> FieldError:
        """The error of the field at `path`."""
        return FieldError(path, self.message, self.fix)


def check(field: Field, value: Any) -> Any:
    """`value` as it is stored in `field`; None for null. Raises `Unfit`, which never repeats the value."""
    return None if value is None else _CHECKS[field.type](field, value)


def read(field: Field, text: str) -> Any:
    """A value of `field` written in a query string. Raises `Unfit`."""
    if field.type is FieldType.JSON:
        raise Unfit("is a json field, which no list is filtered by.", "Use exists, or keep what you look for in a field of its own.")
    if field.type is FieldType.NUMBER:
        try:
            return _number(field, float(text) if any(char in text for char in ".eE") else int(text))
        except ValueError:
            raise Unfit("is no number.", "Write it as 10 or 10.5.") from None
    if field.type is FieldType.BOOLEAN:
        if (found := _BOOLEANS.get(text.lower())) is None:
            raise Unfit("is neither true nor false.", "Write true or false.")
        return found
    if field.type is FieldType.MULTI_SELECT:
        return _option(field, text)
    if field.type is FieldType.DATETIME and len(text) > 19 and text[19] == " ":
        text = f"{text[:19]}+{text[20:]}"  # a plus that a query string turned into a space
    return check(field, text)


def unix_ms(text: str) -> int:
    """The unix milliseconds of a stored datetime."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def sample(field: Field) -> Any:
    """A value that `field` takes, for samples of events."""
    return _SAMPLES[field.type] if not field.options else [field.options[0]] if field.type is FieldType.MULTI_SELECT else field.options[0]


def _text(field: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise Unfit(f"is {_kind(value)}, no text.", "Send a text.")
    most = field.max_length or _MAX_LENGTHS.get(field.type, DEFAULT_LENGTH)
    if len(value) > most:
        raise Unfit(f"has {len(value):,} characters.", f"Use at most {most:,}.")
    if not texts.is_storable(value):
        raise Unfit("holds U+0000 or half of a surrogate pair, which cannot be stored.", "Take those characters out.")
    return value


def _number(_field: Field, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfit(f"is {_kind(value)}, no number.", "Send a number, without quotes.")
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise Unfit("has more digits than a number keeps.", "Send a number within ±9007199254740991, or use a text field.")
        return value
    if not math.isfinite(value):
        raise Unfit("is no finite number.", "Send a number.")
    return int(value) if value.is_integer() and abs(value) <= MAX_INTEGER else value


def _boolean(_field: Field, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unfit(f"is {_kind(value)}, neither true nor false.", "Send true or false, without quotes.")
    return value


def _date(_field: Field, value: Any) -> str:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            pass
    raise Unfit("is no date.", "Write it as 2026-01-31.")


def _datetime(_field: Field, value: Any) -> str:
    """RFC 3339, section 5.6; kept in UTC with milliseconds."""
    if isinstance(value, str) and _DATETIME.fullmatch(value):
        try:
            return clock.rfc3339(datetime.fromisoformat(_FRACTION.sub(r"\1", value.upper())))
        except (ValueError, OverflowError):
            pass
    raise Unfit("is no time with a time zone.", "Write it as 2026-01-31T09:30:00Z.")


def _email(field: Field, value: Any) -> str:
    if not _EMAIL.fullmatch(_text(field, value)):
        raise Unfit("is no e-mail address.", "Write it as ada@example.com.")
    return value.lower()


def _url(field: Field, value: Any) -> str:
    text = _text(field, value)
    try:
        parts = urlsplit(text)
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_url = False
    if not is_url or any(char.isspace() or ord(char) < 32 for char in text):
        raise Unfit("is no web address.", "Write it as https://example.com/page.")
    return text


def _phone(field: Field, value: Any) -> str:
    text = _text(field, value)
    if not _PHONE.fullmatch(text) or sum(char.isdigit() for char in text) < 3:
        raise Unfit("is no phone number.", "Write it as +44 20 7946 0123.")
    return text


def _option(field: Field, value: Any) -> str:
    if isinstance(value, str):
        for option in field.options:
            if option == value or option.lower() == value.lower():
                return option
    near = difflib.get_close_matches(str(value)[:100].lower(), [option.lower() for option in field.options], n=1)
    shown = ", ".join(field.options[:12]) + (", …" if len(field.options) > 12 else "")
    hint = next((f"Did you mean {option}?" for option in field.options if near and option.lower() == near[0]), f"Use one of {shown}.")
    raise Unfit("is none of the options.", hint)


def _options(field: Field, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise Unfit(f"is {_kind(value)}, no list of options.", "Send a list of texts.")
    return list(dict.fromkeys(_option(field, item) for item in cast("list[Any]", value)))


def _reference(field: Field, value: Any) -> str:
    if not isinstance(value, str) or not ids.is_id(value, "rec"):
        raise Unfit("is no id of a record.", f"Send the id of a record of {field.module}, such as rec_01k5z7….")
    return value


def _json(_field: Field, value: Any) -> Any:
    try:
        size = len(jsjson.stringify_bytes(value))
    except (jsjson.NotJson, RecursionError):
        raise Unfit("is no plain JSON of bounded depth.", "Send finite numbers, texts, lists and objects.") from None
    if size > MAX_JSON:
        raise Unfit(f"has {size:,} bytes.", f"Use at most {MAX_JSON:,}.")
    if not texts.is_storable(value) or not _is_narrow(value):
        raise Unfit(
            "holds a number beyond 64 bits, U+0000 or half of a surrogate pair.", "Send such a number as a text, take the others out."
        )
    return value


def _is_narrow(value: Any) -> bool:
    """Whether every whole number in a JSON value fits in 64 bits."""
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, int) and not -(2**63) <= item < 2**64:
            return False
        if isinstance(item, dict):
            rest.extend(cast("dict[str, Any]", item).values())
        elif isinstance(item, list):
            rest.extend(cast("list[Any]", item))
    return True


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    kinds: dict[type, str] = {str: "a text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return kinds.get(cast("type", value.__class__), "of another kind")


_CHECKS: Final[dict[FieldType, Callable[[Field, Any], Any]]] = {
    FieldType.TEXT: _text,
    FieldType.NUMBER: _number,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _date,
    FieldType.DATETIME: _datetime,
    FieldType.EMAIL: _email,
    FieldType.URL: _url,
    FieldType.PHONE: _phone,
    FieldType.SELECT: _option,
    FieldType.MULTI_SELECT: _options,
    FieldType.REFERENCE: _reference,
    FieldType.JSON: _json,
}
_SAMPLES: Final[dict[FieldType, Any]] = {
    FieldType.TEXT: "Text",
    FieldType.NUMBER: 10,
    FieldType.BOOLEAN: True,
    FieldType.DATE: "2026-01-31",
    FieldType.DATETIME: "2026-01-31T09:30:00.000Z",
    FieldType.EMAIL: "ada@example.com",
    FieldType.URL: "https://example.com",
    FieldType.PHONE: "+44 20 7946 0123",
    FieldType.SELECT: None,
    FieldType.MULTI_SELECT: None,
    FieldType.REFERENCE: "rec_01k5z7q0v6e3tbn8m2c4d9f1hj",
    FieldType.JSON: {},
}
