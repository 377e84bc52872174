"""Every event handler of the console, with a payload that its page would send."""

from __future__ import annotations

import functools
from typing import Any

from reflex_base.registry import RegistrationContext

from console import auth

STATE = "reflex___state____state"

# A valid payload for each handler that takes one. A handler that takes something and has no entry fails the test.
PAYLOADS: dict[str, dict[str, Any]] = {
    "keys_state.search": {"form": {"q": "theirs"}},
    "keys_state.pick": {"name": "status", "value": "revoked"},
    "new_key_state.create": {"form": {"name": "Theirs", "scope:events:read": "on"}},
    "key_state.open_dialog": {"ask": "rotate"},
    "key_state.rotate": {"form": {"overlap": "24"}},
    "key_state.regenerate": {"form": {"typed_name": "Ours only"}},
    "key_state.revoke": {"form": {"typed_name": "Ours only"}},
    "key_state.check": {"form": {"method": "POST", "path": "/api/v1/events", "ip": ""}},
    "key_state.save": {"form": {"name": "Taken over", "scope:events:read": "on"}},
    "webhooks_state.search": {"form": {"q": "ours"}},
    "webhooks_state.pick": {"name": "status", "value": "failing"},
    "new_webhook_state.check_url": {"url": "http://127.0.0.1/"},
    "new_webhook_state.create": {"form": {"url": "http://127.0.0.1:9/theirs", "event:*": "on", "name": "Theirs"}},
    "webhook_state.open_dialog": {"ask": "delete"},
    "webhook_state.disable": {"form": {"reason": "Taken over"}},
    "enable_state.enable": {"form": {"missed": "send"}},
    "webhook_state.rotate": {"form": {"overlap": "0"}},
    "webhook_state.delete": {"form": {"typed_name": "Ours only"}},
    "webhook_state.save": {"form": {"url": "http://127.0.0.1:9/stolen", "event:*": "on", "name": "Taken over"}},
    "webhook_state.check_url": {"url": "http://127.0.0.1/"},
    "test_send_state.choose": {"name": "order.created"},
    "test_send_state.send": {"form": {"event": "order.created", "data": "{}"}},
    "filter_state.run": {"form": {"filter": ""}},
    "signature_state.check": {"form": {"secret": "", "headers": "", "body": ""}},
    "incoming_state.search": {"form": {"q": "ours"}},
    "incoming_state.pick": {"name": "status", "value": "active"},
    "new_incoming_state.choose": {"name": "github"},
    "new_incoming_state.create": {"form": {"name": "Theirs", "module": "orders", "action": "create"}},
    "incoming_webhook_state.open_dialog": {"ask": "delete"},
    "incoming_webhook_state.regenerate": {"form": {"overlap": "0"}},
    "incoming_webhook_state.count_failed": {"span": ""},
    "incoming_webhook_state.replay": {"form": {"since": ""}},
    "incoming_webhook_state.delete": {"form": {"typed_name": "Ours only"}},
    "incoming_webhook_state.save": {"form": {"name": "Taken over", "action": "create", "scheme": "none"}},
    "arrivals_state.search": {"form": {"q": ""}},
    "arrivals_state.pick": {"name": "status", "value": "rejected"},
    "mapping_state.pick_leaf": {"path": "email"},
    "mapping_state.pick_field": {"name": "title"},
    "mapping_state.drop_field": {"name": "title"},
    "mapping_state.change_field": {"name": "title", "change": "trim"},
    "mapping_state.fill_field": {"name": "title", "value": "Theirs"},
    "mapping_state.save_text": {"form": {"mapping": "[]"}},
    "deliveries_state.search": {"form": {"q": "ours"}},
    "deliveries_state.pick": {"name": "status", "value": "dead"},
    "events_state.search": {"form": {"q": "ours"}},
    "events_state.pick": {"name": "type", "value": "order.created"},
    "event_state.open_dialog": {"ask": "replay"},
    "event_state.ask_replay": {"webhook_id": ""},
    "event_state.replay": {"form": {"webhook": "", "reason": "Taken over"}},
    "deliveries_state.select": {"delivery_id": "{delivery_id}"},
    "replays_state.search": {"form": {"q": ""}},
    "replays_state.pick": {"name": "status", "value": "done"},
    "new_replay_state.ask": {"scope": "webhook"},
    "new_replay_state.narrow": {"name": "status", "value": ""},
    "new_replay_state.set_rate": {"value": "100"},
    "new_replay_state.start": {"form": {"rate": "100", "reason": "Taken over"}},
    "types_state.search": {"form": {"q": "ours"}},
    "types_state.pick": {"name": "status", "value": "custom"},
    "new_type_state.create": {"form": {"name": "theirs.made", "sample": "{}"}},
    "type_state.open_dialog": {"ask": "edit"},
    "type_state.save": {"form": {"description": "Taken over"}},
    "workspace_state.save": {"form": {"requests": "1", "deliveries": "1", "attempts": "1", "attempt_bodies": "1", "errors": "1"}},
    "redirects_state.save": {"form": {"redirect_uris": "https://theirs.example.com/done"}},
    "security_state.save": {"form": {"anonymous_per_minute": "100", "query_keys": "on"}},
    "modules_state.install": {"name": "restaurant"},
    "editor_state.open_dialog": {"ask": "delete"},
    "editor_state.remove_field": {"identifier": "f1"},
    "editor_state.raise_field": {"identifier": "f1"},
    "editor_state.set_kind": {"identifier": "f1", "kind": "number"},
    "editor_state.save": {"form": {"name": "theirs", "label": "Taken over"}},
    "editor_state.delete": {"form": {"typed_name": "ours_only"}},
    "records_state.search": {"form": {"q": "ours"}},
    "records_state.pick": {"name": "sort", "value": "title"},
    "records_state.choose": {"name": "title", "value": "ours"},
    "records_state.narrow": {"form": {"field": "title", "operator": "contains", "value": "ours"}},
    "record_state.open_dialog": {"ask": "delete"},
    "record_state.save": {"form": {"f:title": "Taken over"}},
    "record_state.delete": {"form": {"typed_name": "Ours only"}},
    "orders_state.search": {"form": {"q": "ours"}},
    "orders_state.pick": {"name": "provider", "value": "careem"},
    "order_state.open_dialog": {"ask": "edit"},
    "order_state.cancel": {"form": {"reason": "Taken over"}},
    "order_state.edit": {"form": {"customer_name": "Taken over", "notes": "Taken over"}},
    "requests_state.search": {"form": {"q": "ours"}},
    "requests_state.pick": {"name": "status", "value": "denied"},
    "unknown_state.search": {"form": {"q": "ours"}},
    "unknown_state.pick": {"name": "method", "value": "GET"},
    "errors_state.search": {"form": {"q": "ours"}},
    "errors_state.pick": {"name": "severity", "value": "error"},
    "audit_state.search": {"form": {"q": "ours"}},
    "audit_state.pick": {"name": "action", "value": "api_key"},
    "integrations_state.search": {"form": {"q": "ours"}},
    "integrations_state.pick": {"name": "status", "value": "active"},
    "gallery_state.search": {"form": {"q": "slack"}},
    "gallery_state.pick": {"name": "type", "value": "crm"},
    "gallery_state.connect": {"provider": "sandbox"},
    "setup_state.intend": {"intent": "test"},
    "setup_state.submit": {"form": {"name": "Theirs", "f:test_address": "http://127.0.0.1:9/", "f:api_key": "theirs"}},
    "setup_state.discover": {"form": {"issuer_url": "http://127.0.0.1:9"}},
    "integration_state.open_dialog": {"ask": "disconnect"},
    "integration_state.start_sync": {"full": True},
    "integration_state.save": {"form": {"name": "Taken over", "f:api_key": "taken over"}},
    "integration_state.save_sync": {"form": {"direction": "push"}},
    "integration_state.disconnect": {"form": {}},
    "integration_state.delete": {"form": {"typed_name": "Ours only"}},
    "action_state.message": {"form": {"text": "Taken over"}},
    "action_state.event": {"form": {"summary": "Taken over", "start": "2026-11-30T10:00"}},
    "action_state.mail": {"form": {"to": "theirs@example.com", "subject": "Taken over", "text": "Taken over"}},
    "sandbox_state.save": {"form": {"access_ttl": "900", "contacts": "1000"}},
    "sandbox_state.change": {"form": {"number": "10"}},
    "sandbox_state.remove": {"form": {"removed": "1"}},
    "routes_state.search": {"form": {"q": "ours"}},
    "routes_state.pick": {"name": "q", "value": "ours"},
    "route_editor_state.choose": {"target": "{integration_id}|message"},
    "route_editor_state.intend": {"intent": ""},
    "route_editor_state.submit": {"form": {"name": "Taken over", "event:*": "on", "target": "int_none|message", "m:text": "Taken over"}},
    "route_state.open_dialog": {"ask": "send"},
    "route_state.send": {"form": {}},
    "route_state.delete": {"form": {"typed_name": "Ours only"}},
    "runs_state.search": {"form": {"q": ""}},
    "runs_state.pick": {"name": "status", "value": "failed"},
    "runs_state.run_again": {"run_id": "{run_id}"},
    "templates_state.open": {"name": "new_order_to_slack"},
    "templates_state.install": {"form": {"t:integration": "{integration_id}"}},
    "receiver_state.set_mode": {"mode": "fail"},
    "members_state.invite": {"form": {"role": "viewer", "email": "theirs@example.com"}},
    "members_state.withdraw": {"invitation_id": "{invitation_id}"},
    "members_state.change_role": {"user_id": "{user_id}", "role": "owner"},
    "members_state.ask_removal": {"user_id": "{user_id}", "name": "taken over"},
    "members_state.remove": {"form": {"typed_name": "taken over"}},
}


