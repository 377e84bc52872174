"""Words that the OpenAPI document adds to what the routes say of themselves: of tags, operations and parameters."""

from __future__ import annotations

from typing import Any, Final

TAGS: Final = {
    "auth": "Sign in as a user for a short-lived access token, and ask whose a credential is.",
    "api-keys": "Keys with scopes, limits, allowed addresses and an end; rotated with an overlap, revoked within a second.",
    "event types": "What can be published and subscribed to: the built-in types and your own, each with a sample.",
    "events": "Publish what happened, and find out what became of it for every webhook.",
    "webhooks": "Where events are sent: subscriptions with a filter, secret, headers and retry policy.",
    "deliveries": "One event for one webhook, each attempt with the whole exchange; tests, retries, cancelling.",
    "replays": "Send again what was sent before: one event, chosen deliveries, or all that match a filter.",
    "modules and records": "Types of your own with typed fields, and their records: filtered, sorted, searched, paged.",
    "orders": "Orders of partners with a status machine, and the history of each.",
    "incoming webhooks": "Secret addresses that turn what others post into records and orders: verified, stored first, mapped, replayable.",
    "integrations": "Connections to other providers: the catalogue, consents, tests, syncs into modules, and what they can do.",
    "routes": "Events that lead to an action of an integration, their runs, and templates that make a common case at once.",
    "logs": "Requests to the API, denied ones too; deliveries, incoming requests, errors and the audit; how long each is kept.",
    "instance": "How the API is open on this installation; for super administrators.",
    "monitoring": "Health for everybody, figures for who may read them.",
}

# Where the name of an operation alone would not say enough.
_SUMMARIES: Final = {
    "read_me": "Whose credential is this",
    "create_token": "Sign in",
    "refresh_token": "Refresh the tokens",
    "send_test": "Send a test to a webhook",
    "read_health": "Health",
    "read_live": "Health: does the process answer",
    "read_ready": "Health: can the process serve",
    "read_samples": "Read samples of event types",
    "list_webhook_events": "List a webhook's delivery history",
    "retry_any_delivery": "Retry a delivery by its id alone",
    "retry_webhook_delivery": "Retry a delivery of a webhook",
    "list_key_requests": "List requests made with an API key",
    "publish_events": "Publish a batch of events",
    "rotate_secret": "Rotate a webhook's secret",
    "set_order_status": "Move an order to a status",
    "list_order_events": "List the history of an order",
    "create_event_replay": "Replay an event",
    "create_webhook_replay": "Replay deliveries of a webhook",
    "create_replay": "Replay deliveries by a filter",
    "register_webhook": "Register a webhook",
    "act_on_webhooks": "Act on many webhooks at once",
    "list_event_webhooks": "List what became of an event for each webhook",
    "read_event_webhook": "Read what became of an event for a webhook",
    "get_key_usage": "Read the usage of an API key",
    "tail_webhook_log": "Follow the log of deliveries",
    "export_webhook_log": "Export the log of deliveries",
    "list_webhook_log": "List the log of deliveries",
    "get_webhook_log_entry": "Read an entry of the log of deliveries",
    "list_audit": "List the audit",
    "tail_audit": "Follow the audit",
    "export_audit": "Export the audit",
    "read_retention": "Read how long logs are kept",
    "change_retention": "Change how long logs are kept",
    "put_change_retention": "Change how long logs are kept (PUT)",
    "read_prometheus": "Read figures for Prometheus",
    "receive_request": "Post to an incoming webhook",
    "regenerate_token": "Regenerate the token of an incoming webhook",
    "try_mapping": "Try settings out on the last requests",
    "replay_failed_requests": "Replay all requests that failed",
    "replay_incoming_request": "Replay a stored request",
    "read_incoming_health": "Read the health of an incoming webhook",
    "list_incoming_sources": "List known sources",
    "list_incoming_requests": "List requests of an incoming webhook",
    "read_incoming_request": "Read a stored request",
    "test_unsaved_integration": "Test an integration before it is saved",
    "read_type": "Read a type of integrations",
    "list_integration_events": "List the timeline of an integration",
    "receive_consent": "Receive a consent (the redirect URI)",
    "receive_own_consent": "Receive the consent of a custom provider",
    "expire_sandbox_tokens": "End the sandbox's access tokens",
    "revoke_sandbox_grants": "Withdraw the sandbox's grants",
    "change_sandbox_contacts": "Change contacts of the sandbox",
    "list_integration_log": "List what happened to integrations",
    "list_provider_standings": "List how integrations stand",
    "send_integration_message": "Send a message",
    "list_emails": "List mails of the mailbox",
    "send_email": "Send a mail",
    "list_route_actions": "List what integrations can be made to do",
    "list_all_runs": "List runs of all routes",
    "list_route_runs": "List runs of a route",
    "read_route_run": "Read a run of a route",
    "retry_route_run": "Run again",
    "retry_failed_runs": "Run again what failed",
    "try_route": "Try a route out",
    "read_encryption_keys": "Read the encryption keys",
    "rotate_encryption_key": "Rotate the encryption key",
    "read_sandbox": "Read the sandbox's switches",
    "update_sandbox": "Set the sandbox's switches",
    "put_sandbox": "Set the sandbox's switches (PUT)",
}
_VERBS: Final = {"get": "Read", "update": "Change", "put": "Change", "tail": "Follow"}


