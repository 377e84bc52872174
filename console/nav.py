"""Owns the navigation: which pages there are, in which group, and the letter that goes there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import reflex as rx

from console.components.basic import document_link, icon, link


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the sidebar; `g` and then `letter` goes there. `is_console`: not one that the API serves."""

    title: str
    path: str
    icon: str
    letter: str
    is_console: bool = True


@dataclass(frozen=True, slots=True)
class Group:
    """A group of the sidebar; the first has no title."""

    title: str
    places: tuple[Place, ...]


GROUPS: Final = (
    Group("", (Place("Overview", "/", "layout-dashboard", "o"),)),
    Group(
        "Build",
        (
            Place("API keys", "/settings/api-keys", "key-round", "k"),
            Place("Webhooks", "/settings/webhooks", "webhook", "w"),
            Place("Incoming", "/settings/incoming", "download", "i"),
            Place("Integrations", "/settings/integrations", "plug", "a"),
            Place("Routes", "/settings/routes", "route", "u"),
            Place("Event types", "/settings/event-types", "shapes", "t"),
            Place("Receiver", "/settings/receiver", "inbox", "r"),
            Place("API reference", "/api/docs", "book-open", "h", is_console=False),
        ),
    ),
    Group(
        "Watch",
        (
            Place("Deliveries", "/settings/deliveries", "send", "d"),
            Place("Events", "/settings/events", "radio", "e"),
            Place("Replays", "/settings/replays", "repeat", "p"),
            Place("Logs", "/settings/logs", "scroll-text", "l"),
            Place("Monitoring", "/settings/monitoring", "activity", "n"),
        ),
    ),
    Group(
        "Data",
        (
            Place("Records", "/records", "table-2", "c"),
            Place("Orders", "/orders", "shopping-bag", "b"),
        ),
    ),
    Group(
        "Settings",
        (
            Place("Members", "/settings/members", "users", "m"),
            Place("Workspace", "/settings/workspace", "building-2", "s"),
            Place("Security", "/settings/security", "shield", "y"),
        ),
    ),
)


def navigation(current: str, *, keys: bool) -> list[rx.Component]:
    """The links of all groups; `keys` only on the sidebar, so that a letter has one target."""
    pieces: list[rx.Component] = []
    for group in GROUPS:
        if group.title:
            pieces.append(rx.el.div(group.title, class_name="x-nav-group"))
        pieces += [_item(place, current=place.path == current, keys=keys) for place in group.places]
    return pieces


def _item(place: Place, *, current: bool, keys: bool) -> rx.Component:
    label = [icon(place.icon), place.title, *([rx.el.kbd("g ", place.letter)] if keys else [])]
    shared = {"class_name": "x-nav-item", "custom_attrs": {"data-go": place.letter} if keys else {}}
    if not place.is_console:
        return document_link(*label, to=place.path, **shared)
    return link(*label, to=place.path, aria_current="page" if current else "false", **shared)
