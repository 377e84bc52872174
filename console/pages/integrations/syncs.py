"""Owns the views of syncs: the one under way or last, and all of them with what they could not store."""

from __future__ import annotations

from typing import Any, Final

import reflex as rx

from console.components import badge, table
from console.components.basic import button, icon, length, link, note, text_link, time
from console.components.table import Column
from console.pages.integrations.detail_state import IntegrationState
from console.pages.integrations.paths import PATH
from console.pages.integrations.rows import SYNC_STATUSES, FailedItem, SyncRow
from console.session import SessionState

COLUMNS: Final = [
    Column("Status", 90),
    Column("What came of it", 260, full=True),
    Column("Failed", 50, right=True),
    Column("By", 90, wide_only=True),
    Column("Begun", 50, right=True),
]
ITEMS: Final = [Column("Item", 120), Column("Why not", 300, full=True)]


def latest_sync() -> rx.Component:
    """The sync under way, with its progress, or the last one."""
    state, sync, it = IntegrationState, IntegrationState.sync, IntegrationState.integration
    cancel = button("Cancel", small=True, on_click=state.cancel_sync, allowed=SessionState.can_operate)
    bar = rx.el.div(
        rx.el.span(class_name="x-o-delivered", width=sync.width),
        class_name="x-bar",
        role="progressbar",
        aria_label="Progress of the sync",
        custom_attrs={"aria-valuetext": sync.sentence, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": sync.percent},
    )
    ends = rx.cond(sync.is_open, cancel, rx.el.span(time(sync.at), class_name="x-small x-soft"))
    told = rx.el.section(
        rx.el.div(
            rx.el.div(
                rx.el.h2("Sync of ", it.brings.lower(), class_name="x-h3"), badge.status(sync.status, *SYNC_STATUSES), class_name="x-row"
            ),
            ends,
            class_name="x-between",
        ),
        rx.cond(sync.is_open, bar, rx.fragment()),
        rx.el.p(sync.sentence, class_name="x-small x-num x-wrap", data_testid="sync"),
        rx.cond(sync.next_step != "", rx.el.p(sync.next_step, class_name="x-small x-soft"), rx.fragment()),
        rx.el.div(
            text_link("Records", "/records/" + it.module),
            rx.cond(
                sync.failed != "0",
                text_link(sync.failed + " failed, and why", PATH + "/" + it.id + "?tab=syncs&sync=" + sync.id),
                rx.fragment(),
            ),
            class_name="x-row x-small",
            gap="16px",
        ),
        class_name="x-card x-card-pad x-stack",
    )
    return rx.cond(sync.id != "", told, rx.fragment())


def sync_history() -> rx.Component:
    """The latest syncs; of the chosen one, each item that was not stored."""
    state, it = IntegrationState, IntegrationState.integration
    brings = rx.el.p(state.sync_form.summary, " ", text_link("Change how it syncs", PATH + "/" + it.id + "?tab=settings"))
    nothing = rx.el.div(
        rx.cond(it.brings != "", brings, rx.el.p("Nothing is brought from this provider. ", it.brings_nothing)),
        rx.cond(it.brings != "", rx.el.p("It has not been synced yet. Press Sync now to begin.", class_name="x-soft"), rx.fragment()),
        class_name="x-empty",
    )
    listing = table.table(COLUMNS, state.syncs, _cells, key=lambda row: row.id, loading=state.loading, empty=nothing, label="Syncs")
    chosen = rx.cond(state.chosen.id != "", _chosen(), rx.fragment())
    pager = rx.cond(length(state.syncs) > 0, _pager(), rx.fragment())
    return rx.el.div(rx.cond(state.sync.is_open, latest_sync(), rx.fragment()), chosen, listing, pager, class_name="x-stack")


def _pager() -> rx.Component:
    state, plain = IntegrationState, "x-button x-quiet x-small-button"
    newest = link(icon("chevrons-left", 14), "Newest", to=state.syncs_newest, class_name=plain)
    older = link("Older", icon("chevron-right", 14), to=state.syncs_older, class_name=plain)
    return rx.el.div(
        rx.el.span(rx.el.span(length(state.syncs), class_name="x-num"), " shown"),
        rx.el.div(
            rx.cond(state.syncs_newest != "", newest, rx.fragment()),
            rx.cond(state.syncs_older != "", older, rx.fragment()),
            class_name="x-row",
        ),
        class_name="x-pager",
    )


def _cells(row: SyncRow) -> list[Any]:
    status = table.opens(
        badge.status(row.status, *SYNC_STATUSES), PATH + "/" + IntegrationState.integration.id + "?tab=syncs&sync=" + row.id
    )
    return [
        status,
        rx.el.span(row.sentence, class_name="x-sentence x-soft"),
        rx.el.span(row.failed, rx.el.span(" failed", class_name="x-narrow-only x-soft")),
        row.by,
        time(row.at),
    ]


def _chosen() -> rx.Component:
    state, sync = IntegrationState, IntegrationState.chosen
    words = rx.cond(
        sync.status == "done",
        "Everything that it read was stored, and everything that it had to write was written.",
        "No item of it failed.",
    )
    none = rx.el.p(words, class_name="x-small x-soft")
    items = table.table(
        ITEMS, state.items, _item, key=lambda row: row.id, loading=state.loading, empty=none, label="Items that were not stored"
    )
    figures = [("Read", sync.seen), ("New", sync.created), ("Changed", sync.updated), ("Failed", sync.failed)]
    written = rx.cond(
        sync.made != "",
        rx.el.span(
            rx.el.span(sync.made, class_name="x-strong x-num"),
            " made there, ",
            rx.el.span(sync.sent, class_name="x-strong x-num"),
            " changed there",
            class_name="x-small",
        ),
        rx.fragment(),
    )
    problem = rx.cond(
        sync.next_step != "", note(sync.sentence, " ", sync.next_step, tone="wait", icon_name="triangle-alert"), rx.fragment()
    )
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Sync of ", time(sync.at), class_name="x-h3"), badge.status(sync.status, *SYNC_STATUSES), class_name="x-between"
        ),
        problem,
        rx.el.div(
            *[
                rx.el.span(rx.el.span(value, class_name="x-strong x-num"), f" {name.lower()}", class_name="x-small")
                for name, value in figures
            ],
            written,
            class_name="x-row-wrap",
            gap="4px 16px",
        ),
        rx.cond(length(state.items) > 0, rx.el.h3("Not stored, or not written", class_name="x-h3"), rx.fragment()),
        items,
        class_name="x-card x-card-pad x-stack",
    )


def _item(row: FailedItem) -> list[Any]:
    item = rx.cond(row.href != "", text_link(row.item, row.href), row.item)
    return [rx.el.span(item, class_name="x-mono"), rx.el.span(row.message, class_name="x-sentence")]
