"""What the browser is told of incoming webhooks, of what arrived at them, and of a mapping that is being built."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from backend.incoming import inputs, paths, replaying
from backend.incoming.health import Change, Health
from backend.incoming.inputs import Target
from backend.incoming.presets import Preset
from backend.incoming.replaying import Rehearsal
from backend.incoming.storage import Shown
from backend.models import IncomingRequest, IncomingWebhook
from backend.records.definition import Definition
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
# What can be done to a value by a choice: the word, and the transforms that it stands for. Anything else is written as JSON.
CHANGES: Final[dict[str, tuple[str, list[dict[str, Any]]]]] = {
    "": ("As it is", []),
    "trim": ("Trimmed", [{"name": "trim"}]),
    "lower": ("Trimmed, lower case", [{"name": "trim"}, {"name": "lower"}]),
    "upper": ("Upper case", [{"name": "upper"}]),
    "number": ("As a number", [{"name": "number"}]),
    "hundredth": ("As a number, ÷ 100", [{"name": "number", "divide_by": 100}]),
    "boolean": ("As yes or no", [{"name": "boolean"}]),
    "datetime": ("As a time", [{"name": "date"}]),
    "date": ("As a date", [{"name": "date", "to": "date"}]),
    "text": ("As a text", [{"name": "text"}]),
}
_SHOWN: Final = 120


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


@dataclass
class LeafRow:
    """A place of the sample, with its value as text."""

    path: str
    value: str


@dataclass
class RuleRow:
    """A field of the target, and what is mapped to it; `change` is one of `CHANGES`, or `custom` with its JSON in `told`."""

    target: str
    label: str
    kind: str
    needed: bool
    source: str = ""
    change: str = ""
    told: str = ""
    fallback: str = ""


@dataclass
class CellRow:
    """One field of what a request would have become."""

    target: str
    given: str
    value: str
    before: str
    changed: bool


@dataclass
class TrialRow:
    """What one of the last requests would have become."""

    id: str
    outcome: str
    sentence: str
    at: str
    cells: list[CellRow] = field(default_factory=list)


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
        reasons=[[name, words.number(number)] for name, number in sorted(health.rejected.items(), key=lambda each: -each[1])],
        appeared=_changes(health.appeared),
        vanished=_changes(health.vanished),
    )


def arrival_row(row: IncomingRequest, target: str) -> ArrivalRow:
    """A row of the log."""
    told = row.sentence or (row.outcome or "").capitalize()
    return ArrivalRow(
        id=row.id,
        status=row.status,
        event=row.event,
        told=told,
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
        sentence=row.sentence or _outcome(row),
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


def leaf_rows(payload: Any) -> list[LeafRow]:
    """The places of a sample."""
    return [LeafRow(path or "@", _short(value)) for path, value in paths.leaves(payload)]


def rule_rows(mapping: Sequence[Mapping[str, Any]], target: Target, module: Definition | None) -> list[RuleRow]:
    """A row for each field of the target, with what is mapped to it; those that are needed come first."""
    by_target = {str(rule["target"]): rule for rule in mapping}
    kinds = {each.name: (each.label, each.type.value) for each in module.fields} if module is not None else {}
    rows = [
        RuleRow(
            name, kinds.get(name, (name.replace("_", " ").capitalize(), ""))[0], kinds.get(name, ("", "text"))[1], name in target.needed
        )
        for name in target.fields
    ]
    for row in rows:
        if (rule := by_target.get(row.target)) is not None:
            _fill(row, rule)
    return sorted(rows, key=lambda row: not row.needed)


def rules_of(rows: Iterable[RuleRow], mapping: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The mapping that rows say; what a row cannot show of a rule stays as it is."""
    by_target = {str(rule["target"]): dict(rule) for rule in mapping}
    found: list[dict[str, Any]] = []
    for row in rows:
        if not row.source and row.change != "custom" and not row.fallback:
            continue
        rule: dict[str, Any] = {**by_target.get(row.target, {}), "source": row.source, "target": row.target}
        if row.change != "custom":
            rule["transform"] = CHANGES[row.change][1]
        if row.fallback:
            rule["default"] = row.fallback
        else:
            rule.pop("default", None)
        found.append(rule)
    return found


def trial_row(found: Rehearsal) -> TrialRow:
    """What one request would have become."""
    cells = [CellRow(cell.target, _short(cell.given), _short(cell.value), _short(cell.before), cell.changed) for cell in found.cells]
    return TrialRow(found.request.id, found.outcome, found.sentence, words.moment(found.request.created_at), cells)


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


def _fill(row: RuleRow, rule: Mapping[str, Any]) -> None:
    row.source = str(rule.get("source") or "")
    transforms = rule.get("transform") or []
    row.change = next((name for name, (_, known) in CHANGES.items() if known == transforms), "custom")
    if rule.get("each"):
        row.change = "custom"
    row.told = json.dumps(transforms or rule.get("each"), ensure_ascii=False)[:_SHOWN] if row.change == "custom" else ""
    row.fallback = "" if rule.get("default") is None else str(rule["default"])


def _target(row: IncomingWebhook) -> str:
    return row.module or inputs.ORDERS


def _sentence(health: Health) -> str:
    if health.last_at is None:
        return "Nothing has arrived yet."
    parts = [f"{words.number(health.received)} received in 24 h", f"{words.number(health.accepted)} accepted"]
    if health.duplicates:
        parts.append(f"{words.number(health.duplicates)} that had come before")
    return "; ".join([*parts, f"{words.number(health.refused)} rejected"]) + "."


def _outcome(row: IncomingRequest) -> str:
    made = {"created": "A record was created.", "updated": "A record was changed.", "handshake": "The source asked whether we are here."}
    return made.get(row.outcome or "", "It waits to be processed." if row.status == "received" else "Nothing was changed.")


def _changes(changes: Sequence[Change]) -> list[list[str]]:
    return [[change.path, change.event, words.moment(change.at)] for change in changes[:20]]


def _short(value: Any) -> str:
    if value is None:
        return "null"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
