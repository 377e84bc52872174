"""Owns the form of how an integration syncs."""

from __future__ import annotations

from typing import Any

import reflex as rx

from console.components.basic import Live, button, length, note
from console.components.form import field, guarded_form
from console.pages.integrations.detail_state import IntegrationState
from console.pages.integrations.sync_forms import ChoiceRow
from console.session import SessionState


def sync_settings() -> rx.Component:
    """Direction, modules, rules and mapping."""
    state, form = IntegrationState, IntegrationState.sync_form
    errors = state.sync_errors
    save = button("Save syncs", look="primary", type="submit", allowed=SessionState.can_write, align_self="flex-start")
    scope = note(
        form.scope,
        " has not been granted, and writing needs it. Reconnect and allow it; it is asked for now.",
        tone="wait",
        icon_name="triangle-alert",
    )
    shown = guarded_form(
        rx.el.h2("Syncs", class_name="x-h2"),
        rx.el.p(form.summary, class_name="x-soft", data_testid="sync-summary"),
        rx.cond(form.scope != "", scope, rx.fragment()),
        rx.cond(errors[""], note(errors[""], tone="bad", icon_name="circle-alert"), rx.fragment()),
        rx.foreach(form.rules, lambda row: _control(row, errors[row.name])),
        rx.cond(form.first != "", rx.el.p(form.first, class_name="x-help"), rx.fragment()),
        _mapping("Mapping", "Which of the module's fields goes with which of theirs.", form.brought, errors["mapping"]),
        rx.cond(
            length(form.written) > 0,
            _mapping("Mapping of what is written", "From which field each of theirs is filled.", form.written, errors["push_mapping"]),
            rx.fragment(),
        ),
        save,
        on_submit=state.save_sync,
        class_name="x-form",
        key=state.sync_revision,
        saved=state.sync_revision,
        data_testid="sync-settings",
    )
    return rx.cond(form.can_choose, shown, rx.fragment())


def _mapping(title: str, about: str, rows: Live, error: Live) -> rx.Component:
    wrong = rx.cond(error, note(error, tone="bad", icon_name="circle-alert"), rx.fragment())
    return rx.el.fieldset(
        rx.el.legend(title, class_name="x-label"),
        rx.el.p(about, class_name="x-help"),
        wrong,
        rx.foreach(rows, _line),
        class_name="x-field",
        border="0",
        padding="0",
    )


def _control(row: ChoiceRow, error: Live) -> rx.Component:
    return rx.fragment(field(row.label, _select(row), name=row.name, help_=row.about, error=error), key=row.name)


def _line(row: ChoiceRow) -> rx.Component:
    label = rx.el.label(row.label, rx.el.span(row.about, class_name="x-help"), html_for=row.name, class_name="x-stack-tight x-grow")
    return rx.el.div(label, rx.el.div(_select(row), width="55%"), class_name="x-between", key=row.name)


def _select(row: ChoiceRow) -> rx.Component:
    options: Any = rx.foreach(row.options, lambda pair: rx.el.option(pair[1], value=pair[0], key=pair[0]))
    return rx.el.select(options, id=row.name, name=row.name, default_value=row.value, class_name="x-select", key=row.name + row.value)
