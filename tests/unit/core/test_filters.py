"""The grammar of conditions: every mistake is named, and a verdict says which condition decided."""

from __future__ import annotations

import contextlib
import json
import operator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core import filters
from backend.core.errors import Invalid

EVENT: dict[str, Any] = {
    "type": "order.created",
    "timestamp": "2026-01-31T09:30:00.000Z",
    "data": {
        "total": 4,
        "name": "Ada",
        "paid": True,
        "none": None,
        "tags": ["new", "vip", 1],
        "items": [{"sku": "a"}, {"sku": "b"}],
        "a.b": 1,
    },
}

VALUES = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([0.5, 4.0]) | st.sampled_from(["", "a", "ab", "b"])
FIELDS = st.sampled_from(["data.x", "data.y", "data.list", "data.list.0", "data.none", "type"])
CONDITIONS = (
    st.builds(lambda field, op, value: {"field": field, "op": op, "value": value}, FIELDS, st.sampled_from(["eq", "ne"]), VALUES)
    | st.builds(
        lambda field, op, value: {"field": field, "op": op, "value": value},
        FIELDS,
        st.sampled_from(["gt", "gte", "lt", "lte"]),
        st.integers(-5, 5) | st.sampled_from(["", "a", "b"]),
    )
    | st.builds(lambda field, value: {"field": field, "op": "in", "value": value}, FIELDS, st.lists(VALUES, min_size=1, max_size=3))
    | st.builds(lambda field, value: {"field": field, "op": "exists", "value": value}, FIELDS, st.booleans())
    | st.builds(lambda field, value: {"field": field, "op": "contains", "value": value}, FIELDS, VALUES)
)
DOCUMENTS = st.recursive(
    CONDITIONS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts})
        | st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts})
        | inner.map(lambda part: {"not": part})
    ),
    max_leaves=5,
)
EVENTS = st.fixed_dictionaries(
    {"type": st.just("t"), "data": st.dictionaries(st.sampled_from(["x", "y", "list"]), VALUES | st.lists(VALUES, max_size=3))}
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["all", "any", "not", "field", "op", "value", "x"]), inner, max_size=4)
    ),
    max_leaves=15,
)


def verdict(document: dict[str, Any], event: dict[str, Any] = EVENT) -> filters.Verdict:
    return filters.evaluate(filters.parse(document), event)


def condition(field: str, op: str, *value: Any) -> dict[str, Any]:
    return {"field": field, "op": op} | ({"value": value[0]} if value else {})


def depth_of(document: Any) -> int:
    if isinstance(document, dict):
        return 1 + max((depth_of(part) for name, part in document.items() if name in {"all", "any", "not"}), default=0)
    return max((depth_of(part) for part in document), default=0) if isinstance(document, list) else 0


@pytest.mark.parametrize(
    ("document", "matched"),
    [
        (condition("data.total", "eq", 4), True),
        (condition("data.total", "eq", 4.0), True),
        (condition("data.total", "eq", "4"), False),
        (condition("data.paid", "eq", True), True),
        (condition("data.paid", "eq", 1), False),
        (condition("data.none", "eq", None), True),
        (condition("data.absent", "eq", None), False),
        (condition("data.absent", "ne", 1), True),
        (condition("data.total", "ne", 4), False),
        (condition("data.total", "gt", 3.5), True),
        (condition("data.total", "gt", 4), False),
        (condition("data.total", "gte", 4), True),
        (condition("data.total", "lt", 4), False),
        (condition("data.total", "lte", 4), True),
        (condition("data.total", "gt", "3"), False),
        (condition("data.paid", "gte", 1), False),
        (condition("data.name", "lt", "B"), True),
        (condition("timestamp", "gte", "2026-01-01"), True),
        (condition("data.name", "in", ["Bob", "Ada"]), True),
        (condition("data.total", "in", ["4", True]), False),
        (condition("data.name", "contains", "d"), True),
        (condition("data.name", "contains", "D"), False),
        (condition("data.tags", "contains", "vip"), True),
        (condition("data.tags", "contains", True), False),
        (condition("data.total", "contains", "4"), False),
        (condition("data.name", "starts_with", "Ad"), True),
        (condition("data.total", "starts_with", "4"), False),
        (condition("data.none", "exists", True), True),
        (condition("data.none", "exists"), True),
        (condition("data.absent", "exists", False), True),
        (condition("data.items.1.sku", "eq", "b"), True),
        (condition("data.items.2.sku", "exists"), False),
        (condition("data.items.-1.sku", "exists"), False),
        (condition("data.items.1.sku.x", "exists"), False),
        (condition("type", "starts_with", "order."), True),
    ],
)
def test_what_each_operator_takes(document: dict[str, Any], matched: bool) -> None:  # noqa: FBT001 - a column of the table
    assert verdict(document).matched is matched
    assert verdict({"not": document}).matched is not matched


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (condition("data.total", "gte", 10), "data.total gte 10 (was 4)"),
        (condition("data.name", "eq", "Bob"), 'data.name eq "Bob" (was "Ada")'),
        (condition("data.absent", "gt", 1), "data.absent gt 1 (was absent)"),
        (condition("data.absent", "exists"), "data.absent exists"),
        (condition("data.name", "exists", False), "data.name is absent"),
        ({"all": [condition("data.total", "eq", 4), condition("data.total", "lt", 3)]}, "data.total lt 3 (was 4)"),
        ({"not": condition("data.total", "eq", 4)}, "not (data.total eq 4)"),
    ],
)
def test_a_verdict_names_the_condition_that_decided(document: dict[str, Any], told: str) -> None:
    assert verdict(document).failed_condition == told


