"""Owns the views of the audit."""

from __future__ import annotations

from typing import Any, Final

import reflex as rx

from console.components import table
from console.components.basic import button, facts, length, note, text_link, time
from console.components.copy import code_block, copy_id
from console.components.empty import empty
from console.components.table import Column
from console.pages.logs import parts
from console.pages.logs.audit_state import AuditEntryState, AuditState
from console.pages.logs.parts import AUDIT
from console.pages.logs.rows import AuditRow
from console.pages.logs.states import PATH
from console.session import SessionState
from console.shell import bones, gone, permitted, shell

# What can be done, by the first word of an action.
KINDS: Final = (
    ("api_key", "API keys"),
    ("webhook", "Webhooks"),
    ("delivery", "Deliveries"),
    ("replay", "Replays"),
    ("module", "Modules"),
    ("record", "Records"),
    ("event_type", "Event types"),
    ("member", "Members"),
    ("session", "Sessions"),
    ("workspace", "Workspace"),
    ("gateway", "Gateway"),
)
COLUMNS: Final = [
    Column("Action", 140),
    Column("What", 160, full=True),
    Column("Who", 110),
    Column("From", 90, wide_only=True),
    Column("Sealed as", 50, right=True, wide_only=True),
    Column("When", 44, right=True),
]


def add(app: rx.App) -> None:
    """Add the pages."""
    app.add_page(_audit, route=AUDIT, title="Audit · Crossdock", on_load=[SessionState.load, AuditState.load, AuditState.follow])
    app.add_page(
        _entry,
        route=f"{AUDIT}/[entry_id]",
        title="Audit entry · Crossdock",
        on_load=[SessionState.load, AuditEntryState.load, AuditEntryState.follow],
    )


def _audit() -> rx.Component:
    state = AuditState
    kinds = [rx.el.option("Anything", value=""), *(rx.el.option(word, value=name) for name, word in KINDS)]
    toolbar = rx.el.div(
        table.search_box(state.q, state.search, "Search action, name or id"),
        table.chip(
            "About",
            state.action,
            rx.fragment(*kinds),
            lambda value: state.pick("action", value),
            shown=rx.match(state.action, *KINDS, state.action),
        ),
        table.time_chip(state),
        table.clear_filters(state, AUDIT),
        button("Verify chain", icon_name="shield-check", small=True, on_click=state.verify, busy=state.verifying),
        parts.files(state),
        class_name="x-toolbar",
    )
    fresh = empty("Who changed what is listed here, with how it was before and after. Nothing has been changed yet.")
    listing = table.table(
        COLUMNS,
        state.rows,
        _cells,
        key=lambda row: row.id,
        loading=state.loading,
        empty=parts.empty(state, AUDIT, fresh),
        label="Audit",
        skeleton_rows=12,
    )
    return shell(
        "Logs",
        rx.el.div(parts.kinds(AUDIT), permitted(state, toolbar, _verdict(), listing, table.pager(state)), class_name="x-stack"),
        current=PATH,
        action=parts.live_switch(state),
    )


def _verdict() -> rx.Component:
    state = AuditState
    broken = note(
        rx.el.p(state.verdict),
        rx.el.ul(rx.foreach(state.breaks, lambda sentence: rx.el.li("– ", sentence, key=sentence)), class_name="x-small"),
        tone="bad",
        icon_name="shield-alert",
    )
    told = rx.cond(state.is_whole, note(state.verdict, tone="good", icon_name="shield-check"), broken)
    return rx.el.div(rx.cond(state.verdict != "", told, rx.fragment()), aria_live="polite")


def _cells(row: AuditRow) -> list[Any]:
    return [
        table.opens(rx.el.span(row.action, class_name="x-mono"), f"{AUDIT}/{row.id}"),
        row.target,
        row.actor,
        rx.el.span(row.ip, class_name="x-mono"),
        rx.cond(row.number != "", row.number, rx.el.span("soon", class_name="x-soft")),
        time(row.at),
    ]


def _entry() -> rx.Component:
    state, entry = AuditEntryState, AuditEntryState.entry
    missing = gone("There is no such audit entry in this workspace.", AUDIT, "The audit")
    return shell(
        rx.cond(entry.id != "", rx.el.span(entry.action, class_name="x-mono"), "Audit entry"),
        permitted(state, rx.cond(state.missing, missing, rx.cond(entry.id == "", bones(), _content()))),
        current=PATH,
        parent=("Audit", AUDIT),
    )


def _content() -> rx.Component:
    entry = AuditEntryState.entry
    none = rx.el.span("None", class_name="x-soft")
    target = rx.cond(entry.path != "", text_link(entry.target, entry.path), entry.target)
    states = rx.el.div(
        rx.cond(entry.before != "", code_block(entry.before, "json", title="Before"), rx.fragment()),
        rx.cond(entry.after != "", code_block(entry.after, "json", title="After"), rx.fragment()),
        class_name=rx.cond((entry.before != "") & (entry.after != ""), "x-halves", "x-stack"),
    )
    seal = rx.cond(
        entry.number != "",
        rx.fragment("Number ", rx.el.span(entry.number, class_name="x-num"), ", sealed ", time(entry.sealed)),
        "Not sealed yet; that takes some seconds",
    )
    story = rx.el.div(
        rx.el.p(rx.el.span(entry.actor, class_name="x-strong"), ": ", entry.action, " ", target, class_name="x-h2 x-wrap"),
        rx.cond(entry.reason != "", rx.el.p("“", entry.reason, "”", class_name="x-wrap"), rx.fragment()),
        rx.cond((entry.before == "") & (entry.after == ""), rx.el.p("Nothing further was noted.", class_name="x-soft x-small"), states),
        class_name="x-stack",
    )
    aside = rx.el.aside(
        facts(
            ("Who", entry.actor),
            ("Their id", rx.cond(entry.actor_id != "", copy_id(entry.actor_id), none)),
            ("What", target),
            ("Its id", copy_id(entry.target_id)),
            ("When", time(entry.at)),
            ("From", rx.cond(entry.ip != "", rx.el.span(entry.ip, class_name="x-mono"), none)),
            ("Request", rx.cond(entry.request_id != "", text_link(entry.request_id, parts.REQUESTS + "/" + entry.request_id), none)),
            ("Entry", copy_id(entry.id)),
            ("Chain", seal),
        ),
        rx.cond(entry.target_id != "", text_link("Everything done to it", AUDIT + "?q=" + entry.target_id), rx.fragment()),
        rx.cond(length(entry.actor_id) > 0, text_link("Everything they did", AUDIT + "?actor=" + entry.actor_id), rx.fragment()),
        class_name="x-card x-card-pad x-stack",
    )
    return rx.el.div(story, aside, class_name="x-two")
