"""Two workspaces: no call of one reads or touches a row of the other. Every operation must have a fixture here."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from sqlmodel import select

from backend import app as application
from backend.accounts import sessions, tokens
from backend.api_keys import service as api_keys
from backend.api_keys.service import KeyInput
from backend.core import clock, db, web
from backend.core.actor import Actor
from backend.core.web import RouteEntry
from backend.event_types import service as event_types
from backend.events import service as events
from backend.gateway import older_table
from backend.incoming import service as incoming_webhooks
from backend.incoming import storage
from backend.integrations import service as integrations
from backend.integrations import vault
from backend.integrations.values import IntegrationInput
from backend.logs import recorder
from backend.models import AuditEntry, Delivery, ErrorEntry, IncomingRequest, IntegrationEvent, RequestLog, RouteRun, User
from backend.orders import service as orders
from backend.records import modules
from backend.records import service as records
from backend.records.definitions import ModuleInput
from backend.replays import service as replays
from backend.routing import service as routes
from backend.webhooks import service as webhooks
from tests.factories import accounts, rows

pytestmark = pytest.mark.usefixtures("database", "redis")

ORDER = {"branch_id": "b", "order_type": "pickup", "items": [{"product_id": "p", "quantity": 1}], "external_id": "4711"}
# A valid body for each operation that takes one; `{}` stands for none. An operation without an entry fails the test.
BODIES: dict[str, dict[str, Any]] = {
    "POST /api/v1/api-keys": {"name": "Theirs", "scopes": ["events:read"]},
    "PATCH /api/v1/api-keys/{key_id}": {"name": "Taken over"},
    "POST /api/v1/api-keys/{key_id}/rotate": {"overlap_hours": 1},
    "POST /api/v1/api-keys/{key_id}/check": {"method": "GET", "path": "/api/v1/events"},
    "POST /api/v1/event-types": {"name": "theirs.made"},
    "PATCH /api/v1/event-types/{name}": {"description": "Taken over"},
    "POST /api/v1/events": {"type": "order.created", "data": {"from": "theirs"}},
    "POST /api/v1/events/batch": {"events": [{"type": "order.created", "data": {"from": "theirs"}}]},
    "POST /api/v1/webhooks": {"url": "https://theirs.example.com/h", "events": ["*"]},
    "POST /api/v1/webhooks/register": {"url": "https://theirs.example.com/h", "events": ["*"]},
    "PATCH /api/v1/webhooks/{webhook_id}": {"url": "https://theirs.example.com/stolen"},
    "POST /api/v1/webhooks/{webhook_id}/rotate-secret": {"overlap_hours": 1},
    "POST /api/v1/webhooks/{webhook_id}/enable": {"missed": "send"},
    "POST /api/v1/webhooks/{webhook_id}/disable": {"reason": "Taken over"},
    "POST /api/v1/webhooks/{webhook_id}/test": {"event": "order.created"},
    "POST /api/v1/webhooks/{webhook_id}/replay": {"reason": "Taken over"},
    "POST /api/v1/events/{event_id}/replay": {"reason": "Taken over"},
    "POST /api/v1/replays": {"filter": {}, "reason": "Theirs"},
    "POST /api/v1/webhooks/{webhook_id}/probe": {"resume": True, "missed": "send"},
    "POST /api/v1/modules": {"name": "theirs", "fields": [{"name": "title", "type": "text"}]},
    "PATCH /api/v1/modules/{module}": {"label": "Taken over", "fields": []},
    "POST /api/v1/incoming-webhooks": {"name": "Theirs", "module": "orders", "action": "create"},
    "PATCH /api/v1/incoming-webhooks/{incoming_id}": {"name": "Taken over"},
    "POST /api/v1/incoming-webhooks/{incoming_id}/regenerate-token": {"overlap_hours": 1},
    "POST /api/v1/incoming-webhooks/{incoming_id}/dry-run": {"limit": 5},
    "POST /api/v1/incoming-webhooks/{incoming_id}/replay": {"since": "2026-01-31T09:30:00Z"},
    "POST /api/v1/webhooks/bulk": {"filter": {}, "action": "pause"},
    "PATCH /api/v1/instance/gateway": {"query_keys": False},
    "POST /api/v1/orders": ORDER,
    "PATCH /api/v1/orders/{order_id}": {"notes": "Taken over"},
    "PATCH /api/v1/orders/{order_id}/status": {"status": "cancelled"},
    "PATCH /api/v1/logs/retention": {"requests": 7},
    "POST /api/v1/integrations": {"provider": "slack", "credentials": {"webhook_url": "https://hooks.slack.com/services/theirs"}},
    "PATCH /api/v1/integrations/{integration_id}": {"name": "Taken over"},
    "PATCH /api/v1/integrations/settings": {"redirect_uris": ["https://theirs.example.com/callback"]},
    "POST /api/v1/integrations/test": {"provider": "custom", "auth": "oauth2", "config": {}},
    "POST /api/v1/integrations/discover": {"url": "http://127.0.0.1:1"},
    "POST /api/v1/integrations/{integration_id}/oauth/initiate": {},
    "POST /api/v1/integrations/{integration_id}/sync": {"full": True},
    "POST /api/v1/integrations/{integration_id}/messages": {"text": "Taken over"},
    "POST /api/v1/integrations/{integration_id}/calendar-events": {"summary": "Taken over", "start": "2026-12-01T10:00:00Z"},
    "POST /api/v1/integrations/{integration_id}/emails": {"to": ["a@example.com"], "subject": "Taken over", "text": "x"},
    "PATCH /api/v1/integrations/{integration_id}/sync-settings": {"direction": "push"},
    "PATCH /api/v1/integrations/sandbox": {"token_error": "500"},
    "POST /api/v1/integrations/sandbox/change-contacts": {"number": 3},
    "POST /api/v1/integrations/sandbox/delete-contacts": {"number": 3},
    "POST /api/v1/routes": {"events": ["order.created"], "integration_id": "int_none", "action": "message", "mapping": {"type": "text"}},
    "PATCH /api/v1/routes/{route_id}": {"name": "Taken over"},
    "POST /api/v1/routes/{route_id}/test": {"send": True},
    "POST /api/v1/templates/{template}/install": {"inputs": {"integration": "int_none"}},
    "POST /api/v1/records/{module}": {"title": "Theirs"},
    "PATCH /api/v1/records/{module}/{record_id}": {"title": "Taken over"},
}
MOMENT: dict[str, Any] = {"id": "ivt_00000000000000000000000001", "kind": "tested"}
EMPTY = {
    "POST /api/v1/api-keys/{key_id}/revoke",
    "POST /api/v1/api-keys/{key_id}/enable",
    "POST /api/v1/api-keys/{key_id}/disable",
    "POST /api/v1/api-keys/{key_id}/regenerate",
    "POST /api/v1/webhooks/{webhook_id}/pause",
    "POST /api/v1/webhooks/{webhook_id}/resume",
    "POST /api/v1/incoming-webhooks/{incoming_id}/logs/{log_id}/replay",
    "POST /api/v1/deliveries/{delivery_id}/retry",
    "POST /api/v1/deliveries/{delivery_id}/cancel",
    "POST /api/v1/webhooks/deliveries/{delivery_id}/retry",
    "POST /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/retry",
    "POST /api/v1/replays/{replay_id}/pause",
    "POST /api/v1/replays/{replay_id}/resume",
    "POST /api/v1/replays/{replay_id}/cancel",
    "POST /api/v1/modules/starter-sets/{starter_set}/install",
    "POST /api/v1/integrations/{integration_id}/test",
    "POST /api/v1/integrations/{integration_id}/enable",
    "POST /api/v1/integrations/{integration_id}/disable",
    "POST /api/v1/integrations/{integration_id}/disconnect",
    "POST /api/v1/integrations/{integration_id}/oauth/refresh",
    "POST /api/v1/integrations/{integration_id}/syncs/{sync_id}/cancel",
    "POST /api/v1/routes/{route_id}/runs/retry",
    "POST /api/v1/routes/{route_id}/runs/{run_id}/retry",
    "POST /api/v1/instance/encryption-keys/rotate",
    "POST /api/v1/integrations/sandbox/expire",
    "POST /api/v1/integrations/sandbox/revoke",
}
ENTRIES = application.operations()
OPERATIONS = [entry for entry in ENTRIES if entry.permission is not web.PUBLIC]
# Each call by its older path, beside the one that answers it.
BY_OLDER_PATHS = [(called, answered) for called, answered in older_table.operations(ENTRIES) if answered.permission is not web.PUBLIC]

Operations = list[tuple[RouteEntry, RouteEntry]]


def body_of(operation: str) -> dict[str, Any] | None:
    """The body to call an operation with. Raises `KeyError` for one that has no fixture."""
    method = operation.partition(" ")[0]
    if method in {"GET", "DELETE"} or operation in EMPTY:
        return None
    return BODIES[operation.replace("PUT ", "PATCH ")]


def furnish() -> tuple[Actor, dict[str, str], str]:
    """A workspace with one of everything: its owner, the ids by the names of path parameters, and a text that is only in it."""
    mark = "only-in-the-first-workspace"
    owner = accounts.workspace("First")
    with db.transaction(write=True) as session:
        key, _ = api_keys.create(session, actor=owner, input=KeyInput(name=mark, scopes=["events:write"]))
        event_types.create(session, actor=owner, name="mine.made", description=mark)
        webhook, _ = webhooks.create(session, actor=owner, input=webhooks.WebhookInput(url=f"https://{mark}.example.com/h", events=["*"]))
    with db.transaction(write=True) as session:
        event = events.publish_all(session, [events.command(actor=owner, type="order.created", data={"note": mark})])[0]
        delivery = session.exec(select(Delivery).where(Delivery.event_id == event.id)).one()
        log = RequestLog(
            id="req_00000000000000000000000001", workspace_id=owner.workspace_id, method="GET", path=f"/{mark}", status_code=200,
            duration_ms=1.0, caller_kind="key", caller_id=key.id,
        )  # fmt: skip
        error = ErrorEntry(
            id="err_00000000000000000000000001", workspace_id=owner.workspace_id, severity="error", kind="job_failed", message=mark
        )  # fmt: skip
        session.add_all([log, error])
        replay = replays.replay_event(session, actor=owner, event_id=event.id, reason=mark)
        modules.create(session, actor=owner, input=ModuleInput(name="mine_only", fields=[{"name": "title", "type": "text"}]))
        record = records.create(session, actor=owner, module="mine_only", values={"title": mark})
        incoming, _ = incoming_webhooks.create(session, actor=owner, values={"name": mark, "module": "mine_only"})
        arrived = IncomingRequest(
            id="irq_00000000000000000000000001", workspace_id=owner.workspace_id, incoming_id=incoming.id, token_id="itk_1",
            status="rejected", sentence=mark, sealed=storage.seal("irq_00000000000000000000000001", _arrival(mark)),
        )  # fmt: skip
        session.add(arrived)
        placed = orders.create(session, actor=owner, input=orders.NewOrder.model_validate({**ORDER, "customer_name": mark}))
        connected = integrations.create(session, actor=owner, input=IntegrationInput(provider="sandbox", name=mark))
        session.flush()
        lead = {"name": mark, "events": ["order.*"], "integration_id": connected.id, "action": "message", "mapping": {"type": "text"}}
        route = routes.create(session, actor=owner, values=lead).route
        events.publish(session, actor=owner, type="order.updated", data={"note": mark})
        run = session.exec(select(RouteRun).where(RouteRun.route_id == route.id)).one()
        session.add(moment := IntegrationEvent(workspace_id=owner.workspace_id, integration_id=connected.id, **MOMENT, summary=mark))
        vault.store(session, connected, vault.TOKENS, {"access_token": "as-if-signed-in"})
        sync = integrations.start_sync(session, actor=owner, integration_id=connected.id)
        session.flush()
        audited = session.exec(select(AuditEntry.id).where(AuditEntry.target_id == webhook.id)).one()
        return owner, {
            "key_id": key.id, "webhook_id": webhook.id, "event_id": event.id, "delivery_id": delivery.id, "name": "mine.made",
            "request_id": log.id, "replay_id": replay.id, "module": "mine_only", "record_id": record.id,
            "starter_set": "no-such-set", "order_id": placed.detail.order.id, "error_id": error.id, "entry_id": audited,
            "incoming_id": incoming.id, "log_id": arrived.id,
            "integration_id": connected.id, "sync_id": sync.id, "moment_id": moment.id, "type": "no-such-type",
            "route_id": route.id, "run_id": run.id, "template": "no-such-template",
        }, mark  # fmt: skip


def _arrival(mark: str) -> storage.Arrival:
    return storage.Arrival("xdi_x", "POST", "", (("x-mark", mark),), mark.encode(), "203.0.113.7", "req_test", clock.now())


def credentials_of(actor: Actor) -> dict[str, str]:
    """A user's token and a key with every scope, both of the actor's workspace."""
    with db.transaction(write=True) as session:
        _, row = sessions.open_session(session, session.get_one(User, actor.id), workspace_id=None, ip="", user_agent="", kind="api")
        info = sessions.info_of(session, row)
        assert info is not None
        resources = ("api_keys", "events", "webhooks", "modules", "records", "orders", "incoming", "integrations")
        scopes = [*(f"{resource}:manage" for resource in resources), "logs:read", "metrics:read"]
        unlimited = KeyInput(name="Everything", scopes=scopes, limit_per_minute=None)
        _, key = api_keys.create(session, actor=actor, input=unlimited)
    return {"user": tokens.access_token(info), "key": key}


@asynccontextmanager
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A client of the whole application, gateway included."""
    app = application.create_app()
    recorder.start()
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000", timeout=30) as http:
            yield http
    finally:
        recorder.stop()