def test_of_alternatives_each_failure_is_told() -> None:
    told = verdict({"any": [condition("data.total", "gt", 9), condition("data.name", "eq", "Bob")]}).failed_condition
    assert told == 'data.total gt 9 (was 4) and data.name eq "Bob" (was "Ada")'


def test_a_long_value_is_cut_in_the_sentence() -> None:
    told = verdict(condition("data.name", "eq", "x" * 500)).failed_condition
    assert told is not None
    assert len(told) < 120


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ("text", "filter"),
        (None, "filter"),
        ([], "filter"),
        ({}, "filter.field"),
        ({"all": []}, "filter.all"),
        ({"any": {}}, "filter.any"),
        ({"not": []}, "filter.not"),
        ({"all": [condition("a", "eq", 1)], "any": []}, "filter"),
        ({"all": [condition("a", "eq", 1)], "op": "eq"}, "filter"),
        ({"all": [condition("a", "eq", 1), {"any": [{"field": "", "op": "eq", "value": 1}]}]}, "filter.all[1].any[0].field"),
        (condition("data..x", "eq", 1), "filter.field"),
        (condition("x" * 201, "eq", 1), "filter.field"),
        (condition("a", "equals", 1), "filter.op"),
        ({"field": "a", "op": 1, "value": 1}, "filter.op"),
        (condition("a", "eq"), "filter.value"),
        (condition("a", "in", 1), "filter.value"),
        (condition("a", "in", []), "filter.value"),
        (condition("a", "gt", True), "filter.value"),
        (condition("a", "lt", None), "filter.value"),
        (condition("a", "starts_with", 1), "filter.value"),
        (condition("a", "exists", "yes"), "filter.value"),
        ({**condition("a", "eq", 1), "valeu": 1}, "filter.valeu"),
    ],
)
def test_a_mistake_is_told_with_its_path_and_what_would_be_right(document: Any, path: str) -> None:
    with pytest.raises(Invalid) as caught:
        filters.parse(document)
    assert path in [error.path for error in caught.value.errors]
    assert all(error.message and error.fix for error in caught.value.errors)


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        filters.parse({"all": [{"op": "eqq"}, 1, condition("a", "in", 3)]})
    assert [error.path for error in caught.value.errors] == [
        "filter.all[0].field",
        "filter.all[0].op",
        "filter.all[1]",
        "filter.all[2].value",
    ]
    assert "Did you mean eq" in caught.value.errors[1].fix


def test_depth_and_size_are_bounded() -> None:
    document: Any = condition("a", "eq", 1)
    for _ in range(filters.MAX_DEPTH - 1):
        document = {"not": document}
    filters.parse(document)
    for _ in range(2000):
        document = {"not": document}
    with pytest.raises(Invalid, match="nested deeper"):
        filters.parse(document)
    many = {"any": [{"all": [condition("a", "eq", 1)] * 50}] * 2}
    filters.parse(many)
    with pytest.raises(Invalid, match="more than 100"):
        filters.parse({"any": [many, condition("a", "eq", 1)]})
    with pytest.raises(Invalid, match="more than 100"):
        filters.parse({"any": [condition("a", "eq", 1)] * 100_000})


