"""The templates as data: what each asks for, and what it makes. Pure.

In what a template makes a text `$name` stands for what was entered there, also inside a text as `$(name)`. An entry of a mapping whose
`$name` was left empty is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

_WHOLE: Final = re.compile(r"\$([a-z_]+)")
_PART: Final = re.compile(r"\$\(([a-z_]+)\)")


@dataclass(frozen=True, slots=True)
class Input:
    """Something to enter. `kind` is integration, text or secret; `call` is what an integration must be able to do."""

    name: str
    label: str
    kind: str = "text"
    help: str = ""
    required: bool = True
    default: str = ""
    call: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A common case. `starter` is the set that brings `module` where the workspace has none of that name."""

    name: str
    title: str
    description: str
    inputs: tuple[Input, ...]
    routes: tuple[Mapping[str, Any], ...]
    incoming: Mapping[str, Any] | None = None
    module: str = ""
    starter: str = ""
    next_steps: tuple[str, ...] = ()


def constant(target: str, value: str) -> dict[str, Any]:
    """An entry of a mapping that is always the same."""
    return {"source": "", "target": target, "transform": [{"name": "constant", "value": value}]}


def text(target: str, words: str) -> dict[str, Any]:
    """An entry of a mapping that is a text with values in it."""
    return {"source": "", "target": target, "transform": [{"name": "template", "text": words}]}


def _field(source: str, target: str, *transforms: str, **more: Any) -> dict[str, Any]:
    return {"source": source, "target": target, **({"transform": [{"name": name} for name in transforms]} if transforms else {}), **more}


def filled(document: Any, values: Mapping[str, str]) -> Any:
    """What a template makes with what was entered."""
    if isinstance(document, Mapping):
        return {name: filled(each, values) for name, each in cast("Mapping[str, Any]", document).items()}
    if isinstance(document, list | tuple):
        return [filled(each, values) for each in cast("list[Any]", document) if not _lacks(each, values)]
    if not isinstance(document, str):
        return document
    whole = _WHOLE.fullmatch(document)
    return values[whole[1]] if whole is not None else _PART.sub(lambda part: values[part[1]], document)


def _lacks(entry: Any, values: Mapping[str, str]) -> bool:
    """Whether an entry of a mapping is always the same, and that is what was left empty."""
    if not isinstance(entry, Mapping):
        return False
    changes = cast("Any", cast("Mapping[str, Any]", entry).get("transform")) or ()
    constants = [str(each.get("value", "")) for each in changes if each.get("name") == "constant"]
    return any((whole := _WHOLE.fullmatch(value)) is not None and not values[whole[1]] for value in constants)


_SLACK: Final = Input("integration", "Integration", "integration", "Slack, or another that sends messages.", call="message")
_CHANNEL: Final = Input("channel", "Channel", help="Such as #sales. The one of the integration's settings if left out.", required=False)
_MAIL: Final = Input("integration", "Mailbox", "integration", "The Gmail or Outlook account that sends.", call="send")
_TO: Final = Input("to", "Send to", help="Mail addresses, with commas between them.")

