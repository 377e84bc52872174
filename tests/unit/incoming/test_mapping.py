"""A payload becomes the fields that its mapping says, or tells of each field what keeps it from that."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import FieldError
from backend.incoming import mapping, masking, paths
from backend.incoming.mapping import Mapped

PAYLOAD: dict[str, Any] = {
    "id": 7,
    "data": {"email": " Ada@Example.com ", "first": "Ada", "last": "Byron", "tags": ["a", "b"], "empty": "", "none": None, "yes": "on"},
    "items": [{"sku": "A-1", "price": {"cents": 850}, "n": "2"}, {"sku": "B-2", "price": {"cents": 120}}],
    "odd key.with dot": {"x": 1},
    "at": 1757000000,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def rules(*entries: Any) -> tuple[mapping.Rule, ...]:
    errors: list[FieldError] = []
    found = mapping.parse(list(entries), targets=None, errors=errors)
    assert not errors, errors
    return found


def mapped(*entries: Any, payload: Any = PAYLOAD) -> Mapped:
    return mapping.apply(rules(*entries), payload)


def value(source: str, *transforms: Any, payload: Any = PAYLOAD, **more: Any) -> Any:
    found = mapped({"source": source, "target": "x", "transform": list(transforms), **more}, payload=payload)
    assert not found.errors, found.errors
    return found.values.get("x", "nothing")


def problem(source: str, *transforms: Any, **more: Any) -> FieldError:
    (error,) = mapped({"source": source, "target": "x", "transform": list(transforms), **more}).errors
    return error


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("id", 7),
        ("data.email", " Ada@Example.com "),
        ("items[0].sku", "A-1"),
        ("items[-1].sku", "B-2"),
        ("$.items[1].price.cents", 120),
        ('"odd key.with dot".x', 1),
        ("items[*].sku", ["A-1", "B-2"]),
        ("items[?price.cents > `500`].sku | [0]", "A-1"),
        ("data.missing || data.first", "Ada"),
        ("data.none", None),
        ("items[7].sku", "nothing"),
        ("data.first.x", "nothing"),
        ("nowhere.at.all", "nothing"),
        ("@", PAYLOAD),
    ],
)
def test_a_path_finds_what_it_names(path: str, found: Any) -> None:
    assert value(path) == found


@pytest.mark.parametrize("path", ["items[", "a..b", "data.{", "foo(bar)", "a" * 500])
def test_a_path_that_cannot_be_read_is_told(path: str) -> None:
    errors: list[FieldError] = []
    mapping.parse([{"source": path, "target": "x"}], targets=None, errors=errors)
    if path == "foo(bar)":  # JMESPath knows its functions when it runs them
        assert value(path) == "nothing"
    else:
        assert [error.path for error in errors] == ["field_mapping[0].source"]


@pytest.mark.parametrize(
    ("transforms", "source", "found"),
    [
        (["trim", "lower"], "data.email", "ada@example.com"),
        (["upper"], "data.tags", ["A", "B"]),
        ([{"name": "number"}], "items[0].n", 2),
        ([{"name": "number", "divide_by": 100}], "items[0].price.cents", 8.5),
        ([{"name": "boolean"}], "data.yes", True),
        ([{"name": "date", "to": "date"}], "at", "2025-09-04"),
        ([{"name": "date"}], "at", "2025-09-04T15:33:20.000Z"),
        ([{"name": "default", "value": "?"}], "data.empty", "?"),
        ([{"name": "constant", "value": 5}], "", 5),
        ([{"name": "join", "with": ["data.last"]}], "data.first", "Ada Byron"),
        ([{"name": "join", "separator": ", "}], "data.tags", "a, b"),
        ([{"name": "join", "with": ["data.missing"]}], "data.first", "Ada"),
        ([{"name": "split", "separator": "@", "index": 0}, "trim"], "data.email", "Ada"),
        ([{"name": "split", "index": 5}], "data.first", "nothing"),
        ([{"name": "lookup", "table": {"ada": "A"}}], "data.first", "A"),
        ([{"name": "lookup", "table": {"bob": "B"}, "otherwise": None}], "data.first", None),
        (["text"], "id", "7"),
    ],
)
def test_transforms(transforms: list[Any], source: str, found: Any) -> None:
    assert value(source, *transforms) == found


@pytest.mark.parametrize(
    ("given", "options", "found"),
    [
        ("1,234.50", {}, 1234.5),
        ("1.234,50", {"decimal": ","}, 1234.5),
        ("1 234", {}, 1234),
        ("-0.1", {}, -0.1),
        ("3.14159", {"round": 2}, 3.14),
        (10**20, {}, 1e20),
        (True, {}, 1),
    ],
)
def test_numbers_are_read_as_people_write_them(given: Any, options: dict[str, Any], found: Any) -> None:
    assert value("n", {"name": "number", **options}, payload={"n": given}) == found


@pytest.mark.parametrize(
    ("given", "form", "found"),
    [
        ("2026-01-31", None, "2026-01-31T00:00:00.000Z"),
        ("2026-01-31T09:30:00+02:00", None, "2026-01-31T07:30:00.000Z"),
        ("Sat, 31 Jan 2026 09:30:00 GMT", None, "2026-01-31T09:30:00.000Z"),
        ("31.01.2026", "%d.%m.%Y", "2026-01-31T00:00:00.000Z"),
        (1757000000123, None, "2025-09-04T15:33:20.123Z"),
        ("1757000000", "unix", "2025-09-04T15:33:20.000Z"),
    ],
)
def test_times_in_their_many_forms(given: Any, form: str | None, found: str) -> None:
    assert value("t", {"name": "date", **({"from": form} if form else {})}, payload={"t": given}) == found


def test_what_cannot_be_done_names_field_and_source_and_never_the_value() -> None:
    for error in (
        problem("data.first", "number"),
        problem("data.first", {"name": "date"}),
        problem("data.first", "boolean"),
        problem("data.first", {"name": "lookup", "table": {"bob": 1}}),
        problem("data", "trim"),
    ):
        assert error.path == "x"
        assert error.message.startswith("data")
        assert "Ada" not in error.message
        assert error.fix


@pytest.mark.parametrize(
    ("transform", "given", "found"),
    [
        ({"name": "number", "round": 2}, "123456789012345678901234567.5", 123456789012345678901234567.5),
        ({"name": "number", "round": 20}, "12345678901", 12345678901),
        ({"name": "number", "round": None, "decimal": None, "multiply_by": None}, "1.5", 1.5),
        ({"name": "number", "decimal": ","}, "1.234.567,5", 1234567.5),
        ({"name": "number"}, "12,34,567.5", 1234567.5),
        ({"name": "split", "separator": None, "index": None}, "a None b", ["a", "None", "b"]),
        ({"name": "join", "separator": None}, ["a", "b"], "a b"),
    ],
)
def test_settings_at_their_edges(transform: dict[str, Any], given: Any, found: Any) -> None:
    assert value("v", transform, payload={"v": given}) == found


@pytest.mark.parametrize(("given", "decimal"), [("1,5", "."), ("1.5", ","), ("1,2345", "."), ("1.2.3", "."), ("1,234,56", ".")])
def test_a_number_in_another_notation_is_refused_and_not_made_another_one(given: str, decimal: str) -> None:
    (error,) = mapped({"source": "v", "target": "x", "transform": {"name": "number", "decimal": decimal}}, payload={"v": given}).errors
    assert "no number" in error.message


@pytest.mark.parametrize("form", ["%d %d", "%Q", "%", "((%d", "%G-%V"])
def test_a_form_of_a_time_that_can_never_be_read_is_refused_when_it_is_saved(form: str) -> None:
    errors: list[FieldError] = []
    mapping.parse([{"source": "v", "target": "x", "transform": {"name": "date", "from": form}}], targets=None, errors=errors)
    assert bool(errors) == (form != "((%d")


@pytest.mark.parametrize(
    "path",
    ["|".join(["[@,@]", "[]"] * 30), "|".join(["[@,@]"] * 60), "|".join(["{a:@,b:@}"] * 35), "merge({a:@,b:@},{c:@})|" * 15 + "@"],
)
def test_an_expression_that_doubles_the_payload_again_and_again_ends(path: str) -> None:
    assert value(path) == "nothing"
    with paths.bounded(), pytest.raises(paths.TooCostly):
        mapped({"source": path, "target": "x"})


def test_many_costly_expressions_share_one_allowance() -> None:
    payload = {"items": [{"sku": f"A-{number}"} for number in range(20_000)]}
    assert len(value("items[*].sku", payload=payload)) == 20_000
    with paths.bounded(), pytest.raises(paths.TooCostly):
        mapped(*({"source": "items[*].sku", "target": f"x{number}"} for number in range(20)), payload=payload)


def test_names_that_are_too_long_for_a_path_are_no_places() -> None:
    deep: Any = {str(number): 1 for number in range(1000)}
    for _ in range(6):
        deep = {"k" * 80_000: deep}
    assert paths.shape({"a": 1, "deep": deep, "z": 2}) == ["a", "z"]


def test_required_default_and_type() -> None:
    assert problem("data.missing", required=True).message == "data.missing is absent, and the field is required."
    assert problem("data.none", required=True).message == "data.none is null, and the field is required."
    assert value("data.missing", default=3, required=True) == 3
    assert value("data.none", default="d") == "d"
    assert problem("data.first", type="number").fix == "Add a transform that makes a number of it."
    assert value("items[0].n", "number", type="number") == 2
    assert mapped({"source": "data.missing", "target": "x"}).values == {}


def test_items_of_a_list_are_mapped_one_by_one() -> None:
    each = [
        {"source": "sku", "target": "product_id", "required": True},
        {"source": "n", "target": "quantity", "transform": "number", "default": 1},
        {"source": "price.cents", "target": "unit_price", "transform": {"name": "number", "divide_by": 100}},
    ]
    found = mapped({"source": "items", "target": "items", "each": each})
    assert found.values["items"] == [
        {"product_id": "A-1", "quantity": 2, "unit_price": 8.5}, {"product_id": "B-2", "quantity": 1, "unit_price": 1.2}
    ]  # fmt: skip
    wrong = mapped({"source": "items", "target": "items", "each": [{"source": "n", "target": "q", "required": True}]})
    assert [error.path for error in wrong.errors] == ["items[1].q"]
    assert mapped({"source": "data", "target": "items", "each": each}).errors[0].message == "data is an object, no list."


def test_every_mistake_of_a_mapping_is_told_at_once() -> None:
    errors: list[FieldError] = []
    mapping.parse(
        [
            {"source": "a", "target": "nmae"},
            {"source": 5, "target": "name"},
            {"source": "a", "target": "name", "transform": "shout"},
            {"source": "a", "target": "name", "transform": {"name": "number", "by": 2}},
            {"source": "a", "target": "name", "transform": {"name": "lookup"}},
            {"source": "a", "target": "name", "type": "date-ish"},
            {"source": "a", "target": "name", "requird": True},
            "text",
        ],
        targets=("name", "email"),
        errors=errors,
    )
    assert [error.path for error in errors] == [
        "field_mapping[0].target", "field_mapping[1].source", "field_mapping[2].transform", "field_mapping[3].transform",
        "field_mapping[4].transform", "field_mapping[5].type", "field_mapping[6].requird", "field_mapping[7]",
    ]  # fmt: skip
    assert errors[0].fix == "Did you mean name?"


def test_a_mapping_is_stored_as_it_was_sent() -> None:
    sent = [
        {
            "source": "a.b",
            "target": "x",
            "transform": [{"name": "number", "divide_by": 100}],
            "default": None,
            "required": True,
            "type": "number",
        },
        {"source": "items", "target": "y", "each": [{"source": "sku", "target": "z"}]},
    ]
    found = [rule.document() for rule in rules(*sent)]
    assert found == sent
    assert mapping.stored(found) == rules(*sent)
    assert [rule.document() for rule in mapping.parse({"a": "x"}, targets=None, errors=[])] == [{"source": "a", "target": "x"}]


def test_the_leaves_of_a_payload_are_paths_that_lead_to_them() -> None:
    found = dict(paths.leaves(PAYLOAD))
    assert found["items[1].price.cents"] == 120
    assert found['"odd key.with dot".x'] == 1
    for path, leaf in found.items():
        assert paths.of(path).read(PAYLOAD) == leaf
    assert "items[].price.cents" in paths.shape(PAYLOAD)


@given(JSON, st.sampled_from(["a", "a.b", "[0]", "a[0].b", "@", "a[*].b", "keys(@)", "sort(@)", "a || b"]))
def test_nothing_raises_whatever_the_payload_is(payload: Any, path: str) -> None:
    for name in ("trim", "number", "boolean", "date", "split", "join", "lower", "text"):
        mapping.apply(rules({"source": path, "target": "x", "transform": name, "type": "text"}), payload)
    for leaf, _ in paths.leaves(payload):
        paths.of(leaf)


@pytest.mark.parametrize(
    ("entry", "hidden", "kept"),
    [
        ({"source": "data.email"}, ["Ada@Example.com"], ["Ada", "Byron", "A-1"]),
        ({"source": "data"}, ["Ada", "Byron", "on"], ["A-1"]),
        ({"source": "items[-1].sku"}, ["B-2"], ["A-1", "Ada"]),
        ({"source": "items[*].sku"}, ["A-1", "B-2"], ["Ada"]),
        ({"source": "items[?n=='2'].*"}, ["A-1"], ["B-2", "Ada"]),
        ({"source": "join(' ', [data.first, data.last])"}, ["Ada", "Byron"], ["A-1"]),
        ({"source": "join(' ', values(data.tags[0] && @))"}, ["Ada", "Byron", "A-1"], []),
        ({"source": "data.first", "transform": {"name": "join", "with": ["data.last"]}}, ["Ada", "Byron"], ["A-1"]),
        ({"transform": {"name": "template", "text": "{data.first} at {items[0].sku}"}}, ["Ada", "A-1"], ["Byron", "B-2"]),
    ],
)
def test_what_fills_a_personal_field_is_masked_wherever_its_mapping_takes_it_from(entry: Any, hidden: list[str], kept: list[str]) -> None:
    places = [place for rule in rules({**entry, "target": "email"}) for place in masking.places_of(rule)]
    bare = masking.Personal(frozenset({"email"}), tuple(places), None, is_mapped=True).hide(PAYLOAD)
    left = {str(value).strip() for _, value in paths.leaves(bare)}
    assert not left & set(hidden)
    assert left >= set(kept)
    assert paths.shape(bare) == paths.shape(PAYLOAD)


def test_lists_of_things_are_masked_one_by_one_and_unmapped_payloads_by_the_names_of_fields() -> None:
    places = (paths.of("sku"),)
    for items in ("items", "items[*]", "items[].{sku: sku}"):
        bare = masking.Personal(frozenset({"email"}), places, paths.of(items), is_mapped=True).hide(PAYLOAD)
        assert [item["sku"] for item in bare["items"]] == ["[masked]", "[masked]"]
        assert (bare["data"], bare["items"][0]["price"]) == (PAYLOAD["data"], PAYLOAD["items"][0]["price"])
    unmapped = masking.Personal(frozenset({"email"}), (), None, is_mapped=False).hide(PAYLOAD)
    assert unmapped == {**PAYLOAD, "data": {**PAYLOAD["data"], "email": "[masked]"}}
    assert masking.Personal(None, (), None, is_mapped=False).hide({"a": [1, None, ""]}) == {"a": ["[masked]", None, ""]}
