"""A whole installation connects its sandbox, syncs 1,000 contacts by its own worker, refreshes unseen, and keeps every credential to itself."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.acceptance import leaks
from tests.acceptance.installation import Installation
from tests.acceptance.partner import Partner
from tests.factories import consents
from tests.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
CONTACTS = 1000
PLANTED = {
    "stripe key": "sk_live_planted9f3a1c20b7",
    "slack hook": "https://hooks.slack.com/services/T1/B1/planted4d8e2f",
    "client secret": "planted-client-0a7b",
}


def test_the_sandbox_is_connected_synced_refreshed_and_disconnected(shared: Installation) -> None:
    admin = Partner.newcomer(shared)
    admin.call("POST", "/modules/starter-sets/crm/install")
    identifier = _connect(admin, shared.address)
    first = _sync(admin, identifier)
    assert (first["seen"], first["created"], first["total"], first["failed"]) == (CONTACTS, CONTACTS, CONTACTS, 0)

    admin.call("POST", "/integrations/sandbox/expire")
    admin.call("POST", "/integrations/sandbox/change-contacts", number=7)
    second = _sync(admin, identifier)
    assert (second["seen"], second["updated"]) == (7, 7)
    kinds = [each["kind"] for each in admin.call("GET", f"/integrations/{identifier}/events")["data"]]
    assert kinds[:3] == ["synced", "refreshed", "sync_begun"]

    admin.call("POST", "/integrations/sandbox/revoke")
    assert admin.call("POST", f"/integrations/{identifier}/test")["success"] is False
    lost = admin.call("GET", f"/integrations/{identifier}")
    assert (lost["status"], lost["error_class"]) == ("needs_reconnect", "invalid_grant")
    assert "Reconnect" in lost["next_step"]
    _consent(admin, identifier)
    assert admin.call("GET", f"/integrations/{identifier}")["status"] == "active"
    standing = admin.call("GET", "/monitoring/providers")["data"][0]
    assert (standing["status"], standing["ok"] > 10) == ("active", True)
    assert admin.call("POST", f"/integrations/{identifier}/disconnect")["revoked"] is True
    assert admin.call("GET", "/integrations/sandbox")["grants"] == 0
    _plant(admin)
    answers = [(path, admin.send("GET", path).content) for path in ("/integrations", "/logs/integrations", "/logs/audit", "/logs/requests")]
    admin.http.close()
    assert leaks.traces({**PLANTED}, _everything(shared, answers)) == []


def _everything(running: Installation, answers: list[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Every file of the installation, everything that it logged, everything that it answered."""
    log = "\n".join(str(line) for line in running.lines).encode()
    yield from (*leaks.files(running.data_dir), ("the log", log), *answers)


def _connect(admin: Partner, address: str) -> str:
    made = admin.call("POST", "/integrations", provider="sandbox", name="Sandbox")
    assert (made["status"], made["redirect_uri"]) == ("pending", f"{address}/api/v1/integrations/oauth/callback")
    _consent(admin, made["id"])
    connected = admin.call("GET", f"/integrations/{made['id']}")
    assert (connected["status"], connected["account"]["name"]) == ("active", "ada@sandbox.example")
    assert connected["scopes"]["missing"] == []
    return made["id"]


def _consent(admin: Partner, identifier: str) -> None:
    begun = admin.call("POST", f"/integrations/{identifier}/oauth/initiate")
    location = consents.consent(begun["authorization_url"])
    back = httpx.get(location, timeout=30)
    assert (back.status_code, back.headers["location"]) == (303, f"/settings/integrations/{identifier}?connected=1")


def _sync(admin: Partner, identifier: str) -> dict[str, object]:
    begun = admin.call("POST", f"/integrations/{identifier}/sync")

    def found() -> dict[str, object]:
        return admin.call("GET", f"/integrations/{identifier}/syncs/{begun['id']}")

    eventually(lambda: found()["finished_at"], seconds=90, every=0.2)
    ended = found()
    assert ended["status"] == "done", ended
    return ended


def _plant(admin: Partner) -> None:
    """Secrets by every way in: as credentials, in the settings, beside them, in a test before saving, in a refusal."""
    admin.call("POST", "/integrations", provider="stripe", config={"apiKey": PLANTED["stripe key"]})
    admin.call("POST", "/integrations", provider="slack", credentials={"webhookUrl": PLANTED["slack hook"]})
    config = {"client_id": "x", "client_secret": PLANTED["client secret"]}
    admin.call("POST", "/integrations", provider="hubspot", config=config)
    admin.send("POST", "/integrations/test", provider="stripe", credentials={"api_key": PLANTED["stripe key"]})
    admin.send("POST", "/integrations", provider="stripe", type="no-such-type", credentials={"api_key": PLANTED["stripe key"]})
