"""Owns the filters of a list of records in its address: `where` holds them as the API writes them, `status=open&amount[gte]=10`. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl, urlencode

from backend.records.fields import Field, FieldType

Pairs = list[tuple[str, str]]
# How each condition is asked for and told; those without an operand have it in the operator.
OPERATORS: Final = (
    ("eq", "is"),
    ("ne", "is not"),
    ("gte", "is at least"),
    ("lte", "is at most"),
    ("contains", "contains"),
    ("starts_with", "begins with"),
    ("in", "is one of"),
    ("set", "has a value"),
    ("unset", "has no value"),
)
_WORDS: Final = dict(OPERATORS)
_EXISTS: Final = {"set": "true", "unset": "false"}
_TRUTHS: Final = ("true", "false")


def read(where: str) -> Pairs:
    """The conditions of an address."""
    return parse_qsl(where, keep_blank_values=True)


def write(pairs: Pairs) -> str:
    """The same for an address."""
    return urlencode(pairs)


def condition(name: str, operator: str, value: str) -> tuple[str, str]:
    """One condition as the API writes it."""
    if operator in _EXISTS:
        return f"{name}[exists]", _EXISTS[operator]
    return (name if operator == "eq" or operator not in _WORDS else f"{name}[{operator}]"), value


def told(pair: tuple[str, str], fields: Sequence[Field]) -> str:
    """A condition in words: `Amount is at least 10`."""
    name, _, operator = pair[0].rstrip("]").partition("[")
    label = next((field.label for field in fields if field.name == name), name)
    if operator == "exists":
        return f"{label} {_WORDS['set' if pair[1] == 'true' else 'unset']}"
    return f"{label} {_WORDS.get(operator or 'eq', operator)} {pair[1]}"


def options(field: Field) -> tuple[str, ...]:
    """The values of a field of which one can be picked; none for others."""
    return _TRUTHS if field.type is FieldType.BOOLEAN else field.options


def picked(pairs: Pairs, name: str) -> str:
    """The value that a field is asked to have; empty for none."""
    return next((value for key, value in pairs if key == name), "")


def pick(pairs: Pairs, name: str, value: str) -> Pairs:
    """The conditions with a field asked to have another value; any, if that is empty."""
    return [pair for pair in pairs if pair[0] != name] + ([(name, value)] if value else [])
