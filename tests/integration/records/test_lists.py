"""Lists of records: what is filtered, sorted, searched and paged through is what a plain look at all records finds."""

from __future__ import annotations

import itertools
import json
import random
from typing import Any

import pytest

from backend.core import filters
from backend.core.errors import Invalid
from backend.records import finding
from tests.factories import accounts
from tests.integration.records.steps import change, define, make, page, remove, titles

pytestmark = pytest.mark.usefixtures("database", "redis")

FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text"},
    {"name": "amount", "type": "number"},
    {"name": "is_open", "type": "boolean"},
    {"name": "day", "type": "date"},
    {"name": "at", "type": "datetime"},
    {"name": "status", "type": "select", "options": ["Open", "Done", "Late"]},
    {"name": "tags", "type": "multi-select", "options": ["red", "green", "blue"]},
    {"name": "email", "type": "email"},
]
CHOICES: dict[str, list[Any]] = {
    "amount": [None, -1000.5, -1, 0, 0.25, 1, 2, 10, 1e300],
    "is_open": [None, True, False],
    "day": [None, "0001-01-01", "2026-01-31", "2026-02-01"],
    "at": [None, "2026-01-31T09:30:00.000Z", "2026-01-31T09:30:00.001Z"],
    "status": [None, "Open", "Done", "Late"],
    "tags": [[], ["red"], ["red", "blue"], ["green"]],
    "email": [None, "ada@example.com", "bob@example.org"],
}


