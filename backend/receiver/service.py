"""Inboxes of the built-in receiver: their URLs and modes, what arrived in them, and whether its signature holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import delete
from sqlmodel import Session, col, func, select

from backend.audit import service as audit
from backend.core import clock, db, ids, pagination, permissions, queue, tokens
from backend.core.actor import Actor
from backend.core.errors import Conflict, FieldError, Invalid, NotFound
from backend.models import ReceiverInbox, ReceiverRequest
from backend.receiver import verdicts
from backend.settings import settings

PATH: Final = "/receiver/"
TOKEN_PREFIX: Final = "rcv_"  # noqa: S105 - a prefix; the token is part of a URL and no secret
MAX_INBOXES: Final = 20
KEPT_REQUESTS: Final = 200
MAX_NAME: Final = 120


class Mode(StrEnum):
    """How an inbox answers."""

    OK = "ok"
    FAIL = "fail"
    GONE = "gone"
    HANG = "hang"
    REDIRECT = "redirect"
    RESET = "reset"


ANSWERS: Final[Mapping[Mode, str]] = {
    Mode.OK: "200 OK",
    Mode.FAIL: "500 Internal Server Error",
    Mode.GONE: "410 Gone",
    Mode.HANG: "200 OK after up to 35 s",
    Mode.REDIRECT: "302 Found",
    Mode.RESET: "connection closed",
}


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request as it arrived; `truncated` if its body went on after what is kept of it."""

    token: str
    method: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    truncated: bool
    remote: str


def url(inbox: ReceiverInbox) -> str:
    """The address to send to."""
    return f"{settings().public_url}{PATH}{inbox.token}"


def list_inboxes(session: Session, *, actor: Actor) -> list[ReceiverInbox]:
    """The workspace's inboxes, oldest first."""
    permissions.require(actor, permissions.WEBHOOKS_READ)
    query = select(ReceiverInbox).where(col(ReceiverInbox.workspace_id) == actor.workspace_id)
    return list(session.exec(query.order_by(col(ReceiverInbox.id))).all())


def ensure_inbox(session: Session, *, actor: Actor) -> ReceiverInbox:
    """The workspace's first inbox, made if there is none yet. Raises `Forbidden` if the actor may not make one."""
    found = list_inboxes(session, actor=actor)
    return found[0] if found else create_inbox(session, actor=actor)


def create_inbox(session: Session, *, actor: Actor, name: str = "Receiver") -> ReceiverInbox:
    """A new inbox that answers 200. Raises `Invalid`, `Conflict` above 20."""
    permissions.require(actor, permissions.WEBHOOKS_OPERATE)
    title = name.strip()
    if not title or len(title) > MAX_NAME:
        raise Invalid(FieldError("name", f"has {len(title)} characters.", f"Use 1 to {MAX_NAME}."))
    query = select(func.count()).select_from(ReceiverInbox).where(ReceiverInbox.workspace_id == actor.workspace_id)
    if session.exec(query).one() >= MAX_INBOXES:
        raise Conflict(f"A workspace has at most {MAX_INBOXES} inboxes. Use one of those that exist.")
    inbox = ReceiverInbox(
        id=ids.new("rcv"),
        workspace_id=actor.workspace_id,
        name=title,
        token=tokens.new_secret(TOKEN_PREFIX, 16),
        updated_at=clock.now(),
    )
    session.add(inbox)
    _record(session, actor, inbox, "receiver.created")
    return inbox


def set_mode(session: Session, *, actor: Actor, inbox_id: str, mode: str) -> ReceiverInbox:
    """Tell an inbox how to answer from now on. Raises `NotFound`, `Invalid`."""
    permissions.require(actor, permissions.WEBHOOKS_OPERATE)
    if mode not in list(Mode):
        raise Invalid(FieldError("mode", f"{mode[:40]!r} is not a mode.", f"Use {', '.join(Mode)}."))
    inbox = _find(session, actor, inbox_id)
    if inbox.mode != mode:
        before, inbox.mode, inbox.updated_at = inbox.mode, mode, clock.now()
        _record(session, actor, inbox, "receiver.mode_changed", before={"mode": before}, after={"mode": mode})
    return inbox