def summary(operation_id: str, tag: str) -> str:
    """A few words that say what the operation does: `create_key` is "Create an API key"."""
    if operation_id in _SUMMARIES:
        return _SUMMARIES[operation_id]
    verb, _, noun = operation_id.partition("_")
    words = noun.replace("_", " ")
    if tag == "api-keys":
        words = words.replace("key", "API key")
    shown = _VERBS.get(verb, verb.capitalize())
    if not words.endswith("s"):
        words = f"{'an' if words[:1] in set('aeioA') else 'a'} {words}"
    return f"{shown} {words}" + (" (PUT)" if verb == "put" else "")


ID: Final = "01k5z7q0v6e3tbn8m2c4d9f1hn"
_CURSOR: Final = "AbCdEfGhIjKlZXZ0XzAxazV6N3Ewdg"

# By the name of the parameter: what it is, and one value. A parameter that says both itself is left as it is.
PARAMETERS: Final[dict[str, tuple[str, Any]]] = {
    "format": ("csv, or jsonl: one JSON object in each line.", "csv"),
    "instance": ("Those of the installation.", False),
    "action": ("Only this action.", "api_key.revoked"),
    "target_kind": ("Only what was done to things of this kind.", "api_key"),
    "actor_id": ("Only what this user or API key did.", f"usr_{ID}"),
    "key_id": ("The id of an API key.", f"key_{ID}"),
    "webhook_id": ("The id of a webhook.", f"whk_{ID}"),
    "event_id": ("The id of an event.", f"evt_{ID}"),
    "delivery_id": ("The id of a delivery.", f"dlv_{ID}"),
    "replay_id": ("The id of a replay.", f"rpl_{ID}"),
    "request_id": ("The id of a request, as its answer carried it in `X-Request-Id`.", f"req_{ID}"),
    "name": ("The name of an event type.", "order.created"),
    "archived": ("Those too that are archived.", False),
    "event": ("Only this event type.", "order.created"),
    "type": ("Only this event type.", "order.created"),
    "kind": ("event, test or replay.", "event"),
    "error_class": ("Only those whose last attempt failed like this.", "connect_timeout"),
    "status": ("Only those with this status.", "active"),
    "status_code": ("Only those whose last answer had this HTTP status.", 503),
    "method": ("Only this HTTP method.", "POST"),
    "path": ("Only paths that begin like this.", "/api/v1/events"),
    "hours": ("Over how many hours back.", 24),
    "since": ("At this time or later.", "2026-01-31T09:30:00Z"),
    "until": ("Before this time.", "2026-02-01T00:00:00Z"),
    "q": ("What to look for.", "4711"),
    "mine": ("Only those that the caller owns or has made.", True),
    "confirm": ("Go ahead although data is lost by it.", True),
    "limit": ("How many at most, 1 to 200.", 50),
    "cursor": ("`next_cursor` of the page before; leave it out for the first.", _CURSOR),
    "sort": ("What to sort by.", "-created_at"),
    "filter": ("Conditions as JSON.", '{"field": "email", "op": "eq", "value": "ada@example.com"}'),
    "module": ("The name of a module.", "contacts"),
    "record_id": ("The id of a record.", f"rec_{ID}"),
    "incoming_id": ("The id of an incoming webhook.", f"inc_{ID}"),
    "log_id": ("The id of a stored request.", f"irq_{ID}"),
    "token": ("The token of an incoming webhook.", "xdi_4fQ0cVb7Hq2mZ0rXc5VbN8sLk3JhGf6Dp"),
    "integration_id": ("The id of an integration.", f"int_{ID}"),
    "route_id": ("The id of a route.", f"rte_{ID}"),
    "run_id": ("The id of a run of a route.", f"rrn_{ID}"),
    "sync_id": ("The id of a sync.", f"syn_{ID}"),
    "moment_id": ("The id of a moment of an integration.", f"ivt_{ID}"),
    "order_id": ("The id of an order.", f"ord_{ID}"),
    "starter_set": ("The name of a starter set.", "crm"),
    "error_id": ("The id of an entry of the log of errors.", f"err_{ID}"),
    "entry_id": ("The id of an entry of the audit log.", f"aud_{ID}"),
    "severity": ("warning, error or critical.", "error"),
    "target_id": ("Only those about this thing.", f"whk_{ID}"),
    "after": ("`next_cursor` of the answer before.", _CURSOR),
    "outcome": ("Only items with this outcome.", "delivered"),
    "Idempotency-Key": ("The same key and body give the first answer again, for 24 hours, without secrets.", "order-4711-created"),
}
# By the operation, where a value must fit it better.
STATUSES: Final = {
    "list_deliveries": "dead",
    "list_webhook_deliveries": "delivered",
    "list_webhook_events": "delivered",
    "list_event_deliveries": "delivered",
    "list_requests": "4xx",
    "list_key_requests": "4xx",
    "list_replays": "running",
    "list_incoming_requests": "rejected",
    "list_all_incoming_requests": "rejected",
    "tail_incoming_requests": "rejected",
    "export_incoming_requests": "rejected",
}
