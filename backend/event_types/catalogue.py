"""The built-in event types: name, group, what it means, and a sample of its data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

RECORDS, SALES, FORMS, SOCIAL, ORDERS, OPERATIONS = (
    "Records and modules",
    "Sales and support",
    "Forms, workflow and ledger",
    "Social media",
    "Orders",
    "Crossdock itself",
)


@dataclass(frozen=True, slots=True)
class EventTypeInfo:
    """An event type, built in or a workspace's own; `sample` is the `data` of an event of it."""

    name: str
    description: str
    group: str
    sample: dict[str, Any]
    built_in: bool = True
    version: int = 1
    json_schema: dict[str, Any] | None = None
    deprecated: bool = False
    archived: bool = False


_CONTACT = {
    "id": "rec_01k5z7q0v6e3tbn8m2c4d9f1hj",
    "module": "contacts",
    "firstName": "Ada",
    "lastName": "Byron",
    "email": "ada@example.com",
    "phone": "+44 20 7946 0123",
}
_LEAD = {
    "id": "rec_01k5z7q0v6e3tbn8m2c4d9f1hk",
    "module": "leads",
    "source": "Website",
    "status": "New",
    "score": 85,
    "email": "grace@example.com",
}
_MODULE = {"id": "mod_01k5z7q0v6e3tbn8m2c4d9f1hm", "name": "contacts", "label": "Contacts", "fields": ["email", "full_name"]}
_FORM = {"formId": "invoices", "recordId": "INV-001", "amount": 5000, "submittedBy": "mary@example.com"}
_POST = {
    "postId": "post_456",
    "platforms": ["INSTAGRAM", "FACEBOOK"],
    "content": "Our new menu is out.",
    "publishedAt": "2026-01-13T12:00:00Z",
}
_CAMPAIGN = {"campaignId": "cmp_12", "name": "Spring launch", "startedAt": "2026-03-01T08:00:00Z", "posts": 14}
_ORDER = {
    "id": "ord_01k5z7q0v6e3tbn8m2c4d9f1hn",
    "external_id": "4711",
    "provider": "uber_eats",
    "branch_id": "branch-123",
    "order_type": "delivery",
    "status": "pending",
    "items": [
        {
            "product_id": "product-456",
            "name": "Margherita",
            "quantity": 2,
            "unit_price": 8.5,
            "modifiers": ["extra-cheese"],
            "notes": None,
        }
    ],
    "customer": {"name": "John Doe", "phone": "+971 50 123 4567"},
    "delivery_address": "12 Marina Walk, Dubai",
    "notes": "Ring twice",
    "currency": "AED",
    "subtotal": 17,
    "delivery_fee": 0,
    "tax": 0,
    "tip": 0,
    "discount": 0,
    "total": 17,
    "created_at": "2026-01-13T12:00:00.000Z",
    "updated_at": "2026-01-13T12:00:00.000Z",
}
_WEBHOOK = {"webhook_id": "whk_01k5z7q0v6e3tbn8m2c4d9f1hp", "name": "Acme ERP", "url": "https://erp.example.com/hooks"}
_KEY = {"api_key_id": "key_01k5z7q0v6e3tbn8m2c4d9f1hq", "name": "Partner integration", "key_prefix": "xdk_Ab12"}
_INTEGRATION = {"integration_id": "int_01k5z7q0v6e3tbn8m2c4d9f1hr", "provider": "slack", "name": "Sales team"}


_BEFORE = {
    "confirmed": "pending",
    "preparing": "confirmed",
    "ready": "preparing",
    "out_for_delivery": "ready",
    "delivered": "out_for_delivery",
    "completed": "delivered",
    "cancelled": "confirmed",
}


def _moved(status: str) -> dict[str, Any]:
    return {**_ORDER, "status": status, "previous": {"status": _BEFORE[status]}}


