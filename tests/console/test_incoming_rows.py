"""What the fields of a mapping show of it, and the mapping that they say."""

from __future__ import annotations

import pytest

from backend.incoming import mapping, presets
from backend.incoming.inputs import Target
from backend.incoming.presets import Preset
from console.pages.incoming.mapping_rows import RuleRow, in_list, rule_rows, rules_of


def _target(preset: Preset) -> Target:
    if preset.module == "orders":
        return Target.orders()
    fields = tuple(str(rule["target"]) for rule in preset.field_mapping)
    return Target("module", str(preset.module), fields, (), ())


def _by_target(rules: list[dict[str, object]]) -> dict[str, mapping.Rule]:
    return {rule.target: rule for rule in mapping.stored(rules)}


@pytest.mark.parametrize("preset", [each for each in presets.every() if each.field_mapping], ids=lambda each: each.name)
def test_a_mapping_that_nobody_touches_stays_as_it_is(preset: Preset) -> None:
    stored = [rule.document() for rule in mapping.stored(list(preset.field_mapping))]
    rows = rule_rows(stored, _target(preset), None)
    assert _by_target(rules_of(rows, stored)).keys() == _by_target(stored).keys()
    for name, rule in _by_target(rules_of(rows, stored)).items():
        before = _by_target(stored)[name]
        assert {each.target: each for each in rule.each} == {each.target: each for each in before.each}
        assert (rule.source, rule.transforms, rule.default, rule.required) == (
            before.source, before.transforms, before.default, before.required,
        )  # fmt: skip


def test_the_items_of_an_order_are_mapped_by_their_parts() -> None:
    rows = {row.target: row for row in rule_rows([], Target.orders(), None)}
    assert {"items.product_id", "items.quantity", "items.unit_price"} <= rows.keys()
    rows["items"].source = "line_items"
    rows["items.product_id"].source = "sku"
    rows["items.quantity"].fallback = "1"
    rows["order_type"].fallback = "delivery"
    found = {str(rule["target"]): rule for rule in rules_of(rows.values(), [])}
    assert found.keys() == {"items", "order_type"}
    mapped = mapping.apply(mapping.stored(list(found.values())), {"line_items": [{"sku": "a"}, {"sku": "b"}]})
    assert mapped.values == {
        "items": [{"product_id": "a", "quantity": "1"}, {"product_id": "b", "quantity": "1"}],
        "order_type": "delivery",
    }


def test_what_has_no_row_of_its_own_is_kept() -> None:
    stored = [
        {
            "source": "lines",
            "target": "items",
            "each": [{"source": "id", "target": "product_id"}, {"source": "with", "target": "modifiers"}],
        }
    ]
    rows = rule_rows(stored, Target.orders(), None)
    parts = {each["target"]: each["source"] for each in rules_of(rows, stored)[0]["each"]}
    assert parts == {"product_id": "id", "modifiers": "with"}


@pytest.mark.parametrize(
    ("leaf", "known", "found"),
    [
        ("line_items[0].sku", "", ("line_items", "sku")),
        ("order.lines[2].price.amount", "", ("order.lines", "price.amount")),
        ("groups[0].items[1].sku", "", ("groups", "items[1].sku")),
        ("groups[0].items[1].sku", "groups[0].items", ("groups[0].items", "sku")),
        ("[0].sku", "", ("@", "sku")),
        ("email", "", ("", "")),
    ],
)
def test_a_place_in_a_list_is_the_list_and_the_place_in_its_item(leaf: str, known: str, found: tuple[str, str]) -> None:
    assert in_list(leaf, known) == found


def test_what_is_done_to_a_value_is_told_in_words() -> None:
    rules = [
        {"source": "", "target": "provider", "transform": [{"name": "constant", "value": "uber_eats"}]},
        {
            "source": "kind",
            "target": "order_type",
            "transform": [{"name": "lookup", "table": {"PICK_UP": "pickup"}, "otherwise": "delivery"}],
        },
    ]
    rows: dict[str, RuleRow] = {row.target: row for row in rule_rows(rules, Target.orders(), None)}
    assert rows["provider"].told == "always uber_eats"
    assert rows["order_type"].told == "PICK_UP → pickup, else delivery"
