"""Owns the frame of every page: sidebar, title, one main action, connection, keys, person and workspace."""

from __future__ import annotations

from typing import Any, Final

import reflex as rx
from reflex_components_core.core.banner import has_connection_errors

from console.components.basic import Text, icon, icon_button, link, link_button, note
from console.components.form import post_form
from console.nav import GROUPS, navigation
from console.session import SessionState, WorkspaceRow
from console.theme import Fonts

MAIN: Final = "content"


def shell(
    title: Text, *content: Any, current: str, action: rx.Component | None = None, parent: tuple[str, str] | None = None
) -> rx.Component:
    """A page in its frame. `current` is the sidebar's path, `parent` (`title`, `path`) what the page is below."""
    return rx.el.div(
        Fonts.create(),
        rx.el.a("Skip to content", href=f"#{MAIN}", class_name="x-skip"),
        rx.el.aside(_sidebar(current, keys=True), class_name="x-side"),
        rx.el.div(
            _offline(),
            _top(title, current=current, action=action, parent=parent),
            rx.el.main(*content, id=MAIN, class_name="x-main", tab_index=-1),
            class_name="x-body",
        ),
        rx.el.div(id="x-announce", aria_live="polite", class_name="x-visually-hidden"),
        rx.el.span(custom_attrs={"data-hydrated": rx.cond(rx.State.is_hydrated, "true", "false")}, hidden=True),
        _keys_help(),
        class_name="x-frame",
    )


def live_mark() -> rx.Component:
    """At the right of a list's title: what is new appears by itself."""
    return rx.el.span(rx.el.i(), "Live", class_name="x-live x-wide-only", title="What is new appears by itself.")


def gone(sentence: str, path: str, label: str) -> rx.Component:
    """What a detail shows when there is no such thing, with the way to its list."""
    return rx.el.div(rx.el.p(sentence), link_button(label, path), class_name="x-empty")


def one(state: Any, row: Any, noun: str, parent: tuple[str, str], content: Any, dialogs: Any, action: rx.Component) -> rx.Component:
    """The page of one thing, a `states.Detail` whose `row` has a name and an id: itself, its lines, or that it is not there."""
    title, path = parent
    missing = gone(f"There is no such {noun} in this workspace. It may have been deleted.", path, f"All {noun}s")
    return shell(
        rx.cond(row.name != "", row.name, noun.capitalize()),
        rx.cond(state.missing, missing, rx.cond(row.id == "", bones(), content)),
        dialogs,
        current=path,
        parent=(title, path),
        action=rx.cond(row.id != "", action, rx.fragment()),
    )


def permitted(state: Any, *content: Any) -> rx.Component:
    """The content of a `states.Page`, or why the role does not allow it."""
    return rx.cond(state.denied != "", note(state.denied, tone="wait", icon_name="lock"), rx.fragment(*content))


def bones(*widths: str) -> rx.Component:
    """The lines of a detail that is not there yet."""
    lines = widths or ("220px", "60%", "80%", "70%")
    return rx.el.div(*[rx.el.span(class_name="x-bone", width=width) for width in lines], class_name="x-stack")


def bare(*content: Any) -> rx.Component:
    """The frame of the pages without a session."""
    return rx.el.main(Fonts.create(), rx.el.div(brand(), *content, class_name="x-door-card x-stack-wide"), class_name="x-door")


def brand() -> rx.Component:
    """The product's mark and name."""
    mark = rx.el.svg(
        rx.el.svg.path(
            d="M3 8h13l-4-4M21 16H8l4 4", stroke="#fff", stroke_width="2.2", fill="none", stroke_linecap="round", stroke_linejoin="round"
        ),
        view_box="0 0 24 24",
        width="16",
        height="16",
        custom_attrs={"aria-hidden": "true"},
    )
    return rx.el.div(rx.el.span(mark, class_name="x-tile"), "Crossdock", class_name="x-brand")


def _top(title: Text, *, current: str, action: rx.Component | None, parent: tuple[str, str] | None) -> rx.Component:
    crumb: list[rx.Component] = []
    if parent:
        crumb = [link(parent[0], to=parent[1], class_name="x-wide-only"), icon("chevron-right", 14, class_name="x-soft x-wide-only")]
    return rx.el.header(
        _sheet(current),
        rx.el.div(*crumb, rx.el.h1(title, class_name="x-cut"), class_name="x-crumb x-grow"),
        action or rx.fragment(),
        rx.el.button(
            rx.color_mode_cond(icon("moon"), icon("sun")),
            type="button",
            aria_label="Switch between light and dark",
            title="Light or dark",
            on_click=rx.toggle_color_mode,
            class_name="x-button x-quiet x-icon-button",
        ),
        class_name="x-top",
    )


