"""Owns the smallest pieces: links, buttons, icons, times, notes, facts."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex_components_core.react_router.dom import ReactRouterLink

# What a state's attribute is in a view: a Var when the page is built, its Python value to a type checker.
Live = Any
Text = Any
NOT_ALLOWED = "Your role may not do this. Ask an owner of the workspace."


class _Element(rx.Component):
    """A custom element that assets/console.js defines."""

    _is_tag_in_global_scope = True


class Time(_Element):
    """A moment (RFC 3339): relative by default, `as_="clock"` for the time of day; the exact one on hover."""

    tag = "XTime"
    alias = "x-time"
    at: Live

    @classmethod
    def create(cls, *children: Any, clock: bool = False, **props: Any) -> rx.Component:
        """The element; `clock` shows the time of day."""
        if clock:
            props["custom_attrs"] = {"as": "clock"}
        return super().create(*children, **props)


def length(items: Live) -> Live:
    """How many there are in a list or a mapping of a state."""
    return items.length()


def contains(items: Live, item: Live) -> Live:
    """Whether a list, of a state or plain, contains `item`."""
    return item in items if isinstance(items, list) else items.contains(item)


def negated(flag: Live) -> Live:
    """The opposite of a yes or no of a state."""
    return ~flag


def time(at: Text, *, clock: bool = False) -> rx.Component:
    """A moment given as RFC 3339; a dash when it is empty."""
    return Time.create(at=at, clock=clock, class_name="x-num")


def told(sentence: Live) -> rx.Component:
    """A sentence of a state (`words.Told`), its moment in the viewer's zone."""
    at = rx.cond(sentence.moment != "", time(sentence.moment, clock=True), rx.fragment())
    return rx.fragment(sentence.before, at, sentence.after)


def icon(name: str, size: int = 16, **props: Any) -> rx.Component:
    """A lucide icon, hidden from readers: a word stands beside it."""
    return rx.icon(name, size=size, stroke_width=1.75, custom_attrs={"aria-hidden": "true"}, **props)


def link(*children: Any, to: Text, **props: Any) -> rx.Component:
    """A link inside the console."""
    return ReactRouterLink.create(*children, to=to, **props)


def document_link(*children: Any, to: Text, **props: Any) -> rx.Component:
    """A link to what is no page of the console: a file, or what the API serves."""
    return link(*children, to=to, reload_document=True, **props)


def text_link(label: Text, to: Text) -> rx.Component:
    """A link in running text."""
    return link(label, to=to, class_name="x-link")


def button(
    label: Text,
    *,
    icon_name: str = "",
    look: str = "plain",
    small: bool = False,
    busy: Live = None,
    allowed: Live = None,
    **props: Any,
) -> rx.Component:
    """A button; `look` is primary, plain, quiet, danger or danger-solid. While `busy` it turns and takes no press.

    Where the role does not allow it (`allowed`), it is shown disabled with the reason.
    """
    if allowed is not None:
        props |= {"disabled": ~allowed, "title": rx.cond(allowed, "", NOT_ALLOWED)}
    mark: list[rx.Component] = [icon(icon_name, 15)] if icon_name else []
    if busy is not None:
        spinner = icon("loader-circle", 15, class_name="x-spin")
        mark = [rx.cond(busy, spinner, mark[0] if mark else rx.fragment())]
        props["custom_attrs"] = {"data-busy": busy, "aria-busy": busy, **props.pop("custom_attrs", {})}
    props.setdefault("type", "button")
    return rx.el.button(*mark, label, class_name=f"x-button x-{look}{' x-small-button' if small else ''}", **props)


def link_button(label: Text, to: Text, *, icon_name: str = "", look: str = "plain", small: bool = False) -> rx.Component:
    """A link that looks like a button."""
    mark = [icon(icon_name, 15)] if icon_name else []
    return link(*mark, label, to=to, class_name=f"x-button x-{look}{' x-small-button' if small else ''}")


def gated_link_button(
    label: Text, to: Text, *, allowed: Live, icon_name: str = "", look: str = "plain", small: bool = False
) -> rx.Component:
    """A link that looks like a button; where the role does not allow what it leads to, disabled with the reason."""
    return rx.cond(
        allowed,
        link_button(label, to, icon_name=icon_name, look=look, small=small),
        button(label, icon_name=icon_name, look=look, small=small, disabled=True, title=NOT_ALLOWED),
    )


def icon_button(name: str, label: Text, *, small: bool = False, allowed: Live = None, **props: Any) -> rx.Component:
    """A button that is only an icon; `label` is read aloud and shown on hover, or that the role does not allow it (`allowed`)."""
    title = label if allowed is None else rx.cond(allowed, label, NOT_ALLOWED)
    if allowed is not None:
        props["disabled"] = ~allowed
    return rx.el.button(
        icon(name),
        type="button",
        aria_label=label,
        title=title,
        class_name=f"x-button x-quiet x-icon-button{' x-small-button' if small else ''}",
        **props,
    )


def menu(label: str, *items: rx.Component, allowed: Live = True) -> rx.Component:
    """Further actions behind one button, disabled with the reason where the role allows none of them."""
    trigger = rx.el.button(
        icon("ellipsis"),
        type="button",
        aria_label=label,
        title=rx.cond(allowed, label, NOT_ALLOWED),
        disabled=rx.cond(allowed, False, True),
        class_name="x-button x-plain x-icon-button",
    )
    return rx.dropdown_menu.root(
        rx.dropdown_menu.trigger(trigger), rx.dropdown_menu.content(*items, min_width="176px", align="end"), modal=False
    )


def menu_item(label: Text, icon_name: str, on_select: Any, *, danger: bool = False, disabled: Live = False) -> rx.Component:
    """One action of a menu."""
    return rx.dropdown_menu.item(icon(icon_name, 15), label, on_select=on_select, color="red" if danger else None, disabled=disabled)


def note(*children: Any, tone: str = "info", icon_name: str = "info") -> rx.Component:
    """A sentence that stands out; `tone` is info, wait, bad, good or empty."""
    return rx.el.div(
        icon(icon_name),
        rx.el.div(*children, class_name="x-grow"),
        class_name=f"x-note {f'x-note-{tone}' if tone else ''}",
        role="alert" if tone == "bad" else "note",
    )


def facts(*pairs: tuple[Text, Any]) -> rx.Component:
    """Names and values, one pair a line."""
    return rx.el.dl(*[piece for name, value in pairs for piece in (rx.el.dt(name), rx.el.dd(value))], class_name="x-facts")


def card(title: Text, *children: Any, action: rx.Component | None = None) -> rx.Component:
    """A titled box."""
    head = rx.el.div(rx.el.h2(title, class_name="x-h3"), action or rx.fragment(), class_name="x-card-head")
    return rx.el.section(head, *children, class_name="x-card")


def section(title: Text, *children: Any, about: Text = "") -> rx.Component:
    """A titled part of a page without a box."""
    head: list[rx.Component] = [rx.el.h2(title, class_name="x-h2")]
    if about:
        head.append(rx.el.p(about, class_name="x-small x-soft"))
    return rx.el.section(rx.el.div(*head, class_name="x-stack-tight"), *children, class_name="x-stack")
