"""The sandbox's account of a workspace: its switches for failure, its grants, and what its API has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import update
from sqlmodel import Session, col, func, select

from backend.audit import service as audit
from backend.core import clock, ids, permissions
from backend.core.actor import Actor
from backend.core.errors import FieldError, Invalid
from backend.models import SandboxAccount, SandboxGrant, SandboxToken
from backend.sandbox import contacts, server

TROUBLES: Final = ("", "429", "500", "slow")
TOKEN_TROUBLES: Final = (*TROUBLES, "invalid_client")
PERSONS: Final = {"ada": "Ada Example", "grace": "Grace Example"}
SLOW_SECONDS: Final = 8.0
MOST_DELETED: Final = 1000
_NUMBERS: Final = {"access_ttl": (5, 86_400), "contacts": (0, 20_000)}


@dataclass(frozen=True, slots=True)
class Standing:
    """How the account stands."""

    switches: dict[str, Any]
    access_ttl: int
    contacts: int
    changed: int
    grants: int  # that have not ended


def account(session: Session, *, actor: Actor) -> Standing:
    """The workspace's account at the sandbox."""
    permissions.require(actor, permissions.INTEGRATIONS_READ)
    return _standing(session, actor.workspace_id)


def set_switches(session: Session, *, actor: Actor, changes: Mapping[str, Any]) -> Standing:
    """Change some of: `deny_consent`, `drop_scope`, `token_error`, `api_error`, `access_ttl` (seconds), `contacts`. Raises `Invalid`."""
    permissions.require(actor, permissions.INTEGRATIONS_WRITE)
    row = _own(session, actor)
    errors = [error for name, value in changes.items() if (error := _wrong(name, value)) is not None]
    if errors:
        raise Invalid(*errors)
    for name in _NUMBERS:
        if name in changes:
            setattr(row, name, int(changes[name]))
    row.switches = {**row.switches, **{name: value for name, value in changes.items() if name not in _NUMBERS}}
    _note(session, actor, "switched", dict(changes))
    return _standing(session, actor.workspace_id)


def expire_tokens(session: Session, *, actor: Actor) -> Standing:
    """End every access token now; refresh tokens go on."""
    permissions.require(actor, permissions.INTEGRATIONS_WRITE)
    session.exec(
        update(SandboxToken)
        .where(col(SandboxToken.workspace_id) == actor.workspace_id, col(SandboxToken.kind) == "access")
        .values(expires_at=clock.now())
    )
    _note(session, actor, "tokens_expired", {})
    return _standing(session, actor.workspace_id)


def revoke_grants(session: Session, *, actor: Actor) -> Standing:
    """Withdraw every grant, as a person does in the account's settings."""
    permissions.require(actor, permissions.INTEGRATIONS_WRITE)
    session.exec(
        update(SandboxGrant)
        .where(col(SandboxGrant.workspace_id) == actor.workspace_id, col(SandboxGrant.revoked_at).is_(None))
        .values(revoked_at=clock.now(), revoked_reason="The person withdrew it.")
    )
    _note(session, actor, "grants_revoked", {})
    return _standing(session, actor.workspace_id)


def change_contacts(session: Session, *, actor: Actor, number: int) -> Standing:
    """Change the first `number` contacts, so that the next sync has something to bring. Raises `Invalid`."""
    permissions.require(actor, permissions.INTEGRATIONS_WRITE)
    row = _own(session, actor)
    if not 1 <= number <= max(row.contacts, 1):
        raise Invalid(FieldError("number", f"{number} is out of range.", f"Use 1 to {row.contacts}."))
    row.changed, row.changed_at = number, clock.now()
    contacts.touch(session, row, number)
    return _standing(session, actor.workspace_id)


def delete_contacts(session: Session, *, actor: Actor, number: int) -> Standing:
    """Delete the first `number` contacts that are there, so that the next sync learns of it. Raises `Invalid`."""
    permissions.require(actor, permissions.INTEGRATIONS_WRITE)
    row = _own(session, actor)
    if not 1 <= number <= MOST_DELETED:
        raise Invalid(FieldError("number", f"{number} is out of range.", f"Use 1 to {MOST_DELETED}."))
    _note(session, actor, "contacts_deleted", {"number": contacts.delete_some(session, row, number)})
    return _standing(session, actor.workspace_id)


def _standing(session: Session, workspace_id: str) -> Standing:
    """What who may change it is told, whether they may read it or not."""
    row = server.account_of(session, workspace_id)
    query = (
        select(func.count())
        .select_from(SandboxGrant)
        .where(
            SandboxGrant.workspace_id == workspace_id,
            col(SandboxGrant.revoked_at).is_(None),
            col(SandboxGrant.code_used_at).is_not(None),
        )
    )
    return Standing(_switches(row), row.access_ttl, row.contacts, row.changed, session.exec(query).one())


def _own(session: Session, actor: Actor) -> SandboxAccount:
    row = server.account_of(session, actor.workspace_id)
    if not row.id:
        row.id = ids.new("sba")
        session.add(row)
        session.flush()
    return row


def _switches(row: SandboxAccount) -> dict[str, Any]:
    return {"deny_consent": False, "drop_scope": "", "token_error": "", "api_error": "", **row.switches}


def _wrong(name: str, value: Any) -> FieldError | None:
    if name in _NUMBERS:
        least, most = _NUMBERS[name]
        is_fine = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return None if is_fine else FieldError(name, "is out of range.", f"Use {least} to {most}.")
    allowed: dict[str, tuple[Any, ...]] = {
        "deny_consent": (True, False),
        "drop_scope": ("", *server.SCOPES),
        "token_error": TOKEN_TROUBLES,
        "api_error": TROUBLES,
    }
    if name not in allowed:
        return FieldError(name[:40], "is no switch of the sandbox.", f"Use {', '.join([*allowed, *_NUMBERS])}.")
    if value in allowed[name]:
        return None
    offered = ", ".join(str(each) or '""' for each in allowed[name])
    return FieldError(name, "has no such position.", f"Use one of: {offered}.")


def _note(session: Session, actor: Actor, action: str, after: dict[str, Any]) -> None:
    audit.record(
        session,
        actor=actor,
        action=f"sandbox.{action}",
        target_kind="sandbox",
        target_id=actor.workspace_id,
        target_name="Sandbox",
        after=after,
    )
