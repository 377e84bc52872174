"""Owns the view of one integration: state and account, what can be done, scopes, timeline."""

from __future__ import annotations

from typing import Any

import reflex as rx

from console.components import badge, table
from console.components.basic import button, card, facts, icon, length, menu, menu_item, note, time
from console.components.copy import copy_id
from console.components.dialog import ask, confirm_by_name
from console.pages.integrations.actions import try_actions
from console.pages.integrations.actions_state import ActionState
from console.pages.integrations.configuration import configuration
from console.pages.integrations.detail_state import IntegrationState
from console.pages.integrations.parts import sandbox_link
from console.pages.integrations.paths import PATH
from console.pages.integrations.rows import GRANTS, STATUSES, MomentRow, ScopeRow
from console.pages.integrations.sync_settings import sync_settings
from console.pages.integrations.syncs import latest_sync, sync_history
from console.session import SessionState
from console.shell import bones, gone, permitted, shell


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(
        view,
        route=f"{PATH}/[integration_id]",
        title="Integration · Crossdock",
        on_load=[SessionState.load, ActionState.rest, IntegrationState.load, IntegrationState.follow],
    )


def view() -> rx.Component:
    """The page."""
    state = IntegrationState
    missing = gone(
        "There is no such integration in this workspace. It may have been deleted, or belong to another workspace.",
        PATH,
        "All integrations",
    )
    return shell(
        rx.cond(state.integration.name != "", state.integration.name, "Integration"),
        rx.cond(state.missing, missing, permitted(state, rx.cond(state.integration.id == "", bones(), _content()))),
        _dialogs(),
        current=PATH,
        parent=("Integrations", PATH),
        action=rx.cond(state.integration.id != "", _actions(), rx.fragment()),
    )


def _actions() -> rx.Component:
    state, it, can_write, can = IntegrationState, IntegrationState.integration, SessionState.can_write, SessionState.can_operate
    test = button("Test", icon_name="stethoscope", on_click=state.test, busy=state.doing == "test", allowed=can)
    sync = button(
        "Sync now", icon_name="refresh-cw", look="primary", on_click=state.start_sync(False), busy=state.sync.is_open, allowed=can_write
    )
    sign_in = rx.cond(it.is_connected, "Reconnect", "Connect")
    connect = button(sign_in, icon_name="plug", look="primary", on_click=state.connect, allowed=can_write)
    enable = button("Enable", icon_name="power", look="primary", on_click=state.switch, allowed=can_write)
    again = rx.el.span(button("Reconnect", icon_name="plug", on_click=state.connect, allowed=can_write), class_name="x-wide-only")
    well = rx.el.span(
        rx.el.span(test, class_name="x-wide-only"),
        rx.cond(it.signs_in & it.lacks_scope, again, rx.fragment()),
        rx.cond(it.brings != "", sync, rx.fragment()),
        class_name="x-row",
    )
    everything = menu_item("Sync everything", "list-restart", state.start_sync(True), disabled=~can_write)
    renew = menu_item("Refresh token now", "timer-reset", state.refresh, disabled=~can_write)
    more = menu(
        "More actions",
        menu_item("Test", "stethoscope", state.test),
        rx.cond(it.signs_in, menu_item(sign_in, "plug", state.connect, disabled=~can_write), rx.fragment()),
        rx.cond(it.brings != "", everything, rx.fragment()),
        rx.cond(it.refreshes, renew, rx.fragment()),
        menu_item(rx.cond(it.is_disabled, "Enable", "Disable"), "power", state.switch, disabled=~can_write),
        menu_item("Disconnect…", "unplug", state.open_dialog("disconnect"), disabled=~can_write),
        menu_item("Delete…", "trash-2", state.open_dialog("delete"), danger=True, disabled=~can_write),
        allowed=can,
    )
    needs_person = it.signs_in & ((it.status == "needs_reconnect") | (it.status == "pending"))
    return rx.el.div(rx.cond(it.is_disabled, enable, rx.cond(needs_person, connect, well)), more, class_name="x-row")


def _content() -> rx.Component:
    state, it = IntegrationState, IntegrationState.integration
    here = PATH + "/" + it.id
    tabs = table.tabs(
        table.tab("Timeline", here, active=state.tab == "timeline"),
        table.tab("Syncs", here + "?tab=syncs", active=state.tab == "syncs"),
        rx.cond(length(it.does) > 0, table.tab("Actions", here + "?tab=actions", active=state.tab == "actions"), rx.fragment()),
        table.tab("Settings", here + "?tab=settings", active=state.tab == "settings"),
        label="Parts of the integration",
    )
    return rx.el.div(
        rx.el.div(
            rx.el.div(badge.status(it.status, *STATUSES), copy_id(it.id), class_name="x-row-wrap"),
            rx.el.div(
                rx.el.p(it.sentence, class_name="x-h2 x-wrap", data_testid="sentence"),
                rx.cond(it.next_step != "", rx.el.p(it.next_step, class_name="x-soft", data_testid="next-step"), rx.fragment()),
                class_name="x-stack-tight",
            ),
            _told(),
            tabs,
            rx.match(
                state.tab,
                ("syncs", sync_history()),
                ("actions", try_actions()),
                ("settings", rx.el.div(configuration(), sync_settings(), class_name="x-stack-wide")),
                rx.el.div(latest_sync(), _timeline(), class_name="x-stack-wide"),
            ),
            class_name="x-stack",
        ),
        rx.el.div(_facts(), rx.cond(length(state.scopes) > 0, _scopes(), rx.fragment()), class_name="x-stack"),
        class_name="x-two",
    )


