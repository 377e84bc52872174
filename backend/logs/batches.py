"""One batch of the request log in one transaction: rows, roll-ups, and the last use of each key and secret."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Insert, Table, bindparam, insert, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel

from backend.core import db
from backend.core.actor import ActorKind
from backend.logs import errors
from backend.logs.errors import INSTANCE, Problem, Severity
from backend.logs.latency import BUCKETS, bucket_of, merged
from backend.models import RequestLog, UnknownRequest

WIDTHS: Final = (60, 3600)
_ENDPOINT: Final = "endpoint"  # the row names the route besides, and the column is for names of windows
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_KEYS: Final = SQLModel.metadata.tables["api_key"]
_SECRETS: Final = SQLModel.metadata.tables["api_key_secret"]
ROLLUPS: Final = SQLModel.metadata.tables["request_rollup"]


@dataclass(slots=True)
class RequestEntry:
    """One request as the door saw it. `workspace_id` is empty where the caller is not known."""

    id: str
    started_at: datetime
    method: str
    path: str
    status_code: int
    duration_ms: float
    ip: str = ""
    user_agent: str = ""
    query: str = ""
    route: str = ""
    workspace_id: str = ""
    caller_kind: str = ""
    caller_id: str = ""
    secret_id: str | None = None
    refusal: str | None = None
    error: str | None = None
    limit_name: str | None = None
    limit_remaining: int | None = None


@dataclass(slots=True)
class _Use:
    """What a batch says about the use of one key or secret."""

    count: int = 0
    at: datetime = _NEVER
    ip: str = ""
    user_agent: str = ""

    def add(self, entry: RequestEntry) -> None:
        self.count += 1
        if entry.started_at >= self.at:
            self.at, self.ip, self.user_agent = entry.started_at, clean(entry.ip, 64), clean(entry.user_agent, 400)


def write(session: Session, batch: Sequence[RequestEntry]) -> None:
    """Insert the rows of a batch, add it to the roll-ups, and note the last use of the keys in it."""
    known = [entry for entry in batch if entry.workspace_id]
    unknown = [entry for entry in batch if not entry.workspace_id]
    # Keys before their secrets, each in order of id, as everyone locks them.
    accepted = [entry for entry in known if entry.caller_kind == ActorKind.KEY and entry.refusal is None]
    _note_use(session, _KEYS, ((entry.caller_id, entry) for entry in accepted))
    _note_use(session, _SECRETS, ((entry.secret_id, entry) for entry in accepted if entry.secret_id))
    if known:
        session.exec(insert(RequestLog), params=[_known_row(entry) for entry in known])
        _add_to_rollups(session, known)
    errors.record(session, _problems(batch))
    if unknown:
        session.exec(insert(UnknownRequest), params=[_unknown_row(entry) for entry in unknown])


def clean(text: str, most: int) -> str:
    """`text` cut to `most` characters, without what a database refuses: NUL and halves of surrogate pairs."""
    text = text[:most]
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _known_row(entry: RequestEntry) -> dict[str, Any]:
    return {
        **_unknown_row(entry),
        "workspace_id": entry.workspace_id,
        "query": clean(entry.query, 1000),
        "route": entry.route,
        "caller_kind": entry.caller_kind,
        "caller_id": entry.caller_id,
        "secret_id": entry.secret_id,
        "error": clean(entry.error, 400) if entry.error else None,
        "limit_name": _ENDPOINT if entry.limit_name and " " in entry.limit_name else entry.limit_name,
        "limit_remaining": entry.limit_remaining,
    }


def _unknown_row(entry: RequestEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "created_at": entry.started_at,
        "method": clean(entry.method, 10),
        "path": clean(entry.path, 400),
        "status_code": entry.status_code,
        "refusal": entry.refusal,
        "ip": clean(entry.ip, 64),
        "user_agent": clean(entry.user_agent, 400),
        "duration_ms": entry.duration_ms,
    }


def _problems(batch: Sequence[RequestEntry]) -> list[Problem]:
    """The calls of a batch that failed on our side, each once: an outage fails many at a time."""
    failed: defaultdict[tuple[str, str, int], list[RequestEntry]] = defaultdict(list)
    for entry in batch:
        if entry.status_code >= 500:
            call = entry.route or f"{clean(entry.method, 10)} {clean(entry.path, 180)}"
            failed[entry.workspace_id or INSTANCE, call, entry.status_code].append(entry)
    return [_problem(*place, entries) for place, entries in failed.items()]


def _problem(workspace_id: str, call: str, status: int, entries: Sequence[RequestEntry]) -> Problem:
    first, often = entries[0], f", {len(entries)} times" if len(entries) > 1 else ""
    return Problem(
        # 503 says of itself that it passes.
        severity=Severity.WARNING if status == 503 else Severity.ERROR,
        kind="request_failed",
        message=f"{call} answered {status}{often}. {clean(first.error or '', 400)}".rstrip(),
        workspace_id=workspace_id,
        target_kind="route",
        target_id=call,
        trace_id=first.id,
        detail={"status": status, "requests": len(entries), "caller_id": first.caller_id},
    )


def _note_use(session: Session, table: Table, uses: Iterable[tuple[str | None, RequestEntry]]) -> None:
    found: defaultdict[str, _Use] = defaultdict(_Use)
    for identifier, entry in uses:
        found[identifier or ""].add(entry)
    if not found:
        return
    columns = table.c
    rows = [
        {"key": identifier, "count": use.count, "at": use.at, "ip": use.ip, "agent": use.user_agent}
        for identifier, use in sorted(found.items())
    ]
    session.connection().execute(
        update(table).where(columns.id == bindparam("key")).values(request_count=columns.request_count + bindparam("count")),
        rows,
    )
    # Forward only: another process may have noted a later use.
    session.connection().execute(
        update(table)
        .where(columns.id == bindparam("key"), or_(columns.last_used_at.is_(None), columns.last_used_at <= bindparam("at")))
        .values(last_used_at=bindparam("at"), last_used_ip=bindparam("ip"), last_used_user_agent=bindparam("agent")),
        rows,
    )


def _add_to_rollups(session: Session, entries: Sequence[RequestEntry]) -> None:
    sums: dict[tuple[str, int, datetime, str, str], dict[str, float]] = {}
    for entry in entries:
        counted = {_outcome(entry.status_code), BUCKETS[bucket_of(entry.duration_ms)]}
        for width in WIDTHS:
            place = (entry.workspace_id, width, starts_at(entry.started_at, width), entry.caller_id, entry.route)
            row = sums.setdefault(place, dict.fromkeys(_COUNTED, 0) | {"min_ms": entry.duration_ms, "max_ms": entry.duration_ms})
            row["min_ms"], row["max_ms"] = min(row["min_ms"], entry.duration_ms), max(row["max_ms"], entry.duration_ms)
            for name in counted:
                row[name] += 1
    rows = [dict(zip(_PLACE, place, strict=True)) | counts for place, counts in sorted(sums.items())]
    session.connection().execute(_UPSERTS["sqlite" if db.is_sqlite(session) else "postgresql"], rows)


def starts_at(moment: datetime, width: int) -> datetime:
    """The beginning of the roll-up of `width` seconds that `moment` falls in."""
    return datetime.fromtimestamp(moment.timestamp() // width * width, UTC)


def _outcome(status_code: int) -> str:
    if status_code == 429:
        return "limited"
    return "ok" if status_code < 400 else "client_error" if status_code < 500 else "server_error"


_PLACE: Final = ("workspace_id", "width", "starts_at", "caller_id", "route")
_COUNTED: Final = ("ok", "client_error", "limited", "server_error", *BUCKETS)


def _upsert(statement: sqlite.Insert | postgresql.Insert) -> Insert:
    return statement.on_conflict_do_update(index_elements=list(_PLACE), set_=merged(ROLLUPS.c, statement.excluded, _COUNTED))


_UPSERTS: Final = {"sqlite": _upsert(sqlite.insert(ROLLUPS)), "postgresql": _upsert(postgresql.insert(ROLLUPS))}
