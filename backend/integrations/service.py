"""Integrations for people and programs: made, listed, changed, switched on and off, consents begun, syncs started.

What asks a provider something is in `flows`: it may take seconds, during which no transaction is open.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlmodel import Session, col

from backend.audit import service as audit
from backend.core import clock, db, ids, pagination, permissions, queue
from backend.core.actor import Actor
from backend.core.errors import Conflict, FieldError, Invalid, NotFound
from backend.integrations import catalogue, connection, drafts, fields, oauth, plans, queries, states, timeline, vault
from backend.integrations.entry import Entry
from backend.integrations.failures import ProviderFailed
from backend.integrations.timeline import Status
from backend.integrations.values import Begun, IntegrationInput
from backend.models import Integration, IntegrationEvent, IntegrationSettings, IntegrationSync, IntegrationSyncError

__all__ = ["Begun", "IntegrationInput", "Status"]

RUN_SYNC: Final = "backend.integrations.jobs.run_sync"
MAX_URIS: Final = 20
# Loopback ends where its port or path begins: http://localhost.example.com and http://localhost@example.com are elsewhere.
_BROWSABLE: Final = re.compile(r"(https://[^\s/?#@\\]+|http://(localhost|127\.0\.0\.1)(:\d{1,5})?)([/?][^\s#\\]{0,1500})?")
_PICKED_UP: Final = timedelta(seconds=10)  # a queued sync that nobody took by then is offered again


@dataclass(frozen=True, slots=True)
class Offered:
    """A provider of the catalogue, and whether the workspace has an integration with it."""

    entry: Entry
    is_connected: bool
    has_own_client: bool  # nothing need be entered to sign in


def providers(session: Session, *, actor: Actor, type: str | None = None, q: str | None = None) -> list[Offered]:  # noqa: A002 - the field's name
    """The catalogue by name; of one type, or with a text in name, description or category. Raises `Invalid`."""
    permissions.require(actor, permissions.INTEGRATIONS_READ)
    found = catalogue.of_category(type) if type else list(catalogue.entries().values())
    wanted = (q or "").strip().lower()
    there = queries.providers_of(session, actor.workspace_id)
    return [
        Offered(entry, entry.id in there, connection.client_for(actor.workspace_id, entry, entry.auth[0], {}) is not None)
        for entry in found
        if wanted in f"{entry.id} {entry.name} {entry.description} {' '.join(entry.categories)}".lower()
    ]


def create(session: Session, *, actor: Actor, input: IntegrationInput) -> Integration:  # noqa: A002 - the contract's word
    """Add an integration; what the catalogue marks secret is sealed, wherever it was sent. Raises `Invalid` with every mistake."""
    permissions.require(actor, permissions.INTEGRATIONS_WRITE)
    row, entered = drafts.new(actor, input)
    session.add(row)
    session.flush()
    _keep_secrets(session, row, entered.secrets)
    timeline.note(session, row, "created", f"{row.name} was added.", actor=actor)
    _audit(session, actor, "created", row, after=describe(row))
    return row


def get(session: Session, *, actor: Actor, integration_id: str) -> Integration:
    """One integration. Raises `NotFound`."""
    permissions.require(actor, permissions.INTEGRATIONS_READ)
    return queries.one(session, actor.workspace_id, integration_id)


def list_integrations(
    session: Session,
    *,
    actor: Actor,
    type: str | None = None,  # noqa: A002 - the field's name
    provider: str | None = None,
    status: str | None = None,
    q: str | None = None,
    limit: int = pagination.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> pagination.Page[Integration]:
    """A page of integrations, newest first. Raises `Invalid`."""
    permissions.require(actor, permissions.INTEGRATIONS_READ)
    query = queries.listed(actor.workspace_id, type=type, provider=provider, status=status, q=q)
    return pagination.fetch(session, query, col(Integration.id), limit=limit, cursor=cursor)


def page_for_figures(session: Session, *, workspace_id: str, limit: int, cursor: str | None) -> pagination.Page[Integration]:
    """A page of a workspace's integrations for figures about them, whose readers need not be readers of integrations."""
    query = queries.listed(workspace_id, type=None, provider=None, status=None, q=None)
    return pagination.fetch(session, query, col(Integration.id), limit=limit, cursor=cursor)


