"""The credentials of integrations at rest: sealed, bound to their row, opened only to be used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from sqlalchemy import delete
from sqlmodel import Session, col, select

from backend.core import clock, crypto, ids
from backend.models import Integration, IntegrationCredential, IntegrationState

FIELDS: Final = "fields"  # what was entered
TOKENS: Final = "tokens"  # what the provider gave


def context(row: IntegrationCredential) -> str:
    """What a sealed value is bound to: workspace, integration, kind and row."""
    return f"integration_credential.sealed:{row.workspace_id}:{row.integration_id}:{row.kind}:{row.id}"


def verifier_context(row: IntegrationState) -> str:
    """The same for the PKCE verifier of a consent under way."""
    return f"integration_state.verifier:{row.workspace_id}:{row.integration_id}:{row.id}"


def store(session: Session, integration: Integration, kind: str, values: Mapping[str, Any]) -> None:
    """Seal these values in place of those of the same kind."""
    row = _row(session, integration, kind)
    if row is None:
        row = IntegrationCredential(
            id=ids.new("crd"),
            workspace_id=integration.workspace_id,
            integration_id=integration.id,
            kind=kind,
            sealed="",
            updated_at=clock.now(),
        )
    row.sealed = crypto.keyring().encrypt(orjson.dumps(dict(values)), context=context(row))
    row.updated_at = clock.now()
    session.add(row)


def load(session: Session, integration: Integration, kind: str) -> dict[str, Any]:
    """The values of a kind; none if there are none. Raises `crypto.CryptoError` for what cannot be opened."""
    row = _row(session, integration, kind)
    return {} if row is None else orjson.loads(crypto.keyring().decrypt(row.sealed, context=context(row)))


def forget(session: Session, integration: Integration, *kinds: str) -> None:
    """Delete the values of these kinds."""
    session.exec(
        delete(IntegrationCredential).where(
            col(IntegrationCredential.workspace_id) == integration.workspace_id,
            col(IntegrationCredential.integration_id) == integration.id,
            col(IntegrationCredential.kind).in_(kinds),
        )
    )


def _row(session: Session, integration: Integration, kind: str) -> IntegrationCredential | None:
    return session.exec(
        select(IntegrationCredential).where(
            IntegrationCredential.workspace_id == integration.workspace_id,
            IntegrationCredential.integration_id == integration.id,
            IntegrationCredential.kind == kind,
        )
    ).first()
