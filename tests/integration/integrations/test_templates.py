"""Templates: what one makes works at once, from the request that comes in to the message that goes out; all of it or nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

import pytest

from backend.core import db
from backend.core.actor import Actor
from backend.core.errors import Invalid, NotFound
from backend.models import Integration, Route
from backend.routing import running
from backend.routing import service as routes
from backend.templates import catalogue, service
from backend.templates.service import Installed
from tests.factories import consents, rows
from tests.factories.fakes_of_providers import made, sign_in
from tests.fakes.provider import Provider
from tests.integration.incoming import steps
from tests.integration.integrations.routes import publish, runs

Serving = tuple[str, list[Provider]]


def installed(owner: Actor, name: str, **inputs: str) -> Installed:
    """What a template made."""
    with db.transaction(write=True) as session:
        return service.install(session, actor=owner, name=name, inputs=inputs)


def connected(owner: Actor, serving: Serving, monkeypatch: pytest.MonkeyPatch, name: str) -> tuple[Integration, Provider]:
    """A signed-in integration whose fake takes actions."""
    row, fake = made(owner, serving, monkeypatch, name, "oauth2")
    sign_in(owner, row, fake)
    fake.acts = True
    return row, fake


def work(row: Integration) -> None:
    """Carry out what is due."""
    running.go_along(row.id, time.monotonic() + 0.5)


def test_a_form_becomes_a_lead_and_a_message(caller: Actor, serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    row, fake = connected(caller, serving, monkeypatch, "slack")
    done = installed(caller, "new_lead_to_slack", integration=row.id, channel="#sales")
    assert [each.kind for each in done.made][-2:] == ["incoming_webhook", "route"]
    assert "leads" in [each.name for each in done.made]
    (secret,) = done.secrets
    assert secret.url.endswith(secret.token)
    assert secret.token not in repr(done)
    answer = steps.say(secret.token, {"name": " Ada Byron", "email": "ADA@example.com", "company": "Acme"})
    assert answer.status_code == 201, answer.text
    work(row)
    (run,) = runs(caller)
    assert run.run.status == "done", run.error
    message = json.loads(fake.acted[-1].body)
    assert message["channel"] == "#sales"
    assert message["text"].startswith("New lead\nFull name: Ada Byron\nEmail: ada@example.com\nCompany name: Acme\nSource: Lead form")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_shopify_order_becomes_an_order_and_a_mail(caller: Actor, serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    row, fake = connected(caller, serving, monkeypatch, "gmail")
    done = installed(caller, "shopify_orders_and_mail", integration=row.id, to="ops@example.com, grace@example.com", secret=steps.SECRET)
    order = {
        "id": 820982911946154508,
        "total_price": "199.65",
        "currency": "EUR",
        "customer": {"first_name": "Ada", "last_name": "Byron"},
        "shipping_address": {"address1": "1 High Street", "zip": "10115", "city": "Berlin"},
        "line_items": [{"product_id": 632910392, "name": "IPod", "quantity": 2, "price": "99.00"}],
    }
    body = json.dumps(order).encode()
    proof = base64.b64encode(hmac.digest(steps.SECRET.encode(), body, hashlib.sha256)).decode()
    answer = steps.say(done.secrets[0].token, body, {"x-shopify-hmac-sha256": proof, "x-shopify-webhook-id": "w1"})
    assert answer.status_code == 201, answer.text
    work(row)
    assert [each.error for each in runs(caller)] == [""]
    mail = base64.urlsafe_b64decode(json.loads(fake.acted[-1].body)["raw"]).decode()
    assert "To: ops@example.com, grace@example.com" in mail
    assert "Subject: Order 820982911946154508: 199.65 EUR" in mail
    assert "Ada Byron ordered 2 of IPod." in mail
    assert "1 High Street, 10115, Berlin" in mail


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_template_makes_routes_that_do_something_with_their_samples(caller: Actor) -> None:
    mailbox = consents.integration(caller, "gmail", auth="oauth2", credentials={"client_id": "x", "client_secret": "y" * 12}).id
    sandbox = consents.integration(caller).id
    for template in catalogue.TEMPLATES.values():
        can_mail = any(each.call == "send" for each in template.inputs)
        entered = {"integration": mailbox if can_mail else sandbox, "to": "ops@example.com", "secret": steps.SECRET, "branch": "branch-123"}
        done = installed(caller, template.name, **{each.name: entered[each.name] for each in template.inputs if each.name in entered})
        for made_one in (each for each in done.made if each.kind == "route"):
            with db.transaction() as session:
                tried = routes.rehearse(session, actor=caller, route_id=made_one.id)
            assert (tried.errors, tried.refused) == ((), ""), template.name
            assert tried.words


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_template_asks_for_what_it_needs_and_makes_all_or_nothing(
    caller: Actor, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, _ = connected(caller, serving, monkeypatch, "slack")
    before = rows.of_workspace(caller.workspace_id)
    with pytest.raises(NotFound):
        installed(caller, "no_such")
    with pytest.raises(Invalid) as caught:
        installed(caller, "shopify_orders_and_mail", integration=row.id, chanel="#x")
    assert {error.path for error in caught.value.errors} == {"inputs.chanel", "inputs.integration", "inputs.to", "inputs.secret"}
    with pytest.raises(Invalid, match="least"):
        installed(caller, "new_order_to_slack", integration=row.id, least="many")
    monkeypatch.setattr(routes, "MAX_ROUTES", 0)
    with pytest.raises(Invalid):
        installed(caller, "new_lead_to_slack", integration=row.id)
    assert rows.of_workspace(caller.workspace_id) == before
    monkeypatch.undo()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_workspace_with_a_module_of_its_own_keeps_it(caller: Actor, serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    row, _ = connected(caller, serving, monkeypatch, "slack")
    with db.transaction(write=True) as session:
        fields = [{"name": "email", "type": "email"}]
        steps.modules.create(session, actor=caller, input=steps.ModuleInput(name="leads", fields=fields))
    done = installed(caller, "new_lead_to_slack", integration=row.id)
    assert [each.kind for each in done.made] == ["incoming_webhook", "route"]
    assert steps.say(done.secrets[0].token, {"name": "Ada", "email": "ada@example.com"}).status_code == 201
    publish(caller, "order.created")
    with db.transaction() as session:
        assert session.get_one(Route, done.made[-1].id).mapping == []
    assert [each.run.event_type for each in runs(caller)] == ["lead.created"]