_TYPES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("record.created", RECORDS, "A record was created in any module.", _CONTACT),
    (
        "record.updated",
        RECORDS,
        "A record was changed; `previous` has the changed fields as they were.",
        {**_CONTACT, "previous": {"phone": "+44 20 7946 0999"}},
    ),
    ("record.deleted", RECORDS, "A record was deleted.", _CONTACT),
    ("module.created", RECORDS, "A module was defined.", _MODULE),
    ("module.updated", RECORDS, "A module's definition was changed.", {**_MODULE, "previous": {"label": "People"}}),
    ("module.deleted", RECORDS, "A module was removed.", _MODULE),
    ("contact.created", SALES, "A contact was created.", _CONTACT),
    ("contact.updated", SALES, "A contact was changed.", {**_CONTACT, "previous": {"phone": "+44 20 7946 0999"}}),
    ("lead.created", SALES, "A lead came in.", _LEAD),
    (
        "opportunity.created",
        SALES,
        "An opportunity was opened.",
        {"id": "rec_01k5z7q0v6e3tbn8m2c4d9f1hs", "module": "opportunities", "name": "Acme renewal", "amount": 24000, "stage": "Proposal"},
    ),
    (
        "task.completed",
        SALES,
        "A task was marked as done.",
        {"id": "rec_01k5z7q0v6e3tbn8m2c4d9f1ht", "module": "tasks", "subject": "Call Ada", "completedAt": "2026-01-13T15:20:00Z"},
    ),
    (
        "ticket.created",
        SALES,
        "A support ticket was opened.",
        {"id": "rec_01k5z7q0v6e3tbn8m2c4d9f1hv", "module": "tickets", "subject": "Cannot sign in", "priority": "High"},
    ),
    ("form.submitted", FORMS, "A form was submitted.", _FORM),
    ("form.approved", FORMS, "A submitted form was approved.", {**_FORM, "approvedBy": "sam@example.com"}),
    ("form.rejected", FORMS, "A submitted form was rejected.", {**_FORM, "rejectedBy": "sam@example.com", "reason": "No receipt"}),
    (
        "workflow.transitioned",
        FORMS,
        "A workflow moved from one state to another.",
        {"workflowId": "wf_7", "recordId": "INV-001", "from": "draft", "to": "review"},
    ),
    (
        "gl.posted",
        FORMS,
        "An entry was posted to the general ledger.",
        {"entryId": "GL-2210", "debit": "4000", "credit": "1200", "amount": 5000, "currency": "EUR"},
    ),
    (
        "approval.requested",
        FORMS,
        "Somebody was asked to approve something.",
        {"approvalId": "apr_3", "recordId": "INV-001", "approver": "sam@example.com"},
    ),
    ("POST_PUBLISHED", SOCIAL, "A post was published.", _POST),
    ("POST_SCHEDULED", SOCIAL, "A post was scheduled.", {**_POST, "publishedAt": None, "scheduledFor": "2026-01-14T09:00:00Z"}),
    ("POST_FAILED", SOCIAL, "A post could not be published.", {**_POST, "publishedAt": None, "error": "The image is larger than 8 MB."}),
    (
        "MENTION_RECEIVED",
        SOCIAL,
        "The brand was mentioned.",
        {"mentionId": "men_9", "platform": "X", "author": "@grace", "text": "Loving this."},
    ),
    (
        "MESSAGE_RECEIVED",
        SOCIAL,
        "A message arrived.",
        {"messageId": "msg_31", "platform": "INSTAGRAM", "from": "@ada", "text": "Are you open today?"},
    ),
    (
        "CONVERSATION_ASSIGNED",
        SOCIAL,
        "A conversation was given to somebody.",
        {"conversationId": "cnv_5", "assignedTo": "mary@example.com"},
    ),
    (
        "ALERT_TRIGGERED",
        SOCIAL,
        "A listening alert fired.",
        {"alertId": "alr_2", "keyword": "crossdock", "mentions": 120, "threshold": 100},
    ),
    ("CAMPAIGN_STARTED", SOCIAL, "A campaign started.", _CAMPAIGN),
    ("CAMPAIGN_COMPLETED", SOCIAL, "A campaign ended.", {**_CAMPAIGN, "completedAt": "2026-03-31T20:00:00Z"}),
    (
        "APPROVAL_REQUESTED",
        SOCIAL,
        "A post waits for approval.",
        {"approvalId": "apr_8", "postId": "post_456", "requestedBy": "mary@example.com"},
    ),
    (
        "APPROVAL_COMPLETED",
        SOCIAL,
        "The approval of a post was decided.",
        {"approvalId": "apr_8", "postId": "post_456", "decision": "APPROVED"},
    ),
    ("order.created", ORDERS, "An order was placed.", _ORDER),
    ("order.updated", ORDERS, "An order was changed other than in its status.", {**_ORDER, "previous": {"notes": None}}),
    ("order.status_changed", ORDERS, "An order moved to another status.", _moved("confirmed")),
    ("order.confirmed", ORDERS, "An order was confirmed.", _moved("confirmed")),
    ("order.preparing", ORDERS, "An order is being prepared.", _moved("preparing")),
    ("order.ready", ORDERS, "An order is ready.", _moved("ready")),
    ("order.out_for_delivery", ORDERS, "An order is on its way.", _moved("out_for_delivery")),
    ("order.delivered", ORDERS, "An order was delivered.", _moved("delivered")),
    ("order.completed", ORDERS, "An order is complete.", _moved("completed")),
    ("order.cancelled", ORDERS, "An order was cancelled.", {**_moved("cancelled"), "reason": "Out of stock"}),
    (
        "webhook.failing",
        OPERATIONS,
        (
            "The last 5 attempts of a webhook failed. Half-way to the date on which it will be disabled it is published once more, "
            "with that date in `disables_at`, which is null before."
        ),
        {**_WEBHOOK, "failing_since": "2026-01-13T12:00:00Z", "disables_at": "2026-01-18T12:00:00Z"},
    ),
    (
        "webhook.disabled",
        OPERATIONS,
        "A webhook was disabled: by a user (`user`), by an answer 410 (`gone`), or by failing for days (`all_attempts_failed`).",
        {**_WEBHOOK, "rule": "all_attempts_failed", "reason": "Every attempt failed for 5 days (31 in a row)."},
    ),
    ("webhook.recovered", OPERATIONS, "A failing webhook delivers again.", {**_WEBHOOK, "failing_since": "2026-01-13T12:00:00Z"}),
    (
        "delivery.exhausted",
        OPERATIONS,
        "A delivery used up its attempts.",
        {**_WEBHOOK, "delivery_id": "dlv_01k5z7q0v6e3tbn8m2c4d9f1hw", "event_id": "evt_01k5z7q0v6e3tbn8m2c4d9f1hx", "attempts": 10},
    ),
    (
        "api_key.expiring",
        OPERATIONS,
        "An API key expires in 14, 7 or 1 days: published once for each of them.",
        {**_KEY, "expires_at": "2026-02-01T00:00:00.000Z", "days_left": 7, "last_used_at": "2026-01-25T08:12:00.000Z"},
    ),
    (
        "api_key.expired",
        OPERATIONS,
        "An API key expired.",
        {**_KEY, "expires_at": "2026-02-01T00:00:00.000Z", "last_used_at": "2026-01-31T23:58:00.000Z"},
    ),
    (
        "api_key.due",
        OPERATIONS,
        (
            "Somebody should look at an API key: its `rotation` is due, told again every 30 days, or it was `unused` for 90 days. "
            "`since` says since when."
        ),
        {**_KEY, "reason": "rotation", "since": "2026-01-13T12:00:00.000Z", "last_used_at": "2026-01-25T08:12:00.000Z"},
    ),
    (
        "api_key.unusual_activity",
        OPERATIONS,
        (
            "An API key is used in an unusual way: from five or more `new_networks` within an hour, at five times its usual rate "
            "(`unusual_rate`, with `requests` in an hour and what is `usual`), or with `repeated_denials` (`denials` within half an hour, "
            "and the `reason` of most of them). Once a day for each."
        ),
        {**_KEY, "signal": "new_networks", "networks": 6, "examples": ["198.51.100.0/24", "2001:db8:7::/48"]},
    ),
    (
        "rate_limit.exceeded",
        OPERATIONS,
        "An API key ran into its rate limit: once an hour. `limit` is the window that refused, `allowed` what it allows.",
        {**_KEY, "limit": "per_minute", "allowed": 100, "refused": 12, "hour": "2026-01-13T12:00:00.000Z"},
    ),
    ("integration.error", OPERATIONS, "An integration failed.", {**_INTEGRATION, "error": "503 from the provider"}),
    ("integration.needs_reconnect", OPERATIONS, "An integration has to be connected again.", {**_INTEGRATION, "reason": "invalid_grant"}),
    ("sync.failed", OPERATIONS, "A sync failed.", {**_INTEGRATION, "sync_id": "syn_01k5z7q0v6e3tbn8m2c4d9f1hy", "error": "timeout"}),
    (
        "incoming.rejected",
        OPERATIONS,
        "An incoming webhook refused a request.",
        {"incoming_webhook_id": "inc_01k5z7q0v6e3tbn8m2c4d9f1hz", "reason": "signature"},
    ),
)

BUILT_IN: dict[str, EventTypeInfo] = {name: EventTypeInfo(name, text, group, sample) for name, group, text, sample in _TYPES}