def test_every_operation_has_a_fixture() -> None:
    parameters = set(re.findall(r"{(\w+)}", " ".join(entry.path for entry in OPERATIONS)))
    assert parameters == {
        "key_id", "webhook_id", "event_id", "delivery_id", "name", "request_id", "replay_id", "module", "record_id", "starter_set",
        "order_id", "error_id", "entry_id", "incoming_id", "log_id",
        "integration_id", "sync_id", "moment_id", "type", "route_id", "run_id", "template",
    }  # fmt: skip
    for entry in OPERATIONS:
        body_of(f"{entry.method} {entry.path}")


@pytest.mark.parametrize("kind", ["user", "key"])
@pytest.mark.parametrize("operations", [[(entry, entry) for entry in OPERATIONS], BY_OLDER_PATHS], ids=["documented", "older"])
def test_no_call_of_one_workspace_reads_or_touches_the_other(kind: str, operations: Operations) -> None:
    owner, identifiers, mark = furnish()
    other = accounts.workspace("Second")
    token = credentials_of(other)[kind]
    before = rows.of_workspace(owner.workspace_id)

    answers = asyncio.run(_call_everything(token, identifiers, operations))

    for operation, answer in answers:
        assert answer.status_code < 500, (operation, answer.text)
        if "{" in operation:
            allowed = {404, 403} if kind == "key" else {404}
            assert answer.status_code in allowed, (operation, answer.status_code, answer.text)
        shown = answer.text  # JSON for the most part; a log may be a file, and figures are text
        assert mark not in shown, operation
        if "/logs/requests" in operation:
            continue  # shows the paths that the caller itself has asked for
        asked = answer.request.url.path  # an id that was asked for may be named in the refusal
        assert not [each for name, each in identifiers.items() if name != "name" and each in shown and each not in asked], operation
    assert rows.of_workspace(owner.workspace_id) == before


def test_the_owner_reaches_everything_that_the_other_could_not() -> None:
    owner, identifiers, _ = furnish()
    reads = [(entry, entry) for entry in OPERATIONS if entry.method == "GET"]
    answers = asyncio.run(_call_everything(credentials_of(owner)["user"], identifiers, reads))
    refused = {operation: answer.status_code for operation, answer in answers if answer.status_code != 200}
    # The installation's own, for super administrators; a type that there is not; mail of what nobody has connected.
    assert refused == {
        "GET /api/v1/instance/gateway": 403,
        "GET /api/v1/logs/requests/unknown": 403,
        "GET /api/v1/integrations/types/{type}": 404,
        "GET /api/v1/integrations/{integration_id}/emails": 409,
    }


async def _call_everything(token: str, identifiers: dict[str, str], operations: Operations) -> Sequence[tuple[str, httpx.Response]]:
    answers: list[tuple[str, httpx.Response]] = []
    async with client() as http:
        for called, answered in operations:
            body = body_of(f"{answered.method} {answered.path}")
            path = called.path.format(**identifiers)
            answer = await http.request(called.method, path, json=body, headers={"Authorization": f"Bearer {token}"})
            answers.append((f"{called.method} {called.path}", answer))
    return answers
