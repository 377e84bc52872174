"""Owns the view of a provider of the catalogue, and of setting up an integration with it."""

from __future__ import annotations

from typing import Any

import reflex as rx

from console.components import table
from console.components.basic import button, icon, length, link_button, note
from console.components.copy import copy_id
from console.components.form import more, text_field
from console.pages.integrations.parts import addresses, entered, named, provider_mark, sandbox_link, scopes
from console.pages.integrations.paths import CATALOGUE, PATH
from console.pages.integrations.setup_state import SetupState
from console.session import SessionState
from console.shell import bones, gone, permitted, shell


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(view, route=f"{CATALOGUE}/[provider_id]", title="Provider · Crossdock", on_load=[SessionState.load, SetupState.load])


def view() -> rx.Component:
    """The page."""
    state = SetupState
    missing = gone("There is no such provider in the catalogue. Any that speaks OAuth 2.0 can be added as Custom.", CATALOGUE, "Catalogue")
    return shell(
        rx.cond(state.offer.name != "", state.offer.name, "Provider"),
        rx.cond(state.missing, missing, permitted(state, rx.cond(state.offer.id == "", bones(), _content()))),
        current=PATH,
        parent=("Catalogue", CATALOGUE),
    )


def _content() -> rx.Component:
    state, offer = SetupState, SetupState.offer
    head = rx.el.div(
        provider_mark(offer.mark), rx.el.p(offer.about, class_name="x-grow"), class_name="x-row", gap="12px", align_items="flex-start"
    )
    ways = table.tabs(
        rx.foreach(
            state.ways,
            lambda way: rx.fragment(
                table.tab(way[1], CATALOGUE + "/" + offer.id + "?way=" + way[0], active=way[0] == offer.way), key=way[0]
            ),
        ),
        label="Ways to authenticate",
    )
    return rx.el.div(
        rx.el.div(
            head,
            rx.cond(length(state.ways) > 1, ways, rx.fragment()),
            _steps(),
            rx.cond(offer.is_custom & offer.signs_in, _discovery(), rx.fragment()),
            _form(),
            class_name="x-stack-wide",
        ),
        _facts(),
        class_name="x-two",
    )


def _steps() -> rx.Component:
    offer = SetupState.offer

    def step(words: Any) -> rx.Component:
        return rx.el.li(rx.el.span("–"), rx.el.span(words), class_name="x-row x-small", align_items="flex-start", key=words)

    uri = rx.el.div(
        rx.el.span("Redirect URI, to be registered at the provider", class_name="x-small x-soft"),
        copy_id(offer.redirect_uri),
        class_name="x-stack-tight",
    )
    return rx.el.div(
        rx.el.ul(rx.foreach(offer.setup, step), class_name="x-stack-tight"),
        rx.cond(offer.redirect_uri != "", uri, rx.fragment()),
        class_name="x-stack",
    )


def _discovery() -> rx.Component:
    state = SetupState
    return rx.el.form(
        text_field(
            "Issuer",
            name="issuer_url",
            mono=True,
            placeholder="https://accounts.example.com",
            error=state.discovery_error,
            help_="Where the provider publishes its metadata (RFC 8414), the addresses below are filled in from it.",
        ),
        rx.cond(state.discovered != "", note(state.discovered, tone="good", icon_name="circle-check"), rx.fragment()),
        button(
            "Discover", icon_name="search", type="submit", busy=state.discovering, allowed=SessionState.can_write, align_self="flex-start"
        ),
        on_submit=state.discover,
        class_name="x-card x-card-pad x-stack",
        max_width="560px",
    )


def _form() -> rx.Component:
    state, errors = SetupState, SetupState.errors
    verb = rx.cond(
        state.offer.signs_in,
        rx.cond(state.offer.is_custom, "Save and show its redirect URI", "Save and sign in"),
        "Save and test",
    )
    test = button(
        "Test without saving",
        icon_name="flask-conical",
        type="submit",
        on_click=state.intend("test"),
        busy=state.busy & (state.intent == "test"),
        allowed=SessionState.can_operate,
    )
    told = rx.match(
        state.tone,
        ("good", note(state.told, tone="good", icon_name="circle-check")),
        ("bad", note(state.told, tone="bad", icon_name="circle-alert")),
        rx.fragment(),
    )
    wanted = scopes(
        state.scopes, state.further, errors, "What the provider is asked to allow. It is shown beside what was granted, once connected."
    )
    return rx.el.form(
        rx.cond(errors[""], note(errors[""], tone="bad", icon_name="circle-alert"), rx.fragment()),
        entered(state.fields, errors),
        rx.cond(state.asks_scopes, rx.cond(state.offer.is_custom, wanted, more(wanted, label="Scopes")), rx.fragment()),
        more(*named(errors), label="Name and description"),
        addresses(state.addresses, errors),
        told,
        rx.el.div(
            button(verb, look="primary", type="submit", busy=state.busy & (state.intent != "test"), allowed=SessionState.can_write),
            rx.cond(state.offer.can_test, test, rx.fragment()),
            link_button("Cancel", CATALOGUE, look="quiet"),
            class_name="x-row-wrap",
        ),
        on_submit=state.submit,
        class_name="x-form",
        no_validate=True,
        key=state.offer.id + state.offer.way,
    )


def _facts() -> rx.Component:
    offer = SetupState.offer
    docs = rx.el.a(
        "The provider's documentation",
        icon("external-link", 13),
        href=offer.docs,
        target="_blank",
        rel="noreferrer",
        class_name="x-link x-row",
    )
    brings = rx.cond(
        offer.brings != "",
        rx.el.p("Syncs bring ", offer.brings, " into records, what changed since the last time.", class_name="x-small"),
        rx.el.p("Nothing is synced. ", offer.brings_nothing, class_name="x-small"),
    )
    sure = more(
        rx.el.ul(
            rx.foreach(
                offer.sure,
                lambda pair: rx.el.li(rx.el.span(pair[0], class_name="x-strong"), ": ", pair[1], class_name="x-small", key=pair[0]),
            ),
            class_name="x-stack-tight",
        ),
        label="How sure these facts are",
    )
    return rx.el.aside(
        docs,
        brings,
        rx.cond(offer.does != "", rx.el.p("It can be asked to: ", offer.does, ".", class_name="x-small"), rx.fragment()),
        rx.foreach(offer.notes, lambda each: rx.el.p(each, class_name="x-small x-soft", key=each)),
        rx.el.p("What is secret is encrypted as it arrives, and never shown, sent or logged again.", class_name="x-small x-soft"),
        rx.cond(offer.id == "sandbox", sandbox_link(), rx.fragment()),
        sure,
        class_name="x-card x-card-pad x-stack",
    )