def _told() -> rx.Component:
    """What came of the last thing that was done here."""
    state = IntegrationState
    by_hand = rx.el.a("End it there", href=state.link, target="_blank", rel="noreferrer", class_name="x-link")
    words = (state.told, " ", rx.cond(state.link != "", by_hand, rx.fragment()))
    shown = rx.match(
        state.tone,
        ("good", note(*words, tone="good", icon_name="circle-check")),
        ("wait", note(*words, tone="wait", icon_name="triangle-alert")),
        note(*words, tone="bad", icon_name="circle-alert"),
    )
    return rx.cond(state.told != "", rx.el.div(shown, data_testid="told"), rx.fragment())


def _timeline() -> rx.Component:
    state = IntegrationState
    return rx.el.div(rx.el.ol(rx.foreach(state.rows, _moment), class_name="x-story"), table.pager(state), class_name="x-stack")


def _moment(row: MomentRow) -> rx.Component:
    return rx.el.li(
        badge.dot(row.look, "done", "failed"),
        rx.el.div(
            rx.el.p(row.summary, class_name="x-wrap"),
            rx.cond(row.next_step != "", rx.el.p(row.next_step, class_name="x-soft"), rx.fragment()),
            rx.el.p(time(row.at), rx.cond(row.who != "", rx.fragment(" · ", row.who), ""), class_name="x-tiny x-soft"),
            class_name="x-small x-stack-tight",
        ),
        key=row.id,
        class_name="x-step",
    )


def _facts() -> rx.Component:
    it = IntegrationState.integration

    def when(at: Any) -> rx.Component:
        return rx.cond(at != "", time(at), rx.el.span("Never", class_name="x-soft"))

    account = rx.cond(it.account != "", rx.el.span(it.account, class_name="x-strong x-wrap"), rx.el.span("None", class_name="x-soft"))
    uri = rx.el.div(rx.el.span("Redirect URI", class_name="x-small x-soft"), copy_id(it.redirect_uri), class_name="x-stack-tight")
    docs = rx.el.a(it.provider, icon("external-link", 13), href=it.docs, target="_blank", rel="noreferrer", class_name="x-link x-row")
    return rx.el.aside(
        rx.el.div(rx.el.span("Account", class_name="x-small x-soft"), account, class_name="x-stack-tight", data_testid="account"),
        rx.cond(it.account_id != "", copy_id(it.account_id), rx.fragment()),
        facts(
            ("Provider", docs),
            ("By", it.way),
            ("Connected", when(it.connected)),
            ("Tested", when(it.tested)),
            ("Synced", when(it.synced)),
            ("Refreshed", when(it.refreshed)),
            ("Token ends", rx.cond(it.ends != "", time(it.ends), rx.el.span("–", class_name="x-soft"))),
            ("Added", time(it.created)),
        ),
        rx.cond(it.lives != "", rx.el.p(it.lives, class_name="x-small x-soft"), rx.fragment()),
        rx.cond(it.redirect_uri != "", uri, rx.fragment()),
        rx.cond(it.is_sandbox, sandbox_link(), rx.fragment()),
        class_name="x-card x-card-pad x-stack",
    )


def _scopes() -> rx.Component:
    def line(row: ScopeRow) -> rx.Component:
        return rx.el.div(
            rx.el.div(
                rx.el.span(row.name, class_name="x-mono x-wrap"),
                rx.el.span(row.reason, class_name="x-help"),
                class_name="x-stack-tight x-grow",
            ),
            badge.status(row.grant, *GRANTS),
            class_name="x-item",
            key=row.name,
        )

    return card("Scopes", rx.el.div(rx.foreach(IntegrationState.scopes, line), class_name="x-list", data_testid="scopes"))


def _dialogs() -> rx.Component:
    state, it = IntegrationState, IntegrationState.integration
    kept = rx.cond(
        it.signs_in, "The settings stay, so that it can be connected again.", "What was entered is forgotten and must be entered again."
    )
    what = rx.el.ul(
        rx.el.li("– ", it.parting, class_name="x-small"),
        rx.el.li("– The tokens are forgotten here, and a sync under way is cancelled.", class_name="x-small"),
        rx.el.li("– ", kept, class_name="x-small"),
        class_name="x-stack-tight",
    )
    return rx.fragment(
        ask(state, "disconnect", "Disconnect", "It ends what the provider was asked to allow.", "Disconnect", state.disconnect, what),
        confirm_by_name(
            "Delete this integration",
            [
                it.parting,
                "Its credentials and settings are gone for good.",
                "What it brought into records stays, and its timeline in the logs.",
            ],
            name=it.name,
            verb="Delete",
            opened=state.ask == "delete",
            on_close=state.close_dialog,
            on_confirm=state.delete,
            busy=state.busy,
            error=state.ask_error,
        ),
    )
