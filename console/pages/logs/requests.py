"""Owns the views of the logs of requests."""

from __future__ import annotations

from typing import Final

import reflex as rx

from console import examples
from console.components import table
from console.components.basic import card, facts, link_button, text_link, time
from console.components.copy import copy_id
from console.components.empty import empty
from console.pages.logs import parts
from console.pages.logs.parts import REQUESTS, UNKNOWN
from console.pages.logs.requests_state import RequestsState, RequestState, UnknownState
from console.pages.logs.states import PATH
from console.session import SessionState
from console.shell import bones, gone, permitted, shell

EXAMPLE: Final = """curl BASE/api/v1/me \\
  -H "Authorization: Bearer $CROSSDOCK_KEY\""""


def add(app: rx.App) -> None:
    """Add the pages."""
    for view, route, title, state in (
        (_requests, PATH, "Requests", RequestsState),
        (_request, f"{REQUESTS}/[request_id]", "Request", RequestState),
        (_unknown, UNKNOWN, "Unknown callers", UnknownState),
    ):
        first = [RequestsState.turn] if state is RequestsState else []
        app.add_page(view, route=route, title=f"{title} · Crossdock", on_load=[SessionState.load, *first, state.load, state.follow])


def _requests() -> rx.Component:
    state = RequestsState
    keys = rx.foreach(state.keys, lambda item: rx.el.option(item["name"], value=item["id"], key=item["id"]))
    toolbar = rx.el.div(
        table.search_box(state.q, state.search, "Search path, error or id"),
        parts.status_chip(state),
        parts.method_chip(state),
        table.chip(
            "Key",
            state.caller,
            rx.fragment(rx.el.option("Any caller", value=""), keys),
            lambda value: state.pick("caller", value),
            shown=state.caller_name,
        ),
        table.time_chip(state),
        table.clear_filters(state, PATH),
        parts.files(state),
        class_name="x-toolbar",
    )
    fresh = empty(
        "Every call of the API is listed here, refused ones too, with who made it and why it failed. Make one to see it.",
        link_button("API keys", "/settings/api-keys", icon_name="key-round", look="primary"),
        curl=examples.here(EXAMPLE),
    )
    listing = parts.requests(state.rows, loading=state.loading, empty=parts.empty(state, PATH, fresh), skeleton_rows=12)
    return shell(
        "Logs",
        rx.el.div(parts.kinds(PATH), toolbar, listing, table.pager(state), class_name="x-stack"),
        current=PATH,
        action=parts.live_switch(state),
    )


def _unknown() -> rx.Component:
    state = UnknownState
    toolbar = rx.el.div(
        table.search_box(state.q, state.search, "Search path, address or id"),
        parts.status_chip(state),
        parts.method_chip(state),
        table.time_chip(state),
        table.clear_filters(state, UNKNOWN),
        class_name="x-toolbar",
    )
    fresh = empty("Requests whose key is not known here, or that had none, are listed here. They belong to no workspace.")
    listing = parts.requests(state.rows, loading=state.loading, empty=parts.empty(state, UNKNOWN, fresh), of="unknown", skeleton_rows=12)
    return shell(
        "Logs",
        rx.el.div(parts.kinds(UNKNOWN), permitted(state, toolbar, listing, table.pager(state)), class_name="x-stack"),
        current=PATH,
        action=parts.live_switch(state),
    )


def _request() -> rx.Component:
    request = RequestState.request
    missing = gone("There is no such request in this workspace's log. It may be older than the log is kept.", PATH, "All requests")
    return shell(
        rx.cond(request.id != "", rx.el.span(request.call, class_name="x-mono"), "Request"),
        rx.cond(RequestState.missing, missing, rx.cond(request.id == "", bones(), _content())),
        current=PATH,
        parent=("Logs", PATH),
    )


def _content() -> rx.Component:
    request = RequestState.request
    none = rx.el.span("None", class_name="x-soft")
    by = rx.cond(request.caller_path != "", text_link(request.caller, request.caller_path), request.caller)
    story = rx.el.div(
        rx.el.div(
            rx.el.span(request.status_code, class_name="x-badge x-num " + request.tone), copy_id(request.id), class_name="x-row-wrap"
        ),
        rx.el.p(request.sentence, class_name="x-h2 x-wrap", data_testid="sentence"),
        card(
            "What came of it",
            rx.el.div(
                text_link("Events that it published", "/settings/events?q=" + request.id),
                text_link("What it changed", parts.AUDIT + "?q=" + request.id),
                text_link("Errors of the same trace", parts.ERRORS + "?q=" + request.id),
                class_name="x-card-pad x-stack-tight x-small",
            ),
        ),
        rx.el.p("Headers and bodies of requests are not kept; the query is, without what is secret in it.", class_name="x-small x-soft"),
        class_name="x-stack",
    )
    aside = rx.el.aside(
        facts(
            ("By", by),
            ("Refused by", rx.cond(request.refusal != "", request.refusal, none)),
            ("When", time(request.at)),
            ("Took", rx.el.span(request.duration, class_name="x-num")),
            ("Route", rx.cond(request.route != "", rx.el.span(request.route, class_name="x-mono x-wrap"), none)),
            ("Query", rx.cond(request.query != "", rx.el.span(request.query, class_name="x-mono x-wrap"), none)),
            ("From", rx.el.span(request.ip, class_name="x-mono")),
            ("Client", rx.el.span(request.agent, class_name="x-wrap")),
            ("Limit", request.standing),
        ),
        class_name="x-card x-card-pad x-stack",
    )
    return rx.el.div(story, aside, class_name="x-two")
