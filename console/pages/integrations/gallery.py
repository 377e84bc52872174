"""Owns the view of the gallery of providers."""

from __future__ import annotations

import reflex as rx

from backend.integrations.entry import CATEGORIES
from console.components import badge, table
from console.components.basic import button, icon, length, link, link_button, note, section
from console.components.empty import nothing_found
from console.pages.integrations.gallery_state import GalleryState
from console.pages.integrations.offers import TileGroup, TileRow, category_name
from console.pages.integrations.parts import provider_mark
from console.pages.integrations.paths import CATALOGUE, PATH
from console.pages.integrations.rows import STATUSES, IntegrationRow
from console.session import SessionState
from console.shell import bones, permitted, shell


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(view, route=CATALOGUE, title="Catalogue · Crossdock", on_load=[SessionState.load, GalleryState.load, GalleryState.follow])


def view() -> rx.Component:
    """The gallery."""
    state = GalleryState
    kinds = [rx.el.option("All", value=""), *(rx.el.option(category_name(each), value=each) for each in CATEGORIES)]
    tiles = rx.cond(
        length(state.groups) > 0,
        rx.fragment(rx.foreach(state.groups, _group)),
        rx.cond(state.loading, bones(), nothing_found(link_button("Show the whole catalogue", CATALOGUE))),
    )
    return shell(
        "Catalogue",
        permitted(
            state,
            rx.el.div(
                rx.el.div(
                    table.search_box(state.q, state.search, "Search providers"),
                    table.chip("Category", state.type, rx.fragment(*kinds), lambda value: state.pick("type", value)),
                    table.clear_filters(state, CATALOGUE),
                    class_name="x-toolbar",
                ),
                rx.cond(length(state.rows) > 0, _there(), rx.cond(state.is_filtered | state.loading, rx.fragment(), _first())),
                tiles,
                class_name="x-stack-wide",
            ),
        ),
        current=PATH,
        parent=("Integrations", PATH),
    )


def _first() -> rx.Component:
    connect = button(
        "Connect the sandbox",
        small=True,
        on_click=GalleryState.connect("sandbox"),
        busy=GalleryState.connecting == "sandbox",
        allowed=SessionState.can_write,
    )
    words = rx.el.span(
        "Nothing is connected yet. The sandbox is a provider inside Crossdock: connect it to see signing in, refreshing, "
        "syncing and revoking work with no account anywhere.",
        class_name="x-grow",
    )
    return note(rx.el.div(words, connect, class_name="x-row-wrap"), icon_name="flask-conical")


def _there() -> rx.Component:
    return section("Your integrations", rx.el.div(rx.foreach(GalleryState.rows, _connected), class_name="x-cards"))


def _connected(row: IntegrationRow) -> rx.Component:
    account = rx.cond(row.account != "", row.account, row.provider)
    return link(
        rx.el.div(
            provider_mark(row.mark),
            rx.el.div(
                rx.el.div(row.name, class_name="x-strong x-cut"), rx.el.div(account, class_name="x-small x-soft x-cut"), class_name="x-grow"
            ),
            badge.status(row.status, *STATUSES),
            class_name="x-row",
            gap="12px",
        ),
        rx.cond(row.told != "", rx.el.p(row.told, class_name="x-small x-soft x-wrap"), rx.fragment()),
        to=f"{PATH}/{row.id}",
        class_name="x-card x-card-pad x-stack x-press",
        key=row.id,
    )


def _group(group: TileGroup) -> rx.Component:
    return rx.el.section(
        rx.el.h2(group.name, class_name="x-h2"),
        rx.el.div(rx.foreach(group.tiles, _tile), class_name="x-cards"),
        class_name="x-stack",
        key=group.name,
    )


def _tile(tile: TileRow) -> rx.Component:
    state = GalleryState
    there = rx.cond(tile.is_there, rx.el.span(icon("circle-check", 13), "Connected", class_name="x-badge x-good"), rx.fragment())
    press = button(
        rx.cond(tile.is_there, "Connect another", "Connect"),
        icon_name="plug",
        small=True,
        look="primary",
        on_click=state.connect(tile.id),
        busy=state.connecting == tile.id,
        allowed=SessionState.can_write,
        aria_label="Connect " + tile.name,
    )
    set_up = link_button(rx.cond(tile.is_ready, "Options", "Set up"), CATALOGUE + "/" + tile.id, small=True)
    return rx.el.section(
        rx.el.div(provider_mark(tile.mark), rx.el.h3(tile.name, class_name="x-h3 x-grow x-cut"), there, class_name="x-row", gap="12px"),
        rx.el.p(tile.about, class_name="x-small x-soft x-grow"),
        rx.el.div(rx.cond(tile.is_ready, press, rx.fragment()), set_up, class_name="x-row"),
        class_name="x-card x-card-pad x-stack",
        key=tile.id,
        custom_attrs={"data-provider": tile.id},
    )