def furnish(actor: Any, number: int, seed: int) -> list[dict[str, Any]]:
    """Records with values drawn from few; some of them are changed and some removed."""
    draw = random.Random(seed)
    define(actor, fields=FIELDS)
    made: list[dict[str, Any]] = []
    for index in range(number):
        values = {name: draw.choice(choices) for name, choices in CHOICES.items()}
        made.append(make(actor, title=f"{draw.choice(['Alpha', 'alpha', 'Beta', 'Ünï'])} {index:02}", **values))
    for index in draw.sample(range(number), number // 4):
        made[index] = change(actor, made[index]["id"], amount=draw.choice(CHOICES["amount"]), status=draw.choice(CHOICES["status"]))
    for record in draw.sample(made, number // 8):
        remove(actor, record["id"])
        made.remove(record)
    return made


def expected(records: list[dict[str, Any]], document: dict[str, Any] | None, sort: str | None) -> list[str]:
    """The titles that a plain look at all records finds, in the order that the list promises."""
    parsed = filters.parse(document) if document is not None else None
    fit = [
        one
        for one in records
        if parsed is None or filters.evaluate(parsed, {name: value for name, value in one.items() if value is not None}).matched
    ]
    name, is_reversed = (sort or "-id").removeprefix("-"), (sort or "-id").startswith("-")
    valued = [one for one in fit if one[name] is not None]
    empty = [one for one in fit if one[name] is None]

    def place(one: dict[str, Any]) -> tuple[Any, str]:
        value = one[name]
        return (value.lower() if isinstance(value, str) and name != "id" else value), one["id"]

    valued.sort(key=place, reverse=is_reversed)
    empty.sort(key=lambda one: one["id"], reverse=is_reversed)
    return [one["title"] for one in valued + empty]


def some_filters() -> list[dict[str, Any] | None]:
    plain: list[dict[str, Any] | None] = [
        None,
        {"field": "status", "op": "eq", "value": "Open"},
        {"field": "status", "op": "ne", "value": "Open"},
        {"field": "status", "op": "in", "value": ["Done", "Late"]},
        {"field": "amount", "op": "gte", "value": 0},
        {"field": "amount", "op": "gt", "value": 0},
        {"field": "amount", "op": "lt", "value": -0.5},
        {"field": "amount", "op": "lte", "value": 10},
        {"field": "amount", "op": "exists", "value": False},
        {"field": "is_open", "op": "eq", "value": False},
        {"field": "day", "op": "gte", "value": "2026-01-31"},
        {"field": "at", "op": "gt", "value": "2026-01-31T09:30:00.000Z"},
        {"field": "tags", "op": "contains", "value": "red"},
        {"field": "title", "op": "contains", "value": "lpha"},
        {"field": "title", "op": "starts_with", "value": "Alpha"},
        {"field": "title", "op": "gte", "value": "B"},
        {"field": "email", "op": "eq", "value": "ada@example.com"},
    ]
    return [
        *plain,
        {"all": [plain[1], plain[4]]},
        {"all": [plain[1], plain[4], plain[13]]},
        {"any": [plain[1], {"not": plain[4]}]},
        {"not": {"all": [plain[9], plain[10]]}},
    ]


def test_every_filter_in_every_order_finds_what_a_plain_look_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "_CHUNK", 7)
    actor = accounts.workspace()
    records = furnish(actor, 32, seed=random.randrange(1000))
    sorts = [None, "id", "amount", "-amount", "title", "-day", "status", "updated_at", "-updated_at"]
    for few, sort, document in itertools.product((0, finding.FEW), sorts, some_filters()):
        monkeypatch.setattr(finding, "FEW", few)  # so that each way of finding is taken
        parameters = {"limit": "9"} | ({"sort": sort} if sort else {})
        if document is not None:
            parameters["filter"] = json.dumps(document)
        assert titles(actor, **parameters) == expected(records, document, sort), (document, sort, records)


def test_simple_parameters_mean_the_same_as_conditions() -> None:
    actor = accounts.workspace()
    records = furnish(actor, 40, seed=7)
    by_hand = {
        (("status", "open"),): {"field": "status", "op": "eq", "value": "Open"},
        (("amount[gte]", "0"), ("amount[lt]", "10")): {
            "all": [{"field": "amount", "op": "gte", "value": 0}, {"field": "amount", "op": "lt", "value": 10}]
        },
        (("status[in]", "Done,Late"),): {"field": "status", "op": "in", "value": ["Done", "Late"]},
        (("isOpen", "false"),): {"field": "is_open", "op": "eq", "value": False},
        (("is_open[exists]", "false"),): {"field": "is_open", "op": "exists", "value": False},
        (("at[gt]", "2026-01-31T10:30:00 01:00"),): {"field": "at", "op": "gt", "value": "2026-01-31T09:30:00.000Z"},
        (("email", "ADA@example.com"),): {"field": "email", "op": "eq", "value": "ada@example.com"},
        (("tags", "red"),): {"field": "tags", "op": "contains", "value": "red"},
    }
    for parameters, document in by_hand.items():
        assert titles(actor, **dict(parameters)) == expected(records, document, None), parameters


def test_words_are_found_by_their_beginnings_whatever_the_case(monkeypatch: pytest.MonkeyPatch) -> None:
    actor = accounts.workspace()
    define(actor)
    make(actor, title="The quick brown fox", email="fox@example.com")
    make(actor, title="A lazy dog", phone="+44 20 7946 0123", status="done")
    make(actor, title="Quicksilver", tags=["red"])
    for few in (finding.FEW, 0):
        monkeypatch.setattr(finding, "FEW", few)
        assert titles(actor, q="QUICK") == ["Quicksilver", "The quick brown fox"]
        assert titles(actor, q="qui bro") == ["The quick brown fox"]
        assert titles(actor, q="fox@example.com") == ["The quick brown fox"]
        assert titles(actor, q="442079460123") == titles(actor, q="7946") == ["A lazy dog"]
        assert titles(actor, q="uick") == titles(actor, q="!!") == []
        assert titles(actor, q="quick", status="open") == ["Quicksilver", "The quick brown fox"]
    (dog,) = page(actor, q="lazy").data
    assert titles(actor, q=dog.id) == ["A lazy dog"]


def test_times_of_creation_are_filtered_by_to_the_millisecond() -> None:
    actor = accounts.workspace()
    define(actor)
    records = [make(actor, title=str(number)) for number in range(6)]
    for one in records:
        at = one["created_at"]
        for op, holds in (("gte", at.__le__), ("gt", at.__lt__), ("lte", at.__ge__), ("lt", at.__gt__)):
            wanted = [other["title"] for other in reversed(records) if holds(other["created_at"])]
            assert titles(actor, **{f"created_at[{op}]": at}) == wanted


def test_a_page_looks_at_so_many_rows_at_most_and_goes_on_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "EXAMINED", 10)
    actor = accounts.workspace()
    define(actor)
    for number in range(25):
        make(actor, title=f"{'needle' if number == 2 else 'hay'} {number}")
    first = page(actor, **{"title[contains]": "needle"})
    assert (first.data, first.has_more) == ([], True)
    assert titles(actor, **{"title[contains]": "needle"}) == ["needle 2"]


def test_every_mistake_in_a_list_is_told_at_once() -> None:
    actor = accounts.workspace()
    define(actor)
    asked = {
        "limit": "0", "sort": "titel", "amount": "ten", "amount[gt]": "", "titel": "x", "is_open": "maybe", "extra": "x",
        "status[starts]": "o", "amount[contains]": "1", "filter": '{"field": "nobody", "op": "eq", "value": 1}',
    }  # fmt: skip
    with pytest.raises(Invalid) as refused:
        page(actor, **asked)
    found = {error.path: error.fix for error in refused.value.errors}
    assert found.keys() >= {"limit", "sort", "amount", "amount[gt]", "titel", "is_open", "extra", "status[starts]", "amount[contains]"}
    assert "filter.field" in found
    assert found["sort"] == found["titel"] == "Did you mean title?"


def test_a_cursor_belongs_to_the_order_it_came_with() -> None:
    actor = accounts.workspace()
    define(actor)
    for number in range(4):
        make(actor, title=str(number), amount=number)
    cursor = page(actor, sort="amount", limit="2").next_cursor
    assert cursor is not None
    for other in ({"sort": "-amount"}, {"sort": "title"}, {}):
        with pytest.raises(Invalid, match="cursor"):
            page(actor, cursor=cursor, **other)
    with pytest.raises(Invalid, match="cursor"):
        page(actor, cursor="made-up")