_ALL: Final = (
    Template(
        "new_lead_to_slack",
        "New lead to Slack",
        "An address for your web form: what is posted there becomes a lead, and the team is told of it.",
        (_SLACK, _CHANNEL, Input("name", "Name", help="Of the incoming webhook.", default="Lead form")),
        (
            {
                "name": "New leads to Slack",
                "events": ["lead.created"],
                "integration_id": "$integration",
                "action": "new_lead",
                "mapping": [constant("channel", "$channel")],
            },
        ),
        incoming={
            "name": "$name",
            "module": "leads",
            "action": "create",
            "source": "form",
            "field_mapping": [
                _field("name", "full_name", "trim"),
                _field("email", "email", "trim", "lower"),
                _field("phone", "phone"),
                _field("company", "company_name"),
                _field("message", "notes"),
                constant("source", "$name"),
            ],
        },
        module="leads",
        starter="crm",
        next_steps=("Post a form with name, email, phone, company and message to the address, or change its mapping.",),
    ),
    Template(
        "new_ticket_to_slack",
        "New ticket to Slack",
        "The team is told of each ticket that comes in.",
        (_SLACK, _CHANNEL),
        (
            {
                "name": "New tickets to Slack",
                "events": ["ticket.created"],
                "integration_id": "$integration",
                "action": "new_ticket",
                "mapping": [constant("channel", "$channel")],
            },
        ),
        module="tickets",
        starter="crm",
    ),
    Template(
        "failing_webhook_to_slack",
        "Failing webhook to Slack",
        "Tells when a webhook keeps failing, with the date on which it will be disabled, and once it is.",
        (_SLACK, _CHANNEL),
        (
            {
                "name": "Failing webhooks to Slack",
                "events": ["webhook.failing", "webhook.disabled"],
                "integration_id": "$integration",
                "action": "failing_webhook",
                "mapping": [constant("channel", "$channel")],
            },
        ),
    ),
    Template(
        "new_order_to_slack",
        "New order to Slack",
        "A message for each order, from a total that you choose.",
        (_SLACK, _CHANNEL, Input("least", "From a total of", help="0 for every order.", default="0")),
        (
            {
                "name": "New orders to Slack",
                "events": ["order.created"],
                "filter": {"field": "data.total", "op": "gte", "value": "$least"},
                "integration_id": "$integration",
                "action": "message",
                "mapping": [
                    text("text", "New order {data.external_id} ({data.provider}, {data.order_type}): {data.total} {data.currency}"),
                    constant("channel", "$channel"),
                ],
            },
        ),
    ),
    Template(
        "task_to_google_calendar",
        "Task to Google Calendar",
        "A task with a due date becomes an event in the calendar.",
        (Input("integration", "Calendar", "integration", "Google Calendar, or another that makes events.", call="event"),),
        (
            {
                "name": "Tasks to the calendar",
                "events": ["task.created"],
                "filter": {"any": [{"field": f"data.{name}", "op": "starts_with", "value": "2"} for name in ("dueAt", "due_at")]},
                "integration_id": "$integration",
                "action": "calendar_event",
                "mapping": [
                    _field("data.subject", "summary"),
                    {"source": "data.dueAt", "target": "start", "transform": [{"name": "join", "with": ["data.due_at"]}]},
                    _field("data.description", "description"),
                ],
            },
        ),
        module="tasks",
        starter="crm",
    ),
    Template(
        "shopify_orders_and_mail",
        "Shopify orders into Orders, and a mail",
        "An address for Shopify's webhook: each order that is placed there becomes an order here, and a mail tells of it.",
        (
            _MAIL,
            _TO,
            Input("secret", "Shopify's secret", "secret", "The app's client secret, or that under Settings, Notifications, Webhooks."),
            Input("branch", "Branch", help="The branch that the orders are for.", default="shopify"),
        ),
        (
            {
                "name": "Shopify orders by mail",
                "events": ["order.created"],
                "filter": {"field": "data.branch_id", "op": "eq", "value": "$branch"},
                "integration_id": "$integration",
                "action": "email",
                "mapping": [
                    constant("to", "$to"),
                    text("subject", "Order {data.external_id}: {data.total} {data.currency}"),
                    text("text", "{data.customer.name} ordered {data.items[].quantity} of {data.items[].name}.\n\n{data.delivery_address}"),
                ],
            },
        ),
        incoming={
            "name": "Shopify orders",
            "module": "orders",
            "action": "create",
            "source": "shopify",
            "verification": {"scheme": "shopify", "secret": "$secret"},
            "field_mapping": [
                _field("id", "external_id", "text", required=True),
                constant("branch_id", "$branch"),
                constant("order_type", "delivery"),
                _field("total_price", "total", "number"),
                _field("currency", "currency"),
                {
                    "source": "customer.first_name",
                    "target": "customer_name",
                    "transform": [{"name": "join", "with": ["customer.last_name"]}],
                },
                _field("phone", "customer_phone"),
                {
                    "source": "shipping_address.address1",
                    "target": "delivery_address",
                    "transform": [
                        {"name": "join", "separator": ", ", "with": ["shipping_address.zip", "shipping_address.city"]},
                        {"name": "default", "value": "None was given"},
                    ],
                },
                {
                    "source": "line_items",
                    "target": "items",
                    "each": [
                        _field("product_id", "product_id", "text"),
                        _field("name", "name"),
                        _field("quantity", "quantity"),
                    ],
                },
            ],
        },
        next_steps=("In Shopify, under Settings, Notifications, Webhooks, make one for Order creation in JSON with the address.",),
    ),
    Template(
        "reconnect_by_mail",
        "A mail when something must be reconnected",
        "Tells by mail when another integration needs a person: its sign-in has ended, or it fails.",
        (_MAIL, _TO),
        (
            {
                "name": "Integrations that need somebody, by mail",
                "events": ["integration.needs_reconnect", "integration.error", "sync.failed"],
                "integration_id": "$integration",
                "action": "email",
                "mapping": [
                    constant("to", "$to"),
                    text("subject", "{data.name}: {type}"),
                    text("text", "{data.name} ({data.provider}): {data.detail}{data.error}"),
                ],
            },
        ),
    ),
)
TEMPLATES: Final[Mapping[str, Template]] = {each.name: each for each in _ALL}
