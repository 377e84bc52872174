"""What the browser is told of integrations; nothing of it is secret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from backend.integrations import catalogue, connection, plans, timeline
from backend.integrations.entry import Auth, Entry
from backend.models import Integration, IntegrationEvent, IntegrationSync, IntegrationSyncError
from console import words

STATUSES: Final = tuple(each.value for each in timeline.Status)
SYNC_STATUSES: Final = ("queued", "running", "waiting", "done", "failed", "cancelled")
GRANTS: Final = ("granted", "refused", "requested", "untold", "beyond")
_WELL: Final = frozenset({"connected", "reconnected", "tested", "synced", "refreshed"})
_LIVES: Final = {
    "rotating": "Refreshed ahead of its end; each refresh token works once.",
    "stable": "Refreshed ahead of its end, with a refresh token that stays.",
    "remint": "Asked for anew ahead of its end, with client ID and secret.",
    "never": "Nothing is refreshed: what was entered or granted stays good until it is taken back.",
}


@dataclass
class IntegrationRow:
    """An integration in the list, and in the gallery."""

    id: str
    name: str
    provider: str
    mark: str
    status: str
    account: str
    told: str
    synced: str
    created: str


@dataclass
class ScopeRow:
    """A scope: what it is for, and whether it was granted (one of `GRANTS`)."""

    name: str
    reason: str
    grant: str
    is_asked: bool = True


@dataclass
class MomentRow:
    """A moment of a timeline."""

    id: str
    look: str
    summary: str
    next_step: str
    who: str
    at: str


@dataclass
class SyncRow:
    """A sync, and how far it is."""

    id: str = ""
    status: str = ""
    sentence: str = ""
    next_step: str = ""
    seen: str = ""
    created: str = ""
    updated: str = ""
    failed: str = ""
    made: str = ""  # at the provider; empty where nothing is written
    sent: str = ""
    percent: str = ""
    width: str = ""
    is_open: bool = False
    by: str = ""
    at: str = ""


@dataclass
class FailedItem:
    """An item that a sync could not store, or a record that it could not write, with its address."""

    id: str
    item: str
    message: str
    href: str = ""


@dataclass
class IntegrationDetail:
    """An integration on its own page."""

    id: str = ""
    name: str = ""
    description: str = ""
    provider: str = ""
    provider_id: str = ""
    status: str = ""
    sentence: str = ""
    next_step: str = ""
    account: str = ""
    account_id: str = ""
    way: str = ""
    docs: str = ""
    is_sandbox: bool = False
    signs_in: bool = False
    is_connected: bool = False
    is_disabled: bool = False
    refreshes: bool = False
    lacks_scope: bool = False
    brings: str = ""
    brings_nothing: str = ""
    module: str = ""
    lives: str = ""
    ends: str = ""
    redirect_uri: str = ""
    parting: str = ""
    connected: str = ""
    tested: str = ""
    refreshed: str = ""
    synced: str = ""
    created: str = ""
    does: list[str] = field(default_factory=list)
    credentials: list[list[str]] = field(default_factory=list)


def mark(name: str) -> str:
    """One or two letters that stand for a provider: `GC` of Google Calendar."""
    parts = name.split()
    return (parts[0][:1] + parts[1][:1]).upper() if len(parts) > 1 else name[:2].capitalize()


def integration_row(row: Integration) -> IntegrationRow:
    """A row of the list."""
    entry = catalogue.get(row.provider)
    return IntegrationRow(
        id=row.id,
        name=row.name,
        provider=entry.name,
        mark=mark(entry.name),
        status=timeline.shown(row).value,
        account=row.account_name or row.account_id,
        told=row.status_reason or row.next_step,
        synced=words.moment(row.synced_at),
        created=words.moment(row.created_at),
    )


def integration_detail(row: Integration) -> IntegrationDetail:
    """All of an integration but its timeline."""
    entry = catalogue.get(row.provider)
    auth = entry.auth_of(row.auth)
    status, spec = timeline.shown(row).value, plans.pulling(entry, auth.id)
    return IntegrationDetail(
        id=row.id,
        name=row.name,
        description=row.description,
        provider=entry.name,
        provider_id=entry.id,
        status=status,
        sentence=_sentence(row, entry, status),
        next_step="Enable it to go on." if status == "disabled" else row.next_step,
        account=row.account_name or row.account_id,
        account_id=row.account_id if row.account_name else "",
        way=auth.label,
        docs=entry.docs,
        is_sandbox=entry.id == connection.SANDBOX,
        signs_in=auth.signs_in,
        is_connected=row.connected_at is not None,
        is_disabled=row.disabled_at is not None,
        refreshes=row.refresh_class != "never",
        lacks_scope=any(scope.grant == "refused" for scope in scope_rows(row)),
        brings=spec.label if spec is not None else "",
        brings_nothing=plans.why_nothing(entry) if spec is None else "",
        module=(row.sync_module or spec.module) if spec is not None else "",
        lives=_LIVES[row.refresh_class] if row.connected_at is not None else "",
        ends=words.moment(row.access_expires_at),
        redirect_uri=connection.redirect_uri(row.id, row.provider, row.config) if auth.signs_in else "",
        parting=_parting(auth, entry),
        connected=words.moment(row.connected_at),
        tested=words.moment(row.tested_at),
        refreshed=words.moment(row.refreshed_at),
        synced=words.moment(row.synced_at),
        created=words.moment(row.created_at),
        does=_does(entry, auth),
        credentials=[[each.label, row.hints[each.name]] for each in auth.fields if each.name in row.hints],
    )


def scope_rows(row: Integration) -> list[ScopeRow]:
    """What was requested, each with whether it was granted; then what was granted beyond that."""
    entry = catalogue.get(row.provider)
    oauth = entry.auth_of(row.auth).oauth
    reasons = {scope.name: scope.reason for scope in (oauth.scopes if oauth is not None else ())}
    granted = row.granted_scopes

    def grant(name: str) -> str:
        if row.connected_at is None:
            return "requested"
        if granted is None:
            return "untold"
        return "granted" if name in granted else "refused"

    beyond = [name for name in granted or () if name not in row.requested_scopes]
    asked = [ScopeRow(name, reasons.get(name, ""), grant(name)) for name in row.requested_scopes]
    return asked + [ScopeRow(name, reasons.get(name, ""), "beyond", is_asked=False) for name in beyond]


def moment_row(event: IntegrationEvent) -> MomentRow:
    """A moment of the timeline."""
    look = "failed" if not event.ok else "done" if event.kind in _WELL else event.kind
    return MomentRow(event.id, look, event.summary, event.next_step, event.actor_name, words.moment(event.created_at))


def sync_row(sync: IntegrationSync, what: str, now: datetime) -> SyncRow:
    """A sync of `what`, such as contacts."""
    is_open = sync.finished_at is None
    done, whole = (sync.sent_seen, sync.sent_total) if sync.phase == "push" else (sync.seen, sync.total)
    share = min(100, round(100 * done / whole)) if whole else None
    return SyncRow(
        id=sync.id,
        status=sync.status,
        sentence=_told(sync, what.lower(), now),
        next_step=sync.next_step if sync.error else "",
        seen=words.number(sync.seen),
        created=words.number(sync.created),
        updated=words.number(sync.updated),
        failed=words.number(sync.failed + sync.sent_failed),
        made=words.number(sync.sent_created) if sync.direction != "pull" else "",
        sent=words.number(sync.sent_updated),
        percent="100" if sync.status == "done" else str(share or 0),
        width=f"{100 if sync.status == 'done' else share or 0}%",
        is_open=is_open,
        by=sync.created_by_name or "Crossdock",
        at=words.moment(sync.created_at),
    )


def failed_items(errors: Sequence[IntegrationSyncError], sync: IntegrationSync | None) -> list[FailedItem]:
    """The items that a sync could not store, and the records that it could not write."""

    def href(each: IntegrationSyncError) -> str:
        return f"/records/{sync.module}/{each.record_id}" if sync is not None and each.record_id else ""

    return [FailedItem(each.id, each.external_id or each.record_id or "–", each.message, href(each)) for each in errors]


def _does(entry: Entry, auth: Auth) -> list[str]:
    """What it can be asked to do; by the URL of an incoming webhook only messages."""
    return sorted({"message"} & set(entry.actions) if auth.kind == "webhook_url" else entry.actions)


def _sentence(row: Integration, entry: Entry, status: str) -> str:
    if status == "disabled":
        return "Disabled: no syncs, refreshes or actions. The credentials stay."
    if row.status_reason:
        return row.status_reason
    if status == "active":
        return f"Connected to {entry.name}{f' as {row.account_name}' if row.account_name else ''}."
    return f"Not connected to {entry.name}."


def _parting(auth: Auth, entry: Entry) -> str:
    """What disconnecting does at the provider."""
    if auth.oauth is not None and auth.oauth.revocation.call is not None:
        return f"The grant is revoked at {entry.name}; you are told whether that was done."
    by_hand = (auth.oauth.revocation.by_hand if auth.oauth is not None else "") or auth.by_hand
    return f"{entry.name} is not told. {by_hand}".strip()


def _told(sync: IntegrationSync, what: str, now: datetime) -> str:
    done = _progress(sync, what)
    if sync.status == "queued":
        return f"Waits for a worker. {done}." if sync.seen or sync.sent_seen else "Waits for a worker."
    if sync.status == "running":
        return f"{done}."
    if sync.status == "waiting":
        wait = (
            f" Goes on in {words.lasting((sync.lease_until - now).total_seconds())}." if sync.lease_until and sync.lease_until > now else ""
        )
        return f"{sync.error}{wait}"
    if sync.status == "failed":
        return sync.error
    if sync.status == "cancelled":
        return f"Cancelled after {sync.seen + sync.sent_seen:,}; what was stored stays."
    taken = f" in {words.lasting((sync.finished_at - sync.started_at).total_seconds())}" if sync.finished_at and sync.started_at else ""
    return " ".join(part for part in (_brought(sync, what, taken), _written(sync, taken)) if part)


def _progress(sync: IntegrationSync, what: str) -> str:
    if sync.phase == "push":
        of = f" of {sync.sent_total:,}" if sync.sent_total is not None else ""
        return f"{sync.sent_seen:,}{of} records looked at for writing"
    if sync.phase == "removed":
        return f"{sync.seen:,} {what} read; looking for what was removed"
    return f"{sync.seen:,} of {sync.total:,} {what} read" if sync.total is not None else f"{sync.seen:,} {what} read"


def _brought(sync: IntegrationSync, what: str, taken: str) -> str:
    if sync.direction == "push":
        return ""
    told = f"{sync.seen:,} {what} read{taken}: {sync.created:,} new, {sync.updated:,} changed, {sync.unchanged:,} as before"
    gone = f", {sync.removed:,} removed there" if sync.removed else ""
    return f"{told}{gone}{f', {sync.failed:,} failed' if sync.failed else ''}."


def _written(sync: IntegrationSync, taken: str) -> str:
    if sync.direction == "pull":
        return ""
    told = f"{sync.sent_created:,} made there, {sync.sent_updated:,} changed there, {sync.sent_unchanged:,} as before"
    failed = f", {sync.sent_failed:,} failed" if sync.sent_failed else ""
    return f"Written{taken if sync.direction == 'push' else ''}: {told}{failed}."
