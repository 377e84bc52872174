"""The sandbox's clients: one for each workspace, derived, so that none has to be registered or stored."""

from __future__ import annotations

from typing import Final

from pydantic import SecretStr

from backend.core import crypto, ids
from backend.settings import OAuthClient

_PREFIX: Final = "sandbox-"
_LABEL: Final = "sandbox-client"


def of(workspace_id: str) -> OAuthClient:
    """The client of a workspace."""
    secret = crypto.keyring().mac(_LABEL, workspace_id).digest_hex
    return OAuthClient(_PREFIX + workspace_id, SecretStr(secret))


def workspace_of(client_id: str) -> str | None:
    """The workspace whose client this is; None if it is no client."""
    found = client_id.removeprefix(_PREFIX)
    return found if client_id.startswith(_PREFIX) and ids.is_id(found, "wsp") else None


def is_secret(client_id: str, secret: str) -> bool:
    """Whether it is the client's secret, under any of the configured keys."""
    workspace_id = workspace_of(client_id)
    if workspace_id is None:
        return False
    return any(crypto.digest_equal(mac.digest_hex, secret) for mac in crypto.keyring().macs(_LABEL, workspace_id))
