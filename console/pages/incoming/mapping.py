"""Owns the view of a mapping: the sample's leaves on the left, the fields on the right, the last requests under both."""

from __future__ import annotations

import reflex as rx

from console.components import badge
from console.components.basic import button, card, icon, icon_button, length, negated, note, time
from console.components.form import area_field, more
from console.pages.incoming.mapping_rows import CHANGES, CellRow, LeafRow, RuleRow, TrialRow
from console.pages.incoming.mapping_state import MappingState
from console.session import SessionState


def waiting() -> rx.Component:
    """What is shown until the first request has come."""
    return rx.el.div(
        icon("radio", 20),
        rx.el.p("Waiting for the first request. Have the source send one, and it appears here.", data_testid="waiting"),
        class_name="x-empty",
    )


def mapping() -> rx.Component:
    """The whole tab."""
    state = MappingState
    return rx.el.div(
        rx.cond(state.is_example & (length(state.leaves) > 0), _example(), rx.fragment()),
        rx.cond(length(state.leaves) > 0, rx.el.div(_sample(), _fields(), class_name="x-halves"), rx.fragment(waiting(), _fields())),
        rx.cond(state.problem != "", note(state.problem, tone="bad", icon_name="circle-alert"), rx.fragment()),
        _foot(),
        _trials(),
        more(_as_text(), label="As JSON"),
        class_name="x-stack",
    )


def _example() -> rx.Component:
    told = rx.el.span("Waiting for the first request. ", data_testid="waiting")
    return note(told, "Until then this is an example of what the source sends.", tone="wait", icon_name="radio")


def _sample() -> rx.Component:
    state = MappingState

    def leaf(row: LeafRow) -> rx.Component:
        return rx.el.button(
            rx.el.span(row.path, class_name="x-mono x-wrap"),
            rx.el.span(row.value, class_name="x-soft x-cut"),
            type="button",
            on_click=state.pick_leaf(row.path),
            disabled=negated(SessionState.can_write),
            class_name="x-leaf",
            aria_pressed=rx.cond(state.leaf == row.path, "true", "false"),
            custom_attrs={"data-leaf": row.path},
            key=row.path,
        )

    title = rx.cond(state.is_example, "Example", "Captured request")
    return card(title, rx.el.div(rx.foreach(state.leaves, leaf), class_name="x-leaves", data_testid="sample"))


def _fields() -> rx.Component:
    state = MappingState
    hint = rx.cond(
        state.leaf != "",
        rx.fragment("Click the field that takes ", rx.el.span(state.leaf, class_name="x-mono")),
        "Click a value, then the field that takes it.",
    )
    return card(
        rx.fragment("Fields of ", rx.el.span(state.target, class_name="x-mono")),
        rx.el.p(hint, class_name="x-help x-card-pad", aria_live="polite"),
        rx.el.div(rx.foreach(state.rules, _rule), class_name="x-leaves", data_testid="fields"),
    )  # fmt: skip