@given(JSON)
def test_any_json_is_a_filter_or_invalid(document: Any) -> None:
    with contextlib.suppress(Invalid):
        filters.evaluate(filters.parse(document), EVENT)


@given(DOCUMENTS, EVENTS)
def test_a_filter_and_its_negation_never_agree(document: dict[str, Any], event: dict[str, Any]) -> None:
    if depth_of(document) >= filters.MAX_DEPTH:
        return
    outcome = verdict(document, event)
    assert outcome.matched is not verdict({"not": document}, event).matched
    assert outcome.matched is (outcome.failed_condition is None)


@given(st.lists(DOCUMENTS.filter(lambda document: depth_of(document) < filters.MAX_DEPTH), min_size=1, max_size=3), EVENTS)
def test_groups_are_what_their_names_say(documents: list[dict[str, Any]], event: dict[str, Any]) -> None:
    outcomes = [verdict(document, event).matched for document in documents]
    assert verdict({"all": documents}, event).matched is all(outcomes)
    assert verdict({"any": documents}, event).matched is any(outcomes)


@given(DOCUMENTS, EVENTS)
def test_a_filter_means_the_same_after_it_was_stored(document: dict[str, Any], event: dict[str, Any]) -> None:
    if depth_of(document) <= filters.MAX_DEPTH:
        assert verdict(json.loads(json.dumps(document)), event) == verdict(document, event)


ABSENT = object()
ANY_EVENT = st.dictionaries(st.sampled_from(["type", "data", "x"]), JSON, max_size=3) | EVENTS


def naive(document: dict[str, Any], event: Any) -> bool:
    """What a filter means, written down once more without regard to speed or sentences."""
    if "not" in document:
        return not naive(document["not"], event)
    for name, whether in (("all", all), ("any", any)):
        if name in document:
            return whether([naive(part, event) for part in document[name]])
    found = event
    for step in document["field"].split("."):
        if isinstance(found, dict):
            found = found.get(step, ABSENT)
        else:
            found = found[int(step)] if isinstance(found, list) and step.isdigit() and int(step) < len(found) else ABSENT
    return _compared(document["op"], found, document["value"])


def _compared(op: str, found: Any, value: Any) -> bool:
    def same(one: Any, other: Any) -> bool:
        return isinstance(one, bool) is isinstance(other, bool) and one == other

    def kind(one: Any) -> str:
        if isinstance(one, bool) or not isinstance(one, int | float | str):
            return "none"
        return "text" if isinstance(one, str) else "number"

    if op in {"exists", "ne"}:
        return (found is not ABSENT) is value if op == "exists" else not same(found, value)
    if op in {"gt", "gte", "lt", "lte"}:
        compare = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}[op]
        return kind(found) == kind(value) != "none" and compare(found, value)
    if op == "contains" and isinstance(found, str):
        return isinstance(value, str) and value in found
    wanted = {"eq": [value], "in": value}.get(op, [])
    return (
        any(same(found, one) for one in wanted) if op != "contains" else isinstance(found, list) and any(same(one, value) for one in found)
    )


@given(DOCUMENTS, ANY_EVENT)
def test_a_filter_decides_as_its_plain_meaning_says(document: dict[str, Any], event: dict[str, Any]) -> None:
    if depth_of(document) <= filters.MAX_DEPTH:
        assert verdict(document, event).matched is naive(document, event)


@given(DOCUMENTS, ANY_EVENT)
def test_what_is_said_to_decide_is_a_part_that_does_not_hold(document: dict[str, Any], event: dict[str, Any]) -> None:
    if depth_of(document) > filters.MAX_DEPTH:
        return
    parsed = filters.parse(document)
    part = filters.deciding(parsed, event)
    outcome = filters.evaluate(parsed, event)
    assert (part is None) is outcome.matched
    if part is not None:
        alone = filters.evaluate(part, event)
        assert (alone.matched, alone.failed_condition) == (False, outcome.failed_condition)
        assert not isinstance(part, filters.All)
        assert naive(filters.document(part), event) is False


@given(DOCUMENTS)
def test_a_filter_reads_back_as_it_was_written(document: dict[str, Any]) -> None:
    if depth_of(document) <= filters.MAX_DEPTH:
        parsed = filters.parse(document)
        assert filters.document(parsed) == document
        assert filters.parse(filters.document(parsed)) == parsed
