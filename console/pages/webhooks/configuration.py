"""Owns the view of a webhook's settings."""

from __future__ import annotations

import reflex as rx

from console.components.basic import button, facts, length, note, time
from console.components.form import field, guarded_form, text_field
from console.pages.webhooks.detail_state import WebhookState
from console.pages.webhooks.fields import event_picker, further_fields, url_verdict
from console.session import SessionState


def configuration() -> rx.Component:
    """The form, and what is known beside it."""
    return rx.el.div(_form(), _known(), class_name="x-two")


def _form() -> rx.Component:
    webhook, errors, state = WebhookState.webhook, WebhookState.errors, WebhookState
    address = rx.el.input(
        id="url",
        name="url",
        type="url",
        default_value=webhook.url,
        class_name="x-input x-code-input",
        on_blur=state.check_url,
        aria_invalid=rx.cond(errors["url"], "true", "false"),
    )
    return guarded_form(
        rx.cond(errors[""], note(errors[""], tone="bad", icon_name="circle-alert"), rx.fragment()),
        rx.el.div(
            field("URL", address, name="url", error=errors["url"]),
            url_verdict(state.addresses, state.url_problem, state.checking),
            class_name="x-field",
        ),
        text_field("Name", name="name", error=errors["name"], default_value=webhook.name, max_length=120),
        rx.cond(
            length(state.groups) > 0, event_picker(state.groups, webhook.events, webhook.other_events, errors["events"]), rx.fragment()
        ),
        *further_fields(
            errors,
            with_secret=False,
            filter=webhook.filter,
            headers=webhook.headers_text,
            timeout=webhook.timeout,
            schedule=webhook.schedule,
            rate_limit=webhook.rate_limit,
            style=webhook.style,
            verify_ssl=webhook.verify_ssl,
            auto_disable=webhook.auto_disable,
            disable_after=webhook.disable_after,
            metadata=webhook.metadata,
        ),
        button("Save changes", look="primary", type="submit", busy=state.busy, allowed=SessionState.can_write, align_self="flex-start"),
        on_submit=state.save,
        class_name="x-form",
        max_width="640px",
        key=webhook.id + webhook.updated,
        saved=state.saved,
    )


def _known() -> rx.Component:
    webhook = WebhookState.webhook
    return rx.el.aside(
        facts(
            ("Attempts", rx.el.span("up to ", webhook.attempts)),
            ("Last success", rx.cond(webhook.last_success != "", time(webhook.last_success), "None")),
            ("Last failure", rx.cond(webhook.last_failure != "", time(webhook.last_failure), "None")),
            ("Old secret", rx.cond(webhook.overlap_ends != "", rx.fragment("signs until ", time(webhook.overlap_ends)), "Not in use")),
            ("Created", time(webhook.created)),
            ("Changed", time(webhook.updated)),
        ),
        class_name="x-card x-card-pad",
    )
