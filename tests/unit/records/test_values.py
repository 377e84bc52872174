"""What each type of field takes, how it is written, and keys that sort as the values do."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.records import keys, values
from backend.records.fields import Field, FieldType


def field(kind: FieldType, **more: Any) -> Field:
    return Field("a_field", "a_field", "A field", kind, **more)


OPTIONS = ("Open", "Done", "Ünïcode")
FIELDS = {
    FieldType.TEXT: field(FieldType.TEXT),
    FieldType.NUMBER: field(FieldType.NUMBER),
    FieldType.BOOLEAN: field(FieldType.BOOLEAN),
    FieldType.DATE: field(FieldType.DATE),
    FieldType.DATETIME: field(FieldType.DATETIME),
    FieldType.EMAIL: field(FieldType.EMAIL),
    FieldType.URL: field(FieldType.URL),
    FieldType.PHONE: field(FieldType.PHONE),
    FieldType.SELECT: field(FieldType.SELECT, options=OPTIONS),
    FieldType.MULTI_SELECT: field(FieldType.MULTI_SELECT, options=OPTIONS),
    FieldType.REFERENCE: field(FieldType.REFERENCE, module="things"),
    FieldType.JSON: field(FieldType.JSON),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
NUMBERS = st.integers(-values.MAX_INTEGER, values.MAX_INTEGER) | st.floats(allow_nan=False, allow_infinity=False)


@given(st.sampled_from(list(FieldType)), JSON)
def test_whatever_is_sent_is_stored_as_json_can_carry_it_or_refused_in_words(kind: FieldType, value: Any) -> None:
    refusals: list[values.Unfit] = []
    stored: Any = None
    try:
        stored = values.check(FIELDS[kind], value)
    except values.Unfit as refused:
        refusals.append(refused)
    assert all(refused.message.endswith(".") and refused.fix for refused in refusals)
    if refusals:
        return
    assert orjson.loads(orjson.dumps(stored)) == stored
    assert values.check(FIELDS[kind], stored) == stored
    assert (
        keys.keys(FIELDS[kind], stored) == () if kind is FieldType.JSON else all(len(key) <= 100 for key in keys.keys(FIELDS[kind], stored))
    )
    keys.digest(stored)


@given(NUMBERS, NUMBERS)
def test_keys_of_numbers_are_in_their_order(first: float, second: float) -> None:
    one, other = (values.check(FIELDS[FieldType.NUMBER], value) for value in (first, second))
    in_order = keys.key(FIELDS[FieldType.NUMBER], one) < keys.key(FIELDS[FieldType.NUMBER], other)
    assert in_order == (float(one) < float(other))


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_keys_of_times_are_in_their_order(first: datetime, second: datetime) -> None:
    field_of = FIELDS[FieldType.DATETIME]
    one, other = (keys.key(field_of, values.check(field_of, moment.isoformat(timespec="milliseconds"))) for moment in (first, second))
    whole = timedelta(milliseconds=1)
    assert (one < other) == ((first - datetime.min.replace(tzinfo=UTC)) // whole < (second - datetime.min.replace(tzinfo=UTC)) // whole)


@given(st.dates(), st.dates())
def test_keys_of_dates_are_in_their_order(first: date, second: date) -> None:
    field_of = FIELDS[FieldType.DATE]
    assert (keys.key(field_of, first.isoformat()) < keys.key(field_of, second.isoformat())) == (first < second)


@given(st.text(), st.text(min_size=1))
def test_a_text_lies_among_those_that_begin_as_it_does(begin: str, rest: str) -> None:
    low, high = keys.prefix(begin)
    assert low <= keys.key(FIELDS[FieldType.TEXT], begin + rest) <= high or len(begin) >= keys.KEPT


@pytest.mark.parametrize(
    ("kind", "sent", "stored"),
    [
        (FieldType.NUMBER, 1.0, 1),
        (FieldType.NUMBER, -0.0, 0),
        (FieldType.DATETIME, "2026-01-31T10:30:00+01:00", "2026-01-31T09:30:00.000Z"),
        (FieldType.DATETIME, "2026-01-31t09:30:00.123456789z", "2026-01-31T09:30:00.123Z"),
        (FieldType.EMAIL, "Ada.Byron+x@Example.CO.uk", "ada.byron+x@example.co.uk"),
        (FieldType.SELECT, "open", "Open"),
        (FieldType.MULTI_SELECT, ["DONE", "Done"], ["Done"]),
        (FieldType.URL, "https://example.com/a?b=c#d", "https://example.com/a?b=c#d"),
        (FieldType.PHONE, "(020) 7946-0123 ext. 5", "(020) 7946-0123 ext. 5"),
    ],
)
def test_values_are_written_in_one_way(kind: FieldType, sent: Any, stored: Any) -> None:
    found = values.check(FIELDS[kind], sent)
    assert (found, type(found)) == (stored, type(stored))


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        (FieldType.TEXT, 5),
        (FieldType.TEXT, "a\0b"),
        (FieldType.TEXT, "x" * 10_001),
        (FieldType.NUMBER, "5"),
        (FieldType.NUMBER, True),
        (FieldType.NUMBER, 2**53),
        (FieldType.NUMBER, math.inf),
        (FieldType.BOOLEAN, "true"),
        (FieldType.DATE, "2026-02-30"),
        (FieldType.DATE, "20260131"),
        (FieldType.DATETIME, "2026-01-31T09:30:00"),
        (FieldType.DATETIME, "0001-01-01T00:00:00+14:00"),
        (FieldType.EMAIL, "ada@localhost"),
        (FieldType.EMAIL, "a b@example.com"),
        (FieldType.URL, "javascript:alert(1)"),
        (FieldType.URL, "http://[broken"),
        (FieldType.PHONE, "12"),
        (FieldType.SELECT, "Opne"),
        (FieldType.MULTI_SELECT, "Open"),
        (FieldType.REFERENCE, "evt_01k5z7q0v6e3tbn8m2c4d9f1hj"),
        (FieldType.JSON, {"a": 2**64}),
        (FieldType.JSON, [math.nan]),
    ],
)
def test_what_is_no_value_is_refused(kind: FieldType, sent: Any) -> None:
    with pytest.raises(values.Unfit):
        values.check(FIELDS[kind], sent)