def counts(session: Session, *, actor: Actor) -> dict[str, int]:
    """How many integrations there are of each status, and under `all` together."""
    permissions.require(actor, permissions.INTEGRATIONS_READ)
    found = queries.by_status(session, actor.workspace_id)
    return {"all": sum(found.values()), **{status.value: found.get(status.value, 0) for status in Status}}


def update(session: Session, *, actor: Actor, integration_id: str, changes: Mapping[str, Any]) -> Integration:
    """Change what is given; a secret that comes as dots stays. Raises `NotFound`, `Invalid` with every mistake."""
    permissions.require(actor, permissions.INTEGRATIONS_WRITE)
    row = queries.one(session, actor.workspace_id, integration_id, lock=True)
    before = describe(row)
    config = dict(row.config)
    secrets = drafts.change(row, changes)
    drafts.check_hosts(session, row, config, secrets)
    if secrets:
        _keep_secrets(session, row, secrets)
        _ask_for_test(row)
    after = describe(row)
    row.updated_at = clock.now()
    if "is_active" in changes:
        _switch(session, actor, row, is_on=bool(changes["is_active"]))
    if before != after or changes.get("credentials"):
        timeline.note(session, row, "updated", "The settings were changed.", actor=actor)
        old, new = audit.changes(before, after)
        _audit(session, actor, "updated", row, before=old, after=new)
    return row


def enable(session: Session, *, actor: Actor, integration_id: str) -> Integration:
    """Let it be used again. Raises `NotFound`."""
    return _switched(session, actor, integration_id, is_on=True)


def disable(session: Session, *, actor: Actor, integration_id: str) -> Integration:
    """Stop syncs, refreshes and actions; the credentials stay. Raises `NotFound`."""
    return _switched(session, actor, integration_id, is_on=False)


def begin_consent(
    session: Session, *, actor: Actor, integration_id: str, redirect_uri: str | None = None, in_browser: bool = False
) -> Begun:
    """Begin or repeat the consent of an integration, in place: where to send the browser.

    `redirect_uri` is ours if it is left out, else one of the workspace's list. `in_browser` binds the state to the session of the
    browser in which `actor` is signed in. Raises `NotFound`, `Invalid`, `Conflict` where there is nothing to consent to.
    """
    permissions.require(actor, permissions.INTEGRATIONS_WRITE)
    row = queries.one(session, actor.workspace_id, integration_id)
    found = connection.of(session, row)
    if found.auth.oauth is None or not found.auth.signs_in:
        raise Conflict(f"{row.name} is connected by what was entered; there is nothing to sign in to. Test it instead.")
    wanted = _redirect_uri(session, row, redirect_uri)
    verifier = oauth.new_verifier() if found.auth.oauth.pkce else None
    scopes = list(row.requested_scopes)
    state = states.begin(
        session,
        actor=actor,
        integration=row,
        redirect_uri=wanted,
        scopes=scopes,
        verifier=verifier,
        in_browser=in_browser,
    )
    try:
        url = oauth.authorization_url(found, state=state, verifier=verifier, redirect_uri=wanted, scopes=tuple(scopes))
    except ProviderFailed as error:
        raise Invalid(FieldError("config", error.failure.cause, error.failure.next_step)) from None
    timeline.note(session, row, "consent_begun", "Signing in at the provider was begun.", actor=actor)
    return Begun(url, state)


def start_sync(session: Session, *, actor: Actor, integration_id: str, full: bool = False) -> IntegrationSync:
    """Have a worker bring what changed, or everything with `full`; the sync that is under way if there is one.

    Raises `NotFound`; `Conflict` where nothing can be synced in the way it is connected, or it is not connected.
    """
    permissions.require(actor, permissions.INTEGRATIONS_WRITE)
    row = queries.one(session, actor.workspace_id, integration_id, lock=True)
    entry, plan = catalogue.get(row.provider), plans.of(row)
    every = plans.phases(entry, row.auth, plan.direction)
    if not every:
        raise Conflict(f"Nothing is synced with {row.name}. {plans.why_nothing(entry)}".strip())
    connection.check_ready(session, row)
    under_way = queries.open_sync(session, row)
    if under_way is not None:
        return under_way
    sync = IntegrationSync(
        id=ids.new("syn"),
        workspace_id=row.workspace_id,
        integration_id=row.id,
        resource=entry.sync.resource if plan.pulls and entry.sync is not None else entry.push.resource if entry.push is not None else "",
        module=plan.module if plan.pulls else plan.push_module,
        direction=plan.direction,
        phase=every[0],
        is_full=full or (row.sync_cursor if plan.pulls else row.push_cursor) is None,
        cursor=None if full else row.sync_cursor,
        lease_until=clock.now() + _PICKED_UP,
        created_by=actor.id,
        created_by_name=actor.name[:200],
    )
    session.add(sync)
    identifier = sync.id
    db.after_commit(session, functools.partial(offer, identifier))
    spec = entry.sync if plan.pulls and entry.sync is not None else entry.push
    told = f"A sync of {spec.label.lower() if spec is not None else 'records'} was begun."
    timeline.note(session, row, "sync_begun", told, actor=actor, detail={"sync_id": identifier, "direction": plan.direction})
    return sync


