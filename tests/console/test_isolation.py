"""Two workspaces: no handler of the console reads or touches a row of the other."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from sqlmodel import Session, select

from backend.accounts import members
from backend.api_keys import service as api_keys
from backend.api_keys.inputs import KeyInput
from backend.core import clock, db, ids
from backend.core.actor import Actor, Role
from backend.event_types import service as event_types
from backend.events import service as events
from backend.incoming import service as incoming
from backend.incoming import storage
from backend.integrations import service as integrations
from backend.integrations.service import IntegrationInput
from backend.logs import batches, errors
from backend.logs.errors import Problem, Severity
from backend.models import AuditEntry, Delivery, ErrorEntry, IncomingRequest, Integration, Order, RequestLog, Route, RouteRun
from backend.orders import inputs
from backend.orders import service as orders
from backend.receiver import service as receiver
from backend.records import modules
from backend.records import service as records
from backend.records.definitions import ModuleInput
from backend.replays import service as replays
from backend.replays.service import ReplayFilter
from backend.routing import service as routes
from backend.webhooks import service as webhooks
from backend.webhooks.values import WebhookInput
from tests.console import handlers
from tests.console.conftest import Web, signed_in, tab
from tests.console.handlers import STATE, find, payload, short
from tests.factories import accounts, rows
from tests.factories.requests import entry

_OURS = "Ours only"
# By state, where what it shows of a workspace is.
PATHS = {
    "key_state": "/settings/api-keys/{key}",
    **dict.fromkeys(("webhook_state", "test_send_state", "enable_state", "new_replay_state", "filter_state"), "/settings/webhooks/{hook}"),
    "replay_state": "/settings/replays/{replay}",
    **dict.fromkeys(("incoming_webhook_state", "arrivals_state", "mapping_state"), "{arrivals}"),
    "arrival_state": "{arrived}",
    "delivery_state": "/settings/deliveries/{delivery}",
    "deliveries_state": "/settings/deliveries?webhook={hook}",
    "event_state": "/settings/events/{event}",
    "events_state": "/settings/events?type=order.created",
    "type_state": "/settings/event-types/ours.made",
    "editor_state": "/records/{module}/fields",
    "records_state": "/records/{module}",
    "record_state": "/records/{module}/{record}",
    "order_state": "/orders/{order}",
    "request_state": "/settings/logs/requests/{request}",
    "error_state": "/settings/logs/errors/{error}",
    "audit_entry_state": "/settings/logs/audit/{audited}",
    **dict.fromkeys(("integration_state", "action_state"), "/settings/integrations/{integration}"),
    **dict.fromkeys(("route_state", "runs_state", "route_editor_state"), "/settings/routes/{route}"),
    "setup_state": "/settings/integrations/catalogue/custom?way=api_key",
    "receiver_state": "/settings/receiver?inbox={inbox}",
}


@pytest.mark.usefixtures("redis")
def test_no_handler_reads_or_touches_another_workspaces_rows(web: Web) -> None:
    ours, theirs = accounts.workspace(_OURS), accounts.workspace("Theirs")
    paths, needles, ids = _make(ours, _OURS)
    before = rows.of_workspace(ours.workspace_id)

    async def story() -> list[object]:
        async with tab(web, signed_in(theirs)) as page:
            await page.send(f"{STATE}.hydrate")
            for name in handlers.of_the_console():
                state = short(name).partition(".")[0]
                path = paths.get(state, "/")
                if not handlers.is_public(name):
                    await page.send(name, payload(name, **ids), path=path)
                    await page.send(find("door_state.load"), path=f"/login?next=/{short(name)}")
                    await page.until(lambda seen, mark=f"/{short(name)}": mark in str(seen.updates))
            return list(page.updates)

    updates = asyncio.run(story())
    assert len(updates) > len(needles)
    assert not [needle for needle in needles if needle in _answers(updates)]
    assert rows.of_workspace(ours.workspace_id) == before


@pytest.mark.usefixtures("redis")
def test_no_page_of_ones_own_reaches_beyond_by_another_address(web: Web) -> None:
    ours, theirs = accounts.workspace(_OURS), accounts.workspace("Theirs")
    paths, needles, ids = _make(ours, _OURS)
    own_paths, _, _ = _make(theirs, "Theirs")
    before = rows.of_workspace(ours.workspace_id)

    async def story() -> list[object]:
        async with tab(web, signed_in(theirs)) as page:
            for name in _by_state():
                state = short(name).partition(".")[0]
                if state not in paths:
                    continue
                with contextlib.suppress(StopIteration):
                    await page.send(find(f"{state}.load"), path=own_paths[state])
                await page.send(name, payload(name, **ids), path=paths[state])
                await page.send(find("door_state.load"), path=f"/login?next=/{short(name)}")
                await page.until(lambda seen, mark=f"/{short(name)}": mark in str(seen.updates))
            return list(page.updates)

    updates = asyncio.run(story())
    assert "Theirs" in str(updates)
    assert not [needle for needle in needles if needle in _answers(updates)]
    assert rows.of_workspace(ours.workspace_id) == before


@pytest.mark.usefixtures("redis")
def test_the_owner_reads_and_changes_by_the_same_calls_what_others_cannot(web: Web) -> None:
    ours = accounts.workspace(_OURS)
    paths, _, ids = _make(ours, _OURS)
    before = rows.of_workspace(ours.workspace_id)

    async def story() -> dict[str, str]:
        seen_by: dict[str, str] = {}
        async with tab(web, signed_in(ours)) as page:
            for name in _by_state():
                page.forget()
                await page.send(name, payload(name, **ids), path=paths.get(short(name).partition(".")[0], "/"))
                await page.send(find("door_state.load"), path=f"/login?next=/{short(name)}")
                await page.until(lambda seen, mark=f"/{short(name)}": mark in str(seen.updates))
                seen_by[short(name)] = _answers(list(page.updates))
        return seen_by

    seen_by = asyncio.run(story())
    shows = {name for name, text in seen_by.items() if _OURS in text}
    states = ("keys_state", "key_state", "webhooks_state", "webhook_state", "deliveries_state", "event_state", "replay_state")
    states += ("types_state", "type_state", "modules_state", "editor_state", "records_state", "record_state", "orders_state", "order_state")
    states += ("incoming_state", "incoming_webhook_state", "arrivals_state", "mapping_state", "arrival_state")
    states += ("requests_state", "request_state", "errors_state", "error_state", "audit_state", "audit_entry_state")
    states += ("integrations_state", "integration_state", "gallery_state", "routes_state", "route_state", "route_editor_state")
    assert shows >= {f"{state}.load" for state in states}
    changed = {table for table, found in rows.of_workspace(ours.workspace_id).items() if found != before[table]}
    assert changed >= {"api_key", "api_key_secret", "webhook", "delivery", "replay", "receiver_inbox", "invitation"}
    assert changed >= {
        "module",
        "record",
        "orders",
        "event_type",
        "integration",
        "integration_credential",
        "integration_state",
        "sandbox_account",
        "route",
        "route_run",
    }


def _by_state() -> list[str]:
    """Every handler; of each state its loads before what changes, and what ends things last."""
    last = ("revoke", "delete", "remove", "withdraw", "clear", "cancel")
    return sorted(handlers.of_the_console(), key=lambda name: (name.endswith(last), not name.endswith(".load"), name))


def _make(ours: Actor, name: str) -> tuple[dict[str, str], list[str], dict[str, str]]:
    """Something of everything: the pages on which it would be seen, the words by which it would be recognised, and its ids."""
    with db.transaction(write=True) as session:
        key, _ = api_keys.create(session, actor=ours, input=KeyInput(name=name, scopes=["events:read"]))
        inbox = receiver.create_inbox(session, actor=ours, name=name)
        hook, _ = webhooks.create(session, actor=ours, input=WebhookInput(name=name, url="https://receiver.example/ours", events=["*"]))
        invitation, _ = members.invite(session, actor=ours, role=Role.VIEWER, email="ours@example.com")
        published = events.publish(session, actor=ours, type="order.created", data={"secret_of": name})
        event_types.create(session, actor=ours, name="ours.made", description=name)
        module = _module(session, ours, name)
        record = records.create(session, actor=ours, module=module, values={"title": name})
        arrived = _arrived(session, ours, name, module)
        order = _order(session, ours, name)
        integration = _integration(session, ours, name)
        route = _route(session, ours, name)
        _note(session, ours, name)
    with db.transaction() as session:
        delivery = session.exec(select(Delivery).where(Delivery.event_id == published.id)).one()
        request = session.exec(select(RequestLog).where(RequestLog.workspace_id == ours.workspace_id)).one()
        error = session.exec(select(ErrorEntry).where(ErrorEntry.workspace_id == ours.workspace_id)).one()
        run = session.exec(select(RouteRun).where(RouteRun.route_id == route.id)).one()
        audited = session.exec(select(AuditEntry).where(AuditEntry.target_id == key.id)).one()
    with db.transaction(write=True) as session:
        replay = replays.create(session, actor=ours, filter=ReplayFilter(ids=(delivery.id,)), reason=name)
    made = {
        "key": key, "hook": hook, "replay": replay, "delivery": delivery, "event": published, "record": record, "order": order,
        "request": request, "error": error, "audited": audited, "integration": integration, "route": route, "inbox": inbox,
    }  # fmt: skip
    named = {kind: each.id for kind, each in made.items()} | {"module": module, "arrived": arrived, "arrivals": arrived.rpartition("/")[0]}
    known = {"invitation_id": invitation.id, "user_id": ours.id, "delivery_id": delivery.id, "run_id": run.id}
    known |= {"integration_id": route.integration_id}
    paths = {state: path.format(**named) for state, path in PATHS.items()}
    return paths, [name, ours.workspace_id, inbox.token, published.id, "ours@example.com"], known


def _module(session: Session, ours: Actor, name: str) -> str:
    made = ModuleInput(name=name.lower().replace(" ", "_"), label=name, fields=[{"name": "title", "type": "text"}])
    return modules.create(session, actor=ours, input=made).name


def _order(session: Session, ours: Actor, name: str) -> Order:
    ordered = {"branch_id": name, "order_type": "pickup", "items": [{"product_id": "1", "quantity": 1}], "customer_name": name}
    return orders.create(session, actor=ours, input=inputs.parse(inputs.NewOrder, ordered)).detail.order


def _note(session: Session, ours: Actor, name: str) -> None:
    """An error and a request in the logs."""
    errors.record(session, [Problem(severity=Severity.ERROR, kind="job_failed", message=name, workspace_id=ours.workspace_id)])
    batches.write(session, [entry(ours, path=f"/api/v1/{name}", error=name)])


def _arrived(session: Session, ours: Actor, name: str, module: str) -> str:
    """The page of a stored request that an incoming webhook refused."""
    row, _ = incoming.create(session, actor=ours, values={"name": name, "module": module, "field_mapping": {"email": "title"}})
    identifier = ids.new("irq")
    headers = (("content-type", "application/json"),)
    arrival = storage.Arrival("xdi_x", "POST", "", headers, json.dumps({"email": name}).encode(), "203.0.113.7", "req_ours", clock.now())
    told = {"status": "rejected", "sentence": name, "reason": "record", "sealed": storage.seal(identifier, arrival), "verified": True}
    session.add(IncomingRequest(id=identifier, workspace_id=ours.workspace_id, incoming_id=row.id, token_id="itk_ours", **told))
    return f"/settings/incoming/{row.id}/{identifier}"


def _integration(session: Session, ours: Actor, name: str) -> Integration:
    """One that needs no sign-in, with a secret."""
    entered = {"test_address": "http://127.0.0.1:9/", "api_key": "a key of ours"}
    return integrations.create(
        session, actor=ours, input=IntegrationInput(provider="custom", auth="api_key", name=name, credentials=entered)
    )


def _route(session: Session, ours: Actor, name: str) -> Route:
    """One to a sandbox that nobody has connected, with a run."""
    sandbox = integrations.create(session, actor=ours, input=IntegrationInput(provider="sandbox", name=f"{name}, sandbox"))
    session.flush()
    lead = {"name": name, "events": ["order.updated"], "integration_id": sandbox.id, "action": "message", "mapping": {"type": "text"}}
    made = routes.create(session, actor=ours, values=lead).route
    events.publish(session, actor=ours, type="order.updated", data={"of": name})
    return made


def _answers(updates: list[object]) -> str:
    """What was sent, without the address that the page itself had asked for."""
    kept = []
    for update in updates:
        assert isinstance(update, dict)
        deltas = {
            state: {k: v for k, v in values.items() if "router" not in k and "_id_rx_state_" not in k}
            for state, values in (update.get("delta") or {}).items()
        }
        kept.append((deltas, update.get("events")))
    return str(kept)
