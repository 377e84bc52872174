"""A partner's developer: calls the API over HTTP with a user's token or a key, as curl would."""

from __future__ import annotations

from typing import Any

import httpx

from backend.accounts import passwords, service
from backend.core import db, ids
from tests.acceptance.installation import Installation

ADMIN = {"CROSSDOCK_ADMIN_EMAIL": "ada@example.com", "CROSSDOCK_ADMIN_PASSWORD": "correct horse battery staple"}


class Partner:
    """A client of one installation; `call` expects success, `send` gives back whatever comes."""

    def __init__(self, address: str, token: str = "") -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # Connections end with their answers, so nothing is left open when a test is done with a partner.
        limits = httpx.Limits(max_keepalive_connections=0)
        self.http = httpx.Client(base_url=f"{address}/api/v1", headers=headers, timeout=30, limits=limits)

    @classmethod
    def administrator(cls, address: str) -> Partner:
        """Signed in as the administrator that the environment made."""
        answer = cls(address).call("POST", "/auth/token", email=ADMIN["CROSSDOCK_ADMIN_EMAIL"], password=ADMIN["CROSSDOCK_ADMIN_PASSWORD"])
        return cls(address, answer["access_token"])

    @classmethod
    def newcomer(cls, running: Installation) -> Partner:
        """The administrator of a workspace of their own, on an installation that others use too and whose key is that of the tests."""
        db.configure(running.database_url)
        password, workspace = ADMIN["CROSSDOCK_ADMIN_PASSWORD"], ids.new("x")
        with db.transaction(write=True) as session:
            hashed = passwords.hash_password(password)
            email = service.create_admin(session, email=f"{workspace}@example.com", password_hash=hashed, workspace=workspace).email
        answer = cls(running.address).call("POST", "/auth/token", email=email, password=password, workspace=workspace)
        return cls(running.address, answer["access_token"])

    def send(self, method: str, path: str, **body: Any) -> httpx.Response:
        """Make a call."""
        return self.http.request(method, path, json=body) if body or method == "POST" else self.http.request(method, path)

    def call(self, method: str, path: str, **body: Any) -> Any:
        """Make a call that must succeed; its JSON, None for an empty answer."""
        answer = self.send(method, path, **body)
        assert answer.is_success, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def with_key(self, *scopes: str, **fields: Any) -> Partner:
        """Another client that uses a new key with these scopes."""
        made = self.call("POST", "/api-keys", name="Test key", scopes=list(scopes), **{"rate_limit": {"per_minute": 100_000}, **fields})
        return Partner(str(self.http.base_url).removesuffix("/api/v1/"), made["key"])