def offer(sync_id: str) -> None:
    """Ask the workers to run a sync; if Redis does not hear it, cron finds it."""
    queue.enqueue(queue.JOBS, RUN_SYNC, sync_id)


def cancel_sync(session: Session, *, actor: Actor, integration_id: str, sync_id: str) -> IntegrationSync:
    """Stop a sync; what it stored stays, and the next one begins where the last whole one ended. Raises `NotFound`."""
    permissions.require(actor, permissions.INTEGRATIONS_OPERATE)
    row = queries.one(session, actor.workspace_id, integration_id, lock=True)
    sync = _sync(session, row, sync_id)
    if sync.finished_at is None:
        sync.status, sync.finished_at, sync.owner = "cancelled", clock.now(), None
        timeline.note(session, row, "sync_cancelled", "The sync was cancelled.", actor=actor, detail={"sync_id": sync.id})
    return sync


def get_sync(session: Session, *, actor: Actor, integration_id: str, sync_id: str) -> IntegrationSync:
    """One sync. Raises `NotFound`."""
    permissions.require(actor, permissions.INTEGRATIONS_READ)
    return _sync(session, queries.one(session, actor.workspace_id, integration_id), sync_id)


def list_syncs(
    session: Session, *, actor: Actor, integration_id: str, limit: int = pagination.DEFAULT_LIMIT, cursor: str | None = None
) -> pagination.Page[IntegrationSync]:
    """The syncs of an integration, newest first. Raises `NotFound`."""
    row = get(session, actor=actor, integration_id=integration_id)
    return pagination.fetch(session, queries.syncs(row.workspace_id, row.id), col(IntegrationSync.id), limit=limit, cursor=cursor)


