"""Owns what the pages of integrations share: a provider's mark, and the controls that the catalogue asks for."""

from __future__ import annotations

from typing import Any

import reflex as rx

from console.components.basic import Live, Text, length, text_link
from console.components.form import area_field, field, more, text_field
from console.pages.integrations.forms import PREFIX, SCOPE
from console.pages.integrations.offers import FieldRow
from console.pages.integrations.paths import SANDBOX
from console.pages.integrations.rows import ScopeRow


def provider_mark(letters: Live) -> rx.Component:
    """The letters that stand for a provider."""
    return rx.el.span(letters, class_name="x-tile x-mark", custom_attrs={"aria-hidden": "true"})


def named(errors: Live, name: Live = "", about: Live = "") -> list[rx.Component]:
    """How an integration is called here."""
    return [
        text_field(
            "Name",
            name="name",
            error=errors["name"],
            default_value=name,
            max_length=120,
            help_="What it is called here. Empty: the provider's name.",
        ),
        area_field("Description", name="description", default_value=about, max_length=1000, rows="2"),
    ]


def entered(rows: Live, errors: Live) -> Live:
    """A control for each of `rows`; secrets go in and never come back."""

    def control(row: FieldRow) -> rx.Component:
        name, error = PREFIX + row.name, errors[row.name]
        wrong: dict[str, Any] = {"aria_invalid": rx.cond(error, "true", "false")}
        options = rx.foreach(row.options, lambda option: rx.el.option(option, value=option, key=option))
        shown: Live = rx.match(
            row.kind,
            ("choice", rx.el.select(options, id=name, name=name, default_value=row.value, class_name="x-select", **wrong)),
            (
                "secret",
                rx.el.input(
                    id=name,
                    name=name,
                    type="password",
                    placeholder=rx.cond(row.hint != "", row.hint, row.example),
                    auto_complete="new-password",
                    class_name="x-input x-code-input",
                    **wrong,
                ),
            ),
            rx.el.input(
                id=name,
                name=name,
                default_value=row.value,
                placeholder=row.example,
                auto_complete="off",
                spell_check=False,
                class_name="x-input x-code-input",
                **wrong,
            ),
        )
        label = rx.fragment(row.label, rx.cond(row.is_required, "", rx.el.span(" (optional)", class_name="x-soft")))
        return rx.fragment(field(label, shown, name=name, help_=row.about, error=error), key=row.name + row.value)

    return rx.foreach(rows, control)


def addresses(rows: Live, errors: Live) -> rx.Component:
    """Addresses other than the catalogue's."""
    about = "For a region, a test environment, or a provider that moved. Empty: as the catalogue says."
    return rx.cond(length(rows) > 0, more(rx.el.p(about, class_name="x-help"), entered(rows, errors), label="Addresses"), rx.fragment())


def scopes(rows: Live, further: Live, errors: Live, about: Text) -> rx.Component:
    """The scopes to ask for, each with its reason."""

    def choice(row: ScopeRow) -> rx.Component:
        words = rx.el.span(
            rx.el.span(row.name, class_name="x-mono x-wrap"), rx.el.span(row.reason, class_name="x-help"), class_name="x-stack-tight"
        )
        return rx.el.label(
            rx.el.input(type="checkbox", name=SCOPE + row.name, default_checked=row.is_asked), words, class_name="x-check", key=row.name
        )

    return rx.el.fieldset(
        rx.el.legend("Scopes", class_name="x-label"),
        rx.el.p(about, class_name="x-help"),
        rx.foreach(rows, choice),
        text_field(
            rx.cond(length(rows) > 0, "Further scopes", "Names of the scopes"),
            name="further_scopes",
            mono=True,
            default_value=further,
            key=further,
            error=errors["scopes"],
            help_="Separated by blanks, as the provider's documentation names them.",
        ),
        class_name="x-field",
        border="0",
        padding="0",
    )


def sandbox_link() -> rx.Component:
    """To the switches of the sandbox."""
    return text_link("Sandbox switches", SANDBOX)
