"""Sessions: opened at sign-in, looked up on every event and request, revoked one by one or all at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col, select

from backend.core import clock, crypto, ids, tokens
from backend.core.actor import Actor, ActorKind, Role
from backend.core.errors import Unauthenticated
from backend.models import Membership, User, UserSession, Workspace

CONSOLE_LIFETIME = timedelta(days=7)
API_LIFETIME = timedelta(days=30)
_LABEL = "session"


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A valid session: whose it is, and the workspace and role it acts in."""

    id: str
    user_id: str
    user_email: str
    user_name: str
    is_super_admin: bool
    workspace_id: str
    workspace_name: str
    role: Role | None
    expires_at: datetime


def open_session(
    session: Session, user: User, *, workspace_id: str | None, ip: str, user_agent: str, kind: str = "console"
) -> tuple[str, UserSession]:
    """A new session of `user`: its token, given out once, and its row. Without a workspace it acts in the user's first."""
    token = tokens.new_secret("xds_")
    mac = crypto.keyring().mac(_LABEL, token)
    now = clock.now()
    row = UserSession(
        id=ids.new("ses"),
        user_id=user.id,
        kind=kind,
        token_mac=mac.digest_hex,
        mac_key_id=mac.key_id,
        workspace_id=workspace_id or first_workspace(session, user.id),
        last_seen_at=now,
        expires_at=now + (CONSOLE_LIFETIME if kind == "console" else API_LIFETIME),
        ip=ip,
        user_agent=user_agent[:400],
    )
    session.add(row)
    session.flush()
    return token, row


def move(session: Session, row: UserSession, workspace_id: str) -> tuple[str, SessionInfo]:
    """Let a session act in another workspace, under a new token: the old one, remembered here and there, would act in the old.

    The caller has checked that the user may. Raises `Unauthenticated` if the session is over.
    """
    token = tokens.new_secret("xds_")
    mac = crypto.keyring().mac(_LABEL, token)
    row.token_mac, row.mac_key_id, row.workspace_id = mac.digest_hex, mac.key_id, workspace_id
    session.flush()
    info = info_of(session, row)
    if info is None:
        raise Unauthenticated("Your session is over. Sign in again.", "session")
    return token, info


def find(session: Session, token: str, *, kind: str = "console", lock: bool = False) -> UserSession | None:
    """The row of a token, whatever its state; looked up under every configured key. With `lock` nobody else changes it meanwhile."""
    macs = [mac.digest_hex for mac in crypto.keyring().macs(_LABEL, token)]
    query = select(UserSession).where(col(UserSession.token_mac).in_(macs), UserSession.kind == kind)
    return session.exec(query.with_for_update() if lock else query).first()


def resolve(session: Session, token: str) -> SessionInfo | None:
    """What a console's token stands for now; None if it is unknown, over, or its user may no longer sign in."""
    row = find(session, token) if token else None
    return info_of(session, row) if row else None


def resolve_id(session: Session, session_id: str) -> SessionInfo | None:
    """The same by the session's id, for access tokens, which carry it."""
    row = session.get(UserSession, session_id)
    return info_of(session, row) if row else None


def info_of(session: Session, row: UserSession) -> SessionInfo | None:
    """What a session stands for now; None if it is over or its user or workspace is gone."""
    if row.revoked_at is not None or row.expires_at <= clock.now():
        return None
    user = session.get(User, row.user_id)
    if user is None or user.disabled_at is not None or row.workspace_id is None:
        return None
    role = role_in(session, user, row.workspace_id)
    workspace = session.get(Workspace, row.workspace_id)
    if role is None or workspace is None:
        return None
    return SessionInfo(row.id, user.id, user.email, user.name, user.is_super_admin, workspace.id, workspace.name, role, row.expires_at)


def actor_for(info: SessionInfo, *, ip: str = "", user_agent: str = "", request_id: str = "") -> Actor:
    """The actor that a session makes of its user."""
    return Actor(
        ActorKind.USER,
        info.user_id,
        info.workspace_id,
        name=info.user_name or info.user_email,
        role=info.role,
        session_id=info.id,
        ip=ip,
        user_agent=user_agent,
        request_id=request_id,
    )


def role_in(session: Session, user: User, workspace_id: str) -> Role | None:
    """The user's role in a workspace; super administrators have theirs in every one."""
    if user.is_super_admin:
        return Role.SUPER_ADMIN
    member = session.exec(select(Membership).where(Membership.workspace_id == workspace_id, Membership.user_id == user.id)).first()
    return Role(member.role) if member else None


def first_workspace(session: Session, user_id: str) -> str | None:
    """The workspace that the user joined first."""
    query = select(Membership.workspace_id).where(Membership.user_id == user_id).order_by(col(Membership.id))
    return session.exec(query).first()


def revoke(session: Session, session_id: str) -> None:
    """End one session; the same again changes nothing."""
    _revoke(session, col(UserSession.id) == session_id)


def revoke_all(session: Session, user_id: str) -> None:
    """End every session of a user, in every browser and client."""
    _revoke(session, col(UserSession.user_id) == user_id)


def _revoke(session: Session, which: object) -> None:
    session.exec(
        update(UserSession).where(which, col(UserSession.revoked_at).is_(None)).values(revoked_at=clock.now())  # type: ignore[arg-type] - a column condition
    )