def sync_errors(
    session: Session,
    *,
    actor: Actor,
    integration_id: str,
    sync_id: str,
    limit: int = pagination.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> pagination.Page[IntegrationSyncError]:
    """The items that a sync could not store, newest first. Raises `NotFound`."""
    sync = get_sync(session, actor=actor, integration_id=integration_id, sync_id=sync_id)
    query = queries.sync_errors(sync)
    return pagination.fetch(session, query, col(IntegrationSyncError.id), limit=limit, cursor=cursor)


def list_events(
    session: Session, *, actor: Actor, integration_id: str | None = None, limit: int = pagination.DEFAULT_LIMIT, cursor: str | None = None
) -> pagination.Page[IntegrationEvent]:
    """The timeline of an integration, or of all of them, newest first. Raises `NotFound`."""
    permissions.require(actor, permissions.INTEGRATIONS_READ)
    if integration_id is not None:
        queries.one(session, actor.workspace_id, integration_id)
    query = queries.events(actor.workspace_id, integration_id)
    return pagination.fetch(session, query, col(IntegrationEvent.id), limit=limit, cursor=cursor)


def redirect_uris(session: Session, *, actor: Actor) -> list[str]:
    """The addresses to which consents begun over the API may return, beside our own."""
    permissions.require(actor, permissions.INTEGRATIONS_READ)
    found = queries.settings_of(session, actor.workspace_id)
    return list(found.redirect_uris) if found is not None else []


def set_redirect_uris(session: Session, *, actor: Actor, uris: Sequence[str]) -> list[str]:
    """Replace them. Raises `Invalid`."""
    permissions.require(actor, permissions.INTEGRATIONS_WRITE)
    wanted = list(dict.fromkeys(uris))
    if len(wanted) > MAX_URIS:
        raise Invalid(FieldError("redirect_uris", f"has {len(wanted)} items.", f"Use at most {MAX_URIS}."))
    errors = [
        FieldError(f"redirect_uris[{index}]", "is no address that a browser can be sent to.", "Use https://, without a fragment.")
        for index, uri in enumerate(wanted)
        if _BROWSABLE.fullmatch(uri) is None
    ]
    if errors:
        raise Invalid(*errors)
    row = queries.settings_of(session, actor.workspace_id)
    before = list(row.redirect_uris) if row is not None else []
    row = row or IntegrationSettings(id=ids.new("ise"), workspace_id=actor.workspace_id)
    row.redirect_uris = wanted
    session.add(row)
    audit.record(
        session,
        actor=actor,
        action="integration.redirect_uris_changed",
        target_kind="workspace",
        target_id=actor.workspace_id,
        before={"redirect_uris": before},
        after={"redirect_uris": wanted},
    )
    return wanted


def describe(row: Integration) -> dict[str, Any]:
    """What the audit trail keeps of an integration: nothing secret."""
    return {
        "provider": row.provider,
        "auth": row.auth,
        "type": row.type,
        "name": row.name,
        "description": row.description,
        "config": dict(row.config),
        "credentials": dict(row.hints),
        "scopes": list(row.requested_scopes),
        "external_ref": row.external_ref,
    }


def _keep_secrets(session: Session, row: Integration, secrets: Mapping[str, str]) -> None:
    if not secrets:
        return
    entered = dict(secrets)
    given_token = entered.pop("refresh_token", None)
    kept = {**vault.load(session, row, vault.FIELDS), **entered}
    vault.store(session, row, vault.FIELDS, kept)
    if given_token is not None:
        vault.store(session, row, vault.TOKENS, {"refresh_token": given_token})
        row.token_version += 1
        oauth_of = catalogue.get(row.provider).auth_of(row.auth).oauth
        row.refresh_class = oauth_of.refresh.kind if oauth_of is not None else row.refresh_class
    row.hints = {**row.hints, **{name: fields.hint(value) for name, value in secrets.items()}}


def _ask_for_test(row: Integration) -> None:
    if row.status in {Status.NEEDS_RECONNECT, Status.ERROR} and catalogue.get(row.provider).auth_of(row.auth).kind != "oauth2":
        row.status, row.status_reason, row.next_step, row.error_class = Status.PENDING, "", "Test it with what was entered.", ""


def _switched(session: Session, actor: Actor, integration_id: str, *, is_on: bool) -> Integration:
    permissions.require(actor, permissions.INTEGRATIONS_WRITE)
    row = queries.one(session, actor.workspace_id, integration_id, lock=True)
    _switch(session, actor, row, is_on=is_on)
    return row


def _switch(session: Session, actor: Actor, row: Integration, *, is_on: bool) -> None:
    if is_on == (row.disabled_at is None):
        return
    row.disabled_at = None if is_on else clock.now()
    sync = queries.open_sync(session, row) if not is_on else None
    if sync is not None:
        sync.status, sync.finished_at, sync.owner = "cancelled", clock.now(), None
    word = "enabled" if is_on else "disabled"
    timeline.note(session, row, word, f"The integration was {word}.", actor=actor)
    _audit(session, actor, word, row)


def _redirect_uri(session: Session, row: Integration, wanted: str | None) -> str:
    own = connection.redirect_uri(row.id, row.provider, row.config)
    if wanted is None or wanted == own:
        return own
    found = queries.settings_of(session, row.workspace_id)
    if found is None or wanted not in found.redirect_uris:
        fix = f"Use {own}, or have an administrator add it with PATCH /api/v1/integrations/settings."
        raise Invalid(FieldError("redirect_uri", "is not one that this workspace allows.", fix))
    return wanted


def _sync(session: Session, row: Integration, sync_id: str) -> IntegrationSync:
    found = session.exec(queries.syncs(row.workspace_id, row.id).where(IntegrationSync.id == sync_id)).first()
    if found is None:
        raise NotFound(f"There is no such sync of this integration. GET /api/v1/integrations/{row.id}/syncs lists them.")
    return found


def _audit(session: Session, actor: Actor, action: str, row: Integration, **more: Any) -> None:
    audit.record(
        session, actor=actor, action=f"integration.{action}", target_kind="integration", target_id=row.id, target_name=row.name, **more
    )
