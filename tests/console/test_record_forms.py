"""What forms of records and modules are taken to mean, and how records and their filters are told."""

from __future__ import annotations

import math
from typing import Any

import pytest

from backend.core.errors import FieldError, Invalid
from backend.records.fields import Field, FieldType, parse_all
from backend.records.service import RecordInfo
from console.pages.records import filters, forms, rows
from console.pages.records.rows import FieldRow

AT = "2026-01-31T09:30:00.000Z"


def fields(*documents: dict[str, Any]) -> list[Field]:
    found, wrong = parse_all(list(documents))
    assert not wrong
    return found


MODULE = fields(
    {"name": "title", "type": "text", "required": True},
    {"name": "amount", "type": "number"},
    {"name": "paid", "type": "boolean"},
    {"name": "due", "type": "datetime"},
    {"name": "status", "type": "select", "options": ["open", "done"], "default": "open"},
    {"name": "tags", "type": "multi-select", "options": ["a", "b"]},
    {"name": "extra", "type": "json"},
)


def test_a_form_becomes_typed_values() -> None:
    form = {"f:title": " x ", "f:amount": "10.5", "f:paid": "false", "f:due": "2026-01-31T09:30", "f:status": "done", "f:tags:b": "on"}
    given, wrong = forms.record({**form, "f:extra": '{"a": [1]}'}, MODULE, is_new=False)
    assert wrong == []
    assert given == {"title": " x ", "amount": 10.5, "paid": False, "due": AT, "status": "done", "tags": ["b"], "extra": {"a": [1]}}


def test_what_is_empty_empties_a_record_and_is_left_to_the_default_of_a_new_one() -> None:
    assert forms.record({}, MODULE, is_new=True) == ({}, [])
    given, _ = forms.record({}, MODULE, is_new=False)
    assert given == {"title": None, "amount": None, "paid": None, "due": None, "status": None, "tags": [], "extra": None}


def test_what_was_mistyped_is_told_in_the_words_for_what_was_typed_beside_what_the_service_finds() -> None:
    given, wrong = forms.record({"f:amount": "ten", "f:extra": "{"}, MODULE, is_new=True)
    assert math.isnan(given["amount"])
    assert math.isnan(given["extra"])
    told = forms.told(Invalid(FieldError("title", "is required."), FieldError("amount", "is no finite number.")), wrong)
    assert [(each.path, each.message) for each in told.errors] == [("title", "is required."), ("amount", "is no number.")]


def test_a_modules_form_becomes_a_definition_that_fits() -> None:
    shown = [FieldRow("f1", key="email"), FieldRow("f2", kind="select"), FieldRow("f3", kind="number")]
    form = {
        "label": "Contacts",
        "f1:name": "mail",
        "f1:max_length": "80",
        "f1:required": "on",
        "f2:name": "stage",
        "f2:options": "new\n\nwon ",
        "f3:name": "score",
        "f3:default": "5",
    }
    documents = forms.module(form, shown)["fields"]
    assert [document.get("key") for document in documents] == ["email", None, None]
    assert (documents[0]["max_length"], documents[0]["required"]) == (80, True)
    assert (documents[1]["options"], documents[2]["default"]) == (["new", "won"], 5)


def test_mistakes_of_a_definition_are_placed_at_their_controls() -> None:
    error = Invalid(
        FieldError("fields[1].name", "is missing.", "Name the field."),
        FieldError("fields[0].options[2]", "is no option."),
        FieldError("rules[0].publish", "is no type."),
        FieldError("fields", "has 300 items."),
    )
    assert rows.field_errors(error, ["f7", "f9"]) == {
        "f9:name": "Is missing. Name the field.",
        "f7:options": "Is no option.",
        "rules": "Is no type.",
        "fields": "Has 300 items.",
    }


@pytest.mark.parametrize("text", ["[", '{"when": "created"}'])
def test_rules_that_are_no_list_are_refused(text: str) -> None:
    with pytest.raises(Invalid, match="rules"):
        forms.module({"rules": text}, [])


def test_filters_are_written_as_the_api_writes_them_and_told_in_words() -> None:
    pairs = [filters.condition("amount", "gte", "10"), filters.condition("status", "eq", "open"), filters.condition("due", "unset", "")]
    assert filters.read(filters.write(pairs)) == pairs == [("amount[gte]", "10"), ("status", "open"), ("due[exists]", "false")]
    assert [filters.told(pair, MODULE) for pair in pairs] == ["Amount is at least 10", "Status is open", "Due has no value"]
    assert filters.pick(pairs, "status", "") == [pairs[0], pairs[2]]
    assert filters.picked(filters.pick(pairs, "status", "done"), "status") == "done"


def test_a_record_is_called_by_its_name_and_shown_by_its_types() -> None:
    document = {"title": "First", "amount": 1200, "paid": True, "due": AT, "status": None, "tags": ["a", "b"], "updated_at": AT}
    row = rows.record_row(RecordInfo("rec_1", document), rows.shown_fields(MODULE), {}, "/records/things")
    assert (row.title, row.path) == ("First", "/records/things/rec_1")
    assert [cell.text for cell in row.cells] == ["1,200", "Yes", "2026-01-31 09:30", "", "a, b"]
    people = fields(
        {"name": "first_name", "type": "text"},
        {"name": "last_name", "type": "text"},
        {"name": "friend", "type": "reference", "module": "people"},
    )
    assert rows.title(people, {"first_name": "Ada", "last_name": "Byron"}) == "Ada Byron"
    assert rows.told(people[2], "rec_2", {"rec_2": "Grace Hopper"}) == "Grace Hopper"


def test_each_type_has_its_control() -> None:
    shown = {each.type: rows.input_row(each, None, ()).kind for each in MODULE}
    assert shown[FieldType.TEXT] == "line"
    assert (shown[FieldType.BOOLEAN], shown[FieldType.SELECT], shown[FieldType.MULTI_SELECT], shown[FieldType.JSON]) == (
        "yes",
        "choice",
        "choices",
        "json",
    )