def short(name: str) -> str:
    """`key_state.rotate` of a handler's full name."""
    state, _, handler = name.rpartition(".")
    return f"{state.rpartition('____')[2]}.{handler}"


@functools.cache
def of_the_console() -> dict[str, Any]:
    """Every handler of our own by its full name."""
    import console.console  # noqa: F401 - registers them

    return {
        name: registered.handler
        for name, registered in RegistrationContext.get().event_handlers.items()
        if ".console___" in name and not name.endswith(".setvar")
    }


def find(short_name: str) -> str:
    """The full name of a handler."""
    return next(name for name in of_the_console() if short(name) == short_name)


def payload(name: str, **ids: str) -> dict[str, Any]:
    """What a page would send to a handler, with `ids` for the placeholders. Raises `AssertionError` where nobody wrote it down."""
    code = of_the_console()[name].fn.__code__
    takes = list(code.co_varnames[1 : code.co_argcount])
    given = PAYLOADS.get(short(name), {})
    assert sorted(takes) == sorted(given), f"{short(name)} takes {takes}: give it a payload in tests/console/handlers.py"
    return {
        word: value.format(**ids) if isinstance(value, str) and value.startswith("{") and ids else value for word, value in given.items()
    }


def is_public(name: str) -> bool:
    """Whether strangers may call it."""
    return auth.permission_of(name) is auth.PUBLIC
