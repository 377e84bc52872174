"""What is to be done with the requests of an incoming webhook, ready to be applied; kept in memory until it changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import orjson
from sqlmodel import Session, col, select

from backend.core import actor as actors
from backend.core import clock, crypto
from backend.core.actor import Actor, ActorKind
from backend.incoming import mapping, paths, schemes
from backend.incoming.mapping import Rule
from backend.incoming.paths import Path
from backend.incoming.schemes import Verification
from backend.models import IncomingToken, IncomingWebhook

MAC_LABEL: Final = "incoming-token"
TOKEN_PREFIX: Final = "xdi_"  # noqa: S105 - the public prefix, not a secret
_KEPT: Final = 2000


@dataclass(frozen=True, slots=True)
class Plan:
    """The settings of an incoming webhook as its requests are judged and mapped by them."""

    id: str
    workspace_id: str
    name: str
    is_active: bool
    target: str
    module: str
    action: str
    upsert_field: str | None
    items: Path | None
    rules: tuple[Rule, ...]
    mapping_version: int
    verification: Verification
    secrets: tuple[str, ...] = field(repr=False)
    rate_limit: int | None

    def actor(self, trace_id: str, ip: str = "") -> Actor:
        """Who makes what comes of a request: the product, on behalf of this webhook."""
        return Actor(
            ActorKind.SYSTEM, actors.SYSTEM_ID, self.workspace_id, name=f"Incoming webhook {self.name}", ip=ip, request_id=trace_id
        )


@dataclass(frozen=True, slots=True)
class Door:
    """The plan that a token leads to."""

    token_id: str
    plan: Plan


# By id: true while the row has this time of change.
_cache: OrderedDict[str, tuple[datetime, Plan]] = OrderedDict()


def of(row: IncomingWebhook) -> Plan:
    """The plan of a row as it stands."""
    kept = _cache.get(row.id)
    if kept is not None and kept[0] == row.updated_at:
        return kept[1]
    made = make(row)
    _cache[row.id] = (row.updated_at, made)
    if len(_cache) > _KEPT:
        _cache.popitem(last=False)
    return made


def make(row: IncomingWebhook) -> Plan:
    """The plan of a row, also of one that is not stored."""
    return Plan(
        id=row.id,
        workspace_id=row.workspace_id,
        name=row.name,
        is_active=row.state == "active",
        target=row.target,
        module=row.module,
        action=row.action,
        upsert_field=row.upsert_field,
        items=paths.of(row.items) if row.items else None,
        rules=mapping.stored(row.mapping),
        mapping_version=row.mapping_version,
        verification=schemes.of(row.verification),
        secrets=tuple(secrets(row).values()),
        rate_limit=row.rate_limit,
    )


def gone(incoming_id: str, workspace_id: str) -> Plan:
    """The plan of a webhook that is no more: nothing is made by it."""
    nothing = Verification(schemes.Scheme.NONE)
    return Plan(incoming_id, workspace_id, "", False, "module", "", "create", None, None, (), 0, nothing, (), None)


def by_tokens(session: Session, tokens: Iterable[str]) -> dict[str, Door]:
    """Where these tokens lead, by token; those that lead nowhere, or whose overlap has ended, are left out."""
    ring = crypto.keyring()
    macs = {mac.digest_hex: token for token in set(tokens) for mac in ring.macs(MAC_LABEL, token)}
    query = (
        select(IncomingToken, IncomingWebhook)
        .join(IncomingWebhook, col(IncomingWebhook.id) == col(IncomingToken.incoming_id))
        .where(col(IncomingToken.mac).in_(macs), col(IncomingWebhook.deleted_at).is_(None))
    )
    now = clock.now()
    return {
        macs[token.mac]: Door(token.id, of(row))
        for token, row in session.exec(query).all()
        if token.expires_at is None or token.expires_at > now
    }


def by_ids(session: Session, identifiers: Sequence[str]) -> dict[str, Plan]:
    """The plans of these webhooks that are not deleted."""
    query = select(IncomingWebhook).where(col(IncomingWebhook.id).in_(set(identifiers)), col(IncomingWebhook.deleted_at).is_(None))
    return {row.id: of(row) for row in session.exec(query).all()}


def seal_secrets(incoming_id: str, secrets: dict[str, str]) -> str:
    """The secrets of a source as they are stored."""
    return crypto.keyring().encrypt(orjson.dumps(secrets), context=f"incoming_webhook.secrets:{incoming_id}")


def secrets(row: IncomingWebhook) -> dict[str, str]:
    """The secrets of a source: `secret`, and `previous_secret` if both are taken."""
    if row.secrets_encrypted is None:
        return {}
    return dict(orjson.loads(crypto.keyring().decrypt(row.secrets_encrypted, context=f"incoming_webhook.secrets:{row.id}")))