def _rule(row: RuleRow) -> rx.Component:
    state = MappingState
    options = [rx.el.option(word, value=name) for name, (word, _) in CHANGES.items()]
    select = rx.el.select(
        *options,
        value=row.change,
        on_change=lambda value: state.change_field(row.target, value),
        aria_label=rx.Var.create(f"What is done to {row.target}"),
        class_name="x-select x-select-small",
    )
    fallback = rx.el.input(
        default_value=row.fallback,
        key=row.target + row.fallback,
        on_blur=lambda value: state.fill_field(row.target, value),
        placeholder=rx.cond(row.source != "", "If absent", "Fixed value"),
        aria_label=rx.Var.create(f"Value of {row.target} where the source has none"),
        disabled=negated(SessionState.can_write),
        max_length=400,
        class_name="x-input x-input-small",
    )
    name = rx.el.button(
        rx.el.span(row.label, rx.cond(row.needed, rx.el.span(" needed", class_name="x-tiny x-soft"), rx.fragment()), class_name="x-strong"),
        rx.cond(
            row.source != "",
            rx.el.span(row.source, class_name="x-mono x-wrap"),
            rx.cond(
                row.told == "", rx.el.span(rx.cond(row.fallback != "", "a fixed value", "nothing yet"), class_name="x-soft"), rx.fragment()
            ),
        ),
        rx.cond(row.told != "", rx.el.span(row.told, class_name="x-soft x-tiny x-wrap"), rx.fragment()),
        type="button",
        on_click=state.pick_field(row.target),
        disabled=negated(SessionState.can_write),
        class_name="x-leaf",
        custom_attrs={"data-field": row.target},
    )
    drop = icon_button("x", rx.Var.create(f"Map nothing to {row.target}"), small=True, on_click=state.drop_field(row.target))
    is_custom, is_list = row.change == "custom", row.kind == "list"
    is_mapped = (row.source != "") | is_custom | (row.fallback != "")
    tools = rx.el.div(
        rx.cond(is_custom | is_list | (row.source == ""), rx.fragment(), select),
        rx.cond(is_custom | is_list, rx.fragment(), fallback),
        rx.cond(is_mapped, drop, rx.fragment()),
        class_name="x-row",
    )
    return rx.el.div(name, tools, class_name="x-rule", key=row.target)


def _foot() -> rx.Component:
    state = MappingState
    return rx.el.div(
        button("Dry run", icon_name="flask-conical", on_click=state.rehearse, busy=state.trying, allowed=SessionState.can_operate),
        button("Save mapping", look="primary", on_click=state.save, busy=state.busy, allowed=SessionState.can_write),
        rx.cond(state.is_changed, rx.el.span("Not saved yet", class_name="x-small x-soft"), rx.fragment()),
        class_name="x-row-wrap",
    )


def _trials() -> rx.Component:
    state = MappingState
    nothing = rx.el.p("No request has arrived that could be tried.", class_name="x-small x-soft")
    listed = rx.cond(
        length(state.trials) > 0, rx.el.div(rx.foreach(state.trials, _trial), class_name="x-stack", data_testid="trials"), nothing
    )
    return rx.cond(
        state.has_tried,
        rx.el.section(rx.el.h2("What the last requests would become", class_name="x-h3"), listed, class_name="x-stack"),
        rx.fragment(),
    )


def _trial(row: TrialRow) -> rx.Component:
    head = rx.el.div(
        badge.status(row.outcome, "created", "updated", "unchanged", "captured", "rejected"),
        rx.el.span(row.sentence, class_name="x-small x-grow x-wrap"),
        time(row.at),
        class_name="x-card-head",
    )
    cells = rx.el.dl(rx.foreach(row.cells, _cell), class_name="x-cells")
    return rx.el.section(head, cells, class_name="x-card", key=row.id)


def _cell(cell: CellRow) -> rx.Component:
    was = rx.cond(cell.changed & (cell.before != "null"), rx.el.span(cell.before, " → ", class_name="x-soft"), rx.fragment())
    return rx.el.div(
        rx.el.dt(cell.target, class_name="x-mono"),
        rx.el.dd(was, cell.value, class_name="x-wrap"),
        custom_attrs={"data-changed": cell.changed},
        key=cell.target,
    )


def _as_text() -> rx.Component:
    state = MappingState
    return rx.el.form(
        area_field(
            "Mapping",
            name="mapping",
            mono=True,
            rows=14,
            default_value=state.mapping,
            key=state.mapping,
            spell_check=False,
            error=state.errors["mapping"],
            help_="Everything that a mapping can say: transforms, defaults, lists with `each`. The guide tells all of it.",
        ),
        button("Save this", type="submit", busy=state.busy, allowed=SessionState.can_write, align_self="flex-start"),
        on_submit=state.save_text,
        class_name="x-form",
    )
