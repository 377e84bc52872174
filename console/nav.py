"""Owns the navigation: which pages there are, in which group, and the letter that goes there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import reflex as rx

from console.components.basic import icon, link


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the sidebar; `g` and then `letter` goes there."""

    title: str
    path: str
    icon: str
    letter: str


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
            Place("Receiver", "/settings/receiver", "inbox", "r"),
        ),
    ),
    Group(
        "Watch",
        (
            Place("Deliveries", "/settings/deliveries", "send", "d"),
            Place("Events", "/settings/events", "radio", "e"),
            Place("Replays", "/settings/replays", "repeat", "p"),
            Place("Monitoring", "/settings/monitoring", "activity", "n"),
        ),
    ),
    Group("Settings", (Place("Members", "/settings/members", "users", "m"),)),
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
    return link(
        icon(place.icon),
        place.title,
        *([rx.el.kbd("g ", place.letter)] if keys else []),
        to=place.path,
        class_name="x-nav-item",
        aria_current="page" if current else "false",
        custom_attrs={"data-go": place.letter} if keys else {},
    )
