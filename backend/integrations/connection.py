"""A connection as calls need it: catalogue entry, settings and opened credentials, apart from any session."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session

from backend.core import crypto
from backend.core.egress import EgressPolicy
from backend.core.errors import Conflict
from backend.integrations import catalogue, templates, vault
from backend.integrations.entry import Auth, Call, Entry
from backend.integrations.failures import Failure, ProviderFailed
from backend.integrations.timeline import Status
from backend.models import Integration
from backend.settings import OAuthClient, settings

CALLBACK: Final = "/api/v1/integrations/oauth/callback"
SANDBOX: Final = "sandbox"
_DOTS: Final = "••••"
_LEAST_SCRUBBED: Final = 6  # characters; what is shorter would blot out words


@dataclass(frozen=True, slots=True)
class Connection:
    """One integration, read and opened. `tokens_at` is the version of the tokens that it holds."""

    id: str
    workspace_id: str
    name: str
    entry: Entry
    auth: Auth
    config: Mapping[str, Any]
    captured: Mapping[str, Any]
    requested_scopes: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    tokens: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    tokens_at: int = 0
    expires_at: datetime | None = None
    refresh_class: str = "never"

    @property
    def values(self) -> dict[str, Any]:
        """Everything that a template of the catalogue may name."""
        defaults = {each.name: each.default for each in self.auth.fields if each.default is not None}
        entered = {name: value for name, value in self.config.items() if value is not None}
        found = {**defaults, **self.captured, **entered, **self.secrets}
        found |= {name: self.tokens[name] for name in ("access_token", "refresh_token") if self.tokens.get(name)}
        found["origin"] = settings().public_url
        if (known := client_of(self)) is not None:
            found["client_id"], found["client_secret"] = known.client_id, known.client_secret.get_secret_value()
        return found

    def address(self, name: str) -> str | None:
        """The address that this integration has of its own in place of the catalogue's (`token`, `sync`, an action's name)."""
        return self.config.get(f"{name}_url") or None

    def call(self, name: str, call: Call) -> Call:
        """A call of the catalogue, to this integration's own address if it has one."""
        own = self.address(name)
        return call if own is None else call.model_copy(update={"url": own.replace("{", "%7B").replace("}", "%7D")})

    def with_tokens(self, tokens: Mapping[str, Any]) -> Connection:
        """The same with other tokens."""
        return dataclasses.replace(self, tokens=tokens)

    def scrub(self, text: str) -> str:
        """`text` without any credential of this connection: a provider may repeat what it was sent."""
        hidden = [*self.secrets.values(), *(str(self.tokens.get(name) or "") for name in ("access_token", "refresh_token", "id_token"))]
        for secret in sorted(hidden, key=len, reverse=True):
            if len(secret) >= _LEAST_SCRUBBED:
                text = text.replace(secret, _DOTS)
        return text

    def scrubbed(self, error: ProviderFailed) -> Failure:
        """What failed, without any credential."""
        return dataclasses.replace(error.failure, cause=self.scrub(error.failure.cause))


def redirect_uri(integration_id: str, provider: str, config: Mapping[str, Any]) -> str:
    """Where the provider sends the browser back. A provider whose addresses somebody entered has one of its own for each integration.

    So an answer that another provider was made to send is known by where it arrives (RFC 9700, section 4.4.2.2).
    """
    base = settings().public_url + CALLBACK
    is_entered = provider == "custom" or any(config.get(f"{name}_url") for name in ("authorization", "token"))
    return f"{base}/{integration_id}" if is_entered else base


def policy() -> EgressPolicy:
    """Where providers may be."""
    current = settings()
    return EgressPolicy.from_origins(current.egress_allow, current.own_origins, require_https=current.require_https)


def client_of(connection: Connection) -> OAuthClient | None:
    """The client of this installation that stands in where none was entered; the sandbox's own is derived for each workspace."""
    if connection.config.get("client_id") or connection.auth.oauth is None:
        return None
    return client_for(connection.workspace_id, connection.entry, connection.auth, connection.config)


def client_for(workspace_id: str, entry: Entry, auth: Auth, config: Mapping[str, Any]) -> OAuthClient | None:
    """The client that need not be entered for a provider, if there is one.

    It belongs to the operator. So it is lent only where its secret goes to the catalogue's own addresses: somebody who could name
    another one would be sent it.
    """
    if auth.oauth is None or _leads_elsewhere(auth, config):
        return None
    if auth.oauth.own_client:
        from backend.sandbox import clients  # noqa: PLC0415 - the only provider whose client is made here

        return clients.of(workspace_id)
    return settings().oauth_client(entry.id)


def _leads_elsewhere(auth: Auth, config: Mapping[str, Any]) -> bool:
    """Whether what was entered decides to which host the client's secret is sent."""
    if auth.oauth is None or any(config.get(f"{name}_url") for name in ("authorization", "token", "revocation")):
        return True
    scheme, _, rest = auth.oauth.token_url.partition("://")
    used = templates.variables(rest.partition("/")[0] if scheme in {"http", "https"} else auth.oauth.token_url)
    return any(config.get(field.name) not in {None, field.default, *field.options} for field in auth.fields if field.name in used)


def of(session: Session, integration: Integration) -> Connection:
    """The connection of a row, its credentials opened. Raises `crypto.CryptoError` for what cannot be opened."""
    entry = catalogue.get(integration.provider)
    return Connection(
        id=integration.id,
        workspace_id=integration.workspace_id,
        name=integration.name,
        entry=entry,
        auth=entry.auth_of(integration.auth),
        config=dict(integration.config),
        captured=dict(integration.captured),
        requested_scopes=tuple(integration.requested_scopes),
        secrets=vault.load(session, integration, vault.FIELDS),
        tokens=vault.load(session, integration, vault.TOKENS),
        tokens_at=integration.token_version,
        expires_at=integration.access_expires_at,
        refresh_class=integration.refresh_class,
    )


def check_ready(session: Session, row: Integration) -> None:
    """Raise `Conflict` where the provider cannot be asked anything: switched off, ended, never connected or disconnected."""
    if row.disabled_at is not None:
        raise Conflict(f"{row.name} is disabled. Enable it first.")
    if row.status == Status.NEEDS_RECONNECT:
        raise Conflict(f"{row.name} is not connected: {row.status_reason} {row.next_step}".strip())
    found = of(session, row)
    if found.auth.signs_in and not found.tokens:
        told = f"Press Connect, or POST /api/v1/integrations/{row.id}/oauth/initiate, and sign in."
        raise Conflict(f"{row.name} has not been connected yet. {told}")
    if not found.auth.signs_in and not found.secrets and client_of(found) is None:
        raise Conflict(f"{row.name} is not connected: it has no credentials. Enter them in its settings, and test it.")


def state_mac(state: str) -> list[crypto.Mac]:
    """The fingerprints under which a state may be stored, newest key first."""
    return crypto.keyring().macs("integration-state", state)