def requests(
    session: Session,
    *,
    actor: Actor,
    inbox_id: str,
    after: str | None = None,
    limit: int = pagination.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> pagination.Page[ReceiverRequest]:
    """What arrived, newest first; only what came `after` the request with that id, if given. Raises `NotFound`, `Invalid`."""
    permissions.require(actor, permissions.WEBHOOKS_READ)
    inbox = _find(session, actor, inbox_id)
    query = select(ReceiverRequest).where(
        col(ReceiverRequest.inbox_id) == inbox.id, col(ReceiverRequest.workspace_id) == actor.workspace_id
    )
    if after:
        query = query.where(col(ReceiverRequest.id) > after)
    return pagination.fetch(session, query, col(ReceiverRequest.id), limit=limit, cursor=cursor)


def clear(session: Session, *, actor: Actor, inbox_id: str) -> None:
    """Forget what arrived. Raises `NotFound`."""
    permissions.require(actor, permissions.WEBHOOKS_OPERATE)
    inbox = _find(session, actor, inbox_id)
    session.exec(delete(ReceiverRequest).where(col(ReceiverRequest.inbox_id) == inbox.id))
    _tell(session, inbox)


def known(session: Session, arrivals: Sequence[Arrival]) -> set[str]:
    """Those tokens of arrivals that belong to an inbox."""
    wanted = {arrival.token for arrival in arrivals}
    return set(session.exec(select(ReceiverInbox.token).where(col(ReceiverInbox.token).in_(wanted))).all())


def store(session: Session, arrivals: Sequence[Arrival]) -> list[Mode | None]:
    """Keep what arrived, in its order; how each is to be answered, None where there is no such inbox.

    Of each inbox the last 200 are kept. Senders are strangers: nothing that they sent can raise.
    """
    wanted = {arrival.token for arrival in arrivals}
    found = session.exec(select(ReceiverInbox).where(col(ReceiverInbox.token).in_(wanted))).all()
    inboxes = {inbox.token: inbox for inbox in found}
    signers = {inbox.token: verdicts.signers(session, inbox.workspace_id, PATH + inbox.token) for inbox in found}
    modes: list[Mode | None] = []
    for arrival in arrivals:
        inbox = inboxes.get(arrival.token)
        if inbox is not None:
            session.add(_request(inbox, arrival, verdicts.verdict(signers[inbox.token], arrival.headers, arrival.body)))
        modes.append(Mode(inbox.mode) if inbox is not None else None)
    session.flush()
    for inbox in found:
        _forget_old(session, inbox)
        _tell(session, inbox)
    return modes


def _request(inbox: ReceiverInbox, arrival: Arrival, verdict: str) -> ReceiverRequest:
    # PostgreSQL takes no NUL in a text; bytes that are no UTF-8 are shown as \x…
    body = arrival.body.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    return ReceiverRequest(
        id=ids.new("rrq"),
        workspace_id=inbox.workspace_id,
        inbox_id=inbox.id,
        method=arrival.method[:10],
        headers=[[name, value] for name, value in arrival.headers],
        body=body,
        body_truncated=arrival.truncated,
        remote=arrival.remote[:64],
        answered=ANSWERS[Mode(inbox.mode)],
        verdict=verdict[:200],
    )


def _forget_old(session: Session, inbox: ReceiverInbox) -> None:
    newest = select(ReceiverRequest.id).where(col(ReceiverRequest.inbox_id) == inbox.id)
    last = session.exec(newest.order_by(col(ReceiverRequest.id).desc()).offset(KEPT_REQUESTS).limit(1)).first()
    if last is not None:
        statement = delete(ReceiverRequest).where(col(ReceiverRequest.inbox_id) == inbox.id, col(ReceiverRequest.id) <= last)
        session.exec(statement.execution_options(synchronize_session=False))


def _find(session: Session, actor: Actor, inbox_id: str) -> ReceiverInbox:
    query = select(ReceiverInbox).where(col(ReceiverInbox.id) == inbox_id, col(ReceiverInbox.workspace_id) == actor.workspace_id)
    inbox = session.exec(query).first()
    if inbox is None:
        raise NotFound("There is no such inbox in this workspace.")
    return inbox


def _record(
    session: Session,
    actor: Actor,
    inbox: ReceiverInbox,
    action: str,
    before: dict[str, str] | None = None,
    after: dict[str, str] | None = None,
) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        target_kind="receiver_inbox",
        target_id=inbox.id,
        target_name=inbox.name,
        before=before,
        after=after,
    )
    _tell(session, inbox)


def _tell(session: Session, inbox: ReceiverInbox) -> None:
    workspace_id = inbox.workspace_id
    db.after_commit(session, lambda: queue.publish(workspace_id, "receiver"), key=("receiver", workspace_id))
