"""What the browser is told of incoming webhooks and of what arrived at them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from backend.incoming import inputs, replaying
from backend.incoming.health import Change, Health
from backend.incoming.presets import Preset
from backend.incoming.storage import Shown
from backend.models import IncomingRequest, IncomingWebhook
from console import words

SCHEMES: Final = {
    "none": "The token in the address alone",
    "hmac": "HMAC",
    "basic": "Basic authentication",
    "header": "A secret in a header",
    "standard_webhooks": "Standard Webhooks",
    "uber_eats": "Uber Eats",
    "github": "GitHub",
    "hubspot": "HubSpot",
    "intuit": "Intuit",
}
REASONS: Final = {
    "headers": "A header of the signature is missing or there twice",
    "format": "The signature is not of the right form",
    "signature": "The signature does not match",
    "timestamp": "The signed time cannot be read",
    "freshness": "The signed time is too old or in the future",
    "secret": "No secret is stored",
    "media": "Neither JSON nor a form, or compressed",
    "json": "Not JSON",
    "encoding": "Not UTF-8",
    "empty": "No body",
    "depth": "Nested too deeply",
    "shape": "Neither an object nor a list of them",
    "number": "A number of too many digits",
    "form": "A form of too many fields",
    "too_large": "Too large",
    "incomplete": "Broken off on the way",
    "mapping": "The mapping could not be filled",
    "record": "The module or the orders did not take it",
    "disabled": "The webhook was disabled",
    "rate_limit": "Over the limit",
    "internal": "A failure of ours",
    "sealed": "What was stored cannot be opened",
    "deleted": "The webhook was deleted",
}


@dataclass
class IncomingRow:
    """An incoming webhook in the list."""

    id: str
    name: str
    status: str
    source: str
    target: str
    scheme: str
    received: str
    rejected: str
    last: str


@dataclass
class IncomingDetail:
    """An incoming webhook on its own page."""

    id: str = ""
    name: str = ""
    status: str = ""
    source: str = ""
    target: str = ""
    action: str = ""
    key: str = ""
    scheme: str = ""
    scheme_word: str = ""
    verification: str = ""
    has_secret: bool = False
    rate_limit: str = ""
    items_at: str = ""
    mapping: str = ""
    version: str = ""
    health: str = ""
    line: str = ""
    waiting: bool = True
    old_token_until: str = ""
    reasons: list[list[str]] = field(default_factory=list)
    appeared: list[list[str]] = field(default_factory=list)
    vanished: list[list[str]] = field(default_factory=list)


@dataclass
class ArrivalRow:
    """A request in the log."""

    id: str
    status: str
    event: str
    told: str
    source_id: str
    record: str
    record_path: str
    took: str
    at: str


@dataclass
class StepRow:
    """The verdict of one step."""

    name: str
    state: str
    text: str


@dataclass
class ArrivalDetail:
    """A request on its own page; `headers` are pairs."""

    id: str = ""
    status: str = ""
    sentence: str = ""
    event: str = ""
    source_id: str = ""
    record: str = ""
    record_path: str = ""
    action: str = ""
    ip: str = ""
    agent: str = ""
    size: str = ""
    took: str = ""
    version: str = ""
    trace: str = ""
    replayed: str = ""
    can_replay: bool = False
    at: str = ""
    body: str = ""
    syntax: str = "text"
    truncated: bool = False
    headers: list[list[str]] = field(default_factory=list)
    steps: list[StepRow] = field(default_factory=list)
    errors: list[list[str]] = field(default_factory=list)


def incoming_row(row: IncomingWebhook, health: Health) -> IncomingRow:
    """A row of the list."""
    return IncomingRow(
        id=row.id,
        name=row.name,
        status=row.state,
        source=row.source,
        target=_target(row),
        scheme=scheme_word(row.verification),
        received=words.number(health.received),
        rejected=words.number(health.refused),
        last=words.moment(health.last_at),
    )


def incoming_detail(row: IncomingWebhook, health: Health, line: str, old_token_until: str) -> IncomingDetail:
    """All of an incoming webhook but its log."""
    kept = {name: value for name, value in row.verification.items() if name not in {"scheme", "has_secret"}}
    return IncomingDetail(
        id=row.id,
        name=row.name,
        status=row.state,
        source=row.source,
        target=_target(row),
        action=row.action,
        key=row.upsert_field or "",
        scheme=row.verification["scheme"],
        scheme_word=scheme_word(row.verification),
        verification=_json(kept) if kept else "",
        has_secret=row.secrets_encrypted is not None,
        rate_limit="" if row.rate_limit is None else str(row.rate_limit),
        items_at=row.items,
        mapping=_json(row.mapping),
        version=str(row.mapping_version),
        health=_sentence(health),
        line=line,
        waiting=health.last_at is None,
        old_token_until=old_token_until,
        reasons=_reasons(health),
        appeared=_changes(health.appeared),
        vanished=_changes(health.vanished),
    )


def arrival_row(row: IncomingRequest, target: str) -> ArrivalRow:
    """A row of the log."""
    return ArrivalRow(
        id=row.id,
        status=row.status,
        event=row.event,
        told=row.sentence or _outcome(row, target),
        source_id=row.source_id or "",
        record=f"…{row.record_id[-8:]}" if row.record_id else "",
        record_path=record_path(target, row.record_id),
        took=words.duration(row.duration_ms),
        at=words.moment(row.created_at),
    )


def arrival_detail(row: IncomingRequest, shown: Shown, target: str, action: str) -> ArrivalDetail:
    """All of a request."""
    body = shown.body
    is_json = shown.encoding == "text" and shown.payload is not None and body.lstrip()[:1] in {"{", "["}
    return ArrivalDetail(
        id=row.id,
        status=row.status,
        sentence=row.sentence or _outcome(row, target),
        event=row.event,
        source_id=row.source_id or "",
        record=row.record_id or "",
        record_path=record_path(target, row.record_id),
        action=row.outcome or "",
        ip=row.ip,
        agent=row.user_agent,
        size=words.size(row.size),
        took=words.duration(row.duration_ms),
        version=str(row.mapping_version),
        trace=row.trace_id,
        replayed=f"{row.replays} times, last by {row.replayed_by}" if row.replays else "",
        can_replay=not replaying.refusal(row, action),
        at=words.moment(row.created_at),
        body=_json(shown.payload) if is_json else body,
        syntax="json" if is_json else "text",
        truncated=shown.truncated,
        headers=[[name, value] for name, value in shown.headers],
        steps=[StepRow(step["name"], "done" if step["ok"] else "failed", step["text"]) for step in row.steps],
        errors=[[error["path"], f"{error['message']} {error['fix']}".strip()] for error in row.errors],
    )


def source_rows(presets: Iterable[Preset]) -> list[dict[str, str]]:
    """The known sources, to choose from."""
    return [{"name": each.name, "label": each.label, "about": each.description} for each in presets]


def scheme_word(verification: Mapping[str, Any]) -> str:
    """A scheme in words."""
    scheme = str(verification["scheme"])
    return SCHEMES.get(scheme, scheme.replace("_", " ").capitalize())


def record_path(target: str, record_id: str | None) -> str:
    """The page of what a request made."""
    if not record_id:
        return ""
    return f"/orders/{record_id}" if target == inputs.ORDERS else f"/records/{target}/{record_id}"


def _target(row: IncomingWebhook) -> str:
    return row.module or inputs.ORDERS


def _sentence(health: Health) -> str:
    if health.last_at is None:
        return "Nothing has arrived yet."
    parts = [f"{words.number(health.received)} received in 24 h", f"{words.number(health.accepted)} accepted or captured"]
    if health.duplicates:
        parts.append(f"{words.number(health.duplicates)} that had come before")
    return "; ".join([*parts, f"{words.number(health.refused)} rejected"]) + "."


def _outcome(row: IncomingRequest, target: str) -> str:
    what = "An order" if target == inputs.ORDERS else "A record"
    made = {"created": f"{what} was created.", "updated": f"{what} was changed.", "handshake": "The source asked whether we are here."}
    return made.get(row.outcome or "", "It waits to be processed." if row.status == "received" else "Nothing was changed.")


def _reasons(health: Health) -> list[list[str]]:
    """Why requests were rejected: the name to filter by, the words, and how many; the most frequent first."""
    found = sorted(health.rejected.items(), key=lambda each: -each[1])
    return [[name, REASONS.get(name, name.replace("_", " ").capitalize()), words.number(number)] for name, number in found]


def _changes(changes: Sequence[Change]) -> list[list[str]]:
    return [[change.path, change.event, words.moment(change.at)] for change in changes[:20]]


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