def _sidebar(current: str, *, keys: bool) -> rx.Component:
    return rx.el.nav(
        _workspace_menu(),
        *navigation(current, keys=keys),
        rx.el.div(_person_menu(), class_name="x-nav-foot"),
        class_name="x-nav",
        aria_label="Main",
    )


def _sheet(current: str) -> rx.Component:
    return rx.dialog.root(
        rx.dialog.trigger(
            rx.el.button(
                icon("menu"), type="button", aria_label="Open navigation", class_name="x-button x-quiet x-icon-button x-menu-button"
            )
        ),
        rx.dialog.content(
            rx.dialog.title("Navigation", class_name="x-visually-hidden"),
            rx.dialog.description("Pages of the console", class_name="x-visually-hidden"),
            _sidebar(current, keys=False),
            class_name="x-sheet",
        ),
    )


def _workspace_menu() -> rx.Component:
    def choice(row: WorkspaceRow) -> rx.Component:
        return rx.dropdown_menu.item(
            post_form(
                "/auth/workspace",
                rx.el.input(type="hidden", name="workspace_id", value=row.id),
                rx.el.button(
                    rx.el.span(row.name, class_name="x-cut x-grow"),
                    rx.cond(row.id == SessionState.workspace_id, icon("check", 14), rx.fragment()),
                    type="submit",
                    class_name="x-switch",
                ),
                width="100%",
            ),
            key=row.id,
            padding="0",
            height="auto",
        )

    return rx.dropdown_menu.root(
        rx.dropdown_menu.trigger(
            rx.el.button(
                rx.el.span(SessionState.initial, class_name="x-tile", custom_attrs={"aria-hidden": "true"}),
                rx.el.span("Workspace ", class_name="x-visually-hidden"),
                rx.el.span(SessionState.workspace, class_name="x-cut x-grow x-strong"),
                icon("chevrons-up-down", 14),
                type="button",
                class_name="x-switch",
            )
        ),
        rx.dropdown_menu.content(
            rx.foreach(SessionState.workspaces, choice),
            rx.dropdown_menu.separator(),
            rx.dropdown_menu.item(
                link(icon("plus", 15), "New workspace", to="/settings/workspaces/new", class_name="x-switch"), padding="0", height="auto"
            ),
            min_width="208px",
        ),
        modal=False,
    )


def _person_menu() -> rx.Component:
    def leave(label: str, icon_name: str, action: str) -> rx.Component:
        form = post_form(action, rx.el.button(icon(icon_name, 15), label, type="submit", class_name="x-switch"), width="100%")
        return rx.dropdown_menu.item(form, padding="0", height="auto")

    return rx.dropdown_menu.root(
        rx.dropdown_menu.trigger(
            rx.el.button(
                rx.el.span(SessionState.user_name[:1].upper(), class_name="x-tile x-tile-round", custom_attrs={"aria-hidden": "true"}),
                rx.el.span("Your account, ", class_name="x-visually-hidden"),
                rx.el.span(
                    rx.el.span(SessionState.user_name, class_name="x-cut x-small"),
                    rx.el.span(SessionState.role, class_name="x-tiny x-soft"),
                    class_name="x-grow",
                    display="flex",
                    flex_direction="column",
                    line_height="16px",
                ),
                icon("chevrons-up-down", 14),
                type="button",
                class_name="x-switch",
            )
        ),
        rx.dropdown_menu.content(
            leave("Sign out", "log-out", "/auth/logout"),
            leave("Sign out everywhere", "monitor-x", "/auth/logout-everywhere"),
            min_width="208px",
        ),
        modal=False,
    )


def _offline() -> rx.Component:
    return rx.cond(
        has_connection_errors,
        rx.el.div(icon("wifi-off", 14), "Not connected. What you see may be old; trying again.", class_name="x-offline", role="status"),
        rx.fragment(),
    )


def _keys_help() -> rx.Component:
    def line(keys: list[str], words: str) -> rx.Component:
        return rx.el.div(
            rx.el.span(words), rx.el.span(*[rx.el.kbd(key) for key in keys], class_name="x-row"), class_name="x-between x-small"
        )

    places = [place for group in GROUPS for place in group.places]
    return rx.dialog.root(
        rx.dialog.trigger(icon_button("keyboard", "Keyboard shortcuts", display="none", custom_attrs={"data-help": "true"})),
        rx.dialog.content(
            rx.dialog.title("Keyboard", class_name="x-dialog-title", margin_bottom="4px"),
            rx.dialog.description("Everywhere but while typing.", class_name="x-small x-soft", margin_bottom="16px"),
            rx.el.div(
                line(["/"], "Search this list"),
                *[line(["g", place.letter], f"Go to {place.title}") for place in places],
                line(["?"], "This help"),
                line(["Esc"], "Close"),
                class_name="x-stack",
            ),
            class_name="x-dialog",
            max_width="360px",
        ),
    )
