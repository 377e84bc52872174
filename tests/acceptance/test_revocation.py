"""A key that is revoked at one API process is refused by the other within a second."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from tests.bench import plumbing
from tests.waiting import eventually

LATEST_SECONDS = 1.0


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_revoked_key_is_refused_by_every_process_within_a_second(tmp_path: Path) -> None:
    with (
        plumbing.installation(tmp_path / "installation", "api") as running,
        plumbing.further_api(running) as further,
        running.client() as admin,
    ):
        for address, other in ((running.address, further), (further, running.address)):
            wish = {"name": "Partner", "scopes": ["webhooks:read"], "rate_limit": {"per_minute": 1_000_000}}
            made = admin.post("/api/v1/api-keys", json=wish).raise_for_status().json()
            headers = {"authorization": f"Bearer {made['key']}"}
            with httpx.Client(base_url=address, headers=headers) as here, httpx.Client(base_url=other, headers=headers) as there:
                for each in (here, there):
                    eventually(lambda each=each: each.get("/api/v1/webhooks").status_code == 200)
                token = {"authorization": admin.headers["authorization"]}
                here.post(f"/api/v1/api-keys/{made['api_key']['id']}/revoke", headers=token).raise_for_status()
                revoked = time.monotonic()
                _refuses(here, revoked)
                _refuses(there, revoked)


def _refuses(client: httpx.Client, revoked: float) -> None:
    """By the time at which a request was sent, so that a slow answer proves nothing."""
    while True:
        sent = time.monotonic()
        answer = client.get("/api/v1/webhooks")
        if answer.status_code == 401:
            assert "was revoked" in answer.json()["detail"]
            return
        assert sent - revoked < LATEST_SECONDS, "a revoked key still passes after a second"
