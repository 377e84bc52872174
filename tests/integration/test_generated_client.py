"""A client that openapi-python-client generates from our schema works against a running server, as a partner's developer has it."""

from __future__ import annotations

import contextlib
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from backend import app as application
from tests.bench import plumbing

NAME = "crossdock_client"


class Client:
    """The generated package, signed in at a server: `call("webhooks", "read_webhook", …)` is a generated function's answer."""

    def __init__(self, address: str, token: str) -> None:
        self._client = self.part("client").AuthenticatedClient(base_url=address, token=token)

    def close(self) -> None:
        """Close its connections."""
        self._client.get_httpx_client().close()

    def part(self, name: str) -> ModuleType:
        """One of the package's modules."""
        return importlib.import_module(f"{NAME}.{name}")

    def model(self, name: str, body: dict[str, Any]) -> Any:
        """One of its models, made from JSON."""
        return getattr(self.part("models"), name).from_dict(body)

    def call(self, group: str, operation: str, *place: str, **given: Any) -> Any:
        """The model that a call answers."""
        return self.part(f"api.{group}.{operation}").sync(*place, client=self._client, **given)

    def status(self, group: str, operation: str, *place: str, **given: Any) -> int:
        """The status that a call answers."""
        return self.part(f"api.{group}.{operation}").sync_detailed(*place, client=self._client, **given).status_code


@pytest.fixture(name="package")
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The generated package, importable while the test lasts."""
    document, config = tmp_path / "openapi.json", tmp_path / "config.yml"
    document.write_text(json.dumps(application.create_app()._app.openapi()))  # type: ignore[attr-defined] - the gateway wraps it
    config.write_text("post_hooks: []\n")  # they would format what nobody reads
    words = ["--path", document, "--config", config, "--meta", "none", "--output-path", tmp_path / NAME, "--fail-on-warning"]
    done = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", "generate", *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / NAME
    for name in [each for each in sys.modules if each.partition(".")[0] == NAME]:
        del sys.modules[name]


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_generated_client_makes_reads_changes_and_understands_refusals(package: Path, tmp_path: Path) -> None:
    assert (package / "api" / "webhooks" / "create_webhook.py").exists()
    with contextlib.ExitStack() as stack:
        running = stack.enter_context(plumbing.installation(tmp_path / "installation", "api"))
        token = stack.enter_context(running.client()).headers["authorization"].removeprefix("Bearer ")
        client = stack.enter_context(contextlib.closing(Client(running.address, token)))
        _webhooks(client)
        _records_and_orders(client)
        _keys_and_events(client)


def _webhooks(client: Client) -> None:
    made = client.call(
        "webhooks", "create_webhook", body=client.model("WebhookCreate", {"url": "https://x.example.com/h", "events": ["*"]})
    )
    assert made.secret.startswith("whsec_")
    assert made.name == "x.example.com"
    changed = client.call("webhooks", "update_webhook", made.id, body=client.model("WebhookUpdate", {"timeout": 7, "name": "Ours"}))
    assert (changed.timeout, changed.name) == (7, "Ours")
    changed = client.call("webhooks", "update_webhook", made.id, body=client.model("WebhookUpdate", {"events": ["order.created"]}))
    assert (changed.timeout, changed.name, changed.events) == (7, "Ours", ["order.created"])
    assert [each.id for each in client.call("webhooks", "list_webhooks", limit=10).data] == [made.id]
    assert client.status("webhooks", "delete_webhook", made.id) == 204
    gone = client.call("webhooks", "read_webhook", made.id)
    assert (gone.status, gone.code) == (404, "not_found")
    wrong = client.call("webhooks", "create_webhook", body=client.model("WebhookCreate", {"url": "nowhere", "events": ["no.such.event"]}))
    assert wrong.status == 422
    assert {each.path for each in wrong.errors} == {"url", "events[0]"}


def _records_and_orders(client: Client) -> None:
    fields = [{"name": "title", "type": "text", "required": True}, {"name": "total", "type": "number"}]
    body = client.model("ModuleCreate", {"name": "quotes", "fields": fields})
    assert client.call("modules_and_records", "create_module", body=body).name == "quotes"
    made = client.status(
        "modules_and_records", "create_record", "quotes", body=client.model("CreateRecordBody", {"title": "A", "total": 3})
    )
    assert made == 201
    listed = client.call("modules_and_records", "list_records", "quotes", q="A")
    assert [each.to_dict()["total"] for each in listed.data] == [3]
    body = {"branch_id": "b", "order_type": "pickup", "items": [{"product_id": "p", "quantity": 2}], "external_id": "1"}
    order = client.call("orders", "create_order", body=client.model("NewOrder", body))
    moved = client.call("orders", "set_order_status", order.id, body=client.model("StatusChange", {"status": "confirmed"}))
    assert moved.status == "confirmed"


def _keys_and_events(client: Client) -> None:
    made = client.call("api_keys", "create_key", body=client.model("ApiKeyCreate", {"name": "Theirs", "scopes": ["events:write"]}))
    assert made.key.startswith("xdk_")
    body = client.model("EventCreate", {"type": "order.created", "data": {"id": "4711"}})
    accepted = client.call("events", "publish_event", body=body, idempotency_key="order-4711")
    assert accepted.id.startswith("evt_")
    assert client.call("events", "publish_event", body=body, idempotency_key="order-4711").id == accepted.id
    shown = client.call("events", "read_event", accepted.id)
    assert shown.data.to_dict() == {"id": "4711"}
    standing = client.call("monitoring", "read_health")
    assert standing.status in {"ok", "degraded", "down"}
