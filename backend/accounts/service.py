"""Accounts: set-up of the first administrator, sign-in with lockout, workspaces, members, invitations."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from sqlmodel import Session, col, select

from backend.accounts import attempts, passwords, sessions
from backend.accounts.sessions import SessionInfo, actor_for
from backend.audit import service as audit
from backend.core import clock, crypto, ids, permissions, tokens
from backend.core.actor import Actor, ActorKind, Role
from backend.core.errors import Conflict, FieldError, Invalid, NotFound, Unauthenticated
from backend.models import InstanceSetting, Membership, User, UserSession, Workspace

if TYPE_CHECKING:
    from backend.core.web import Caller

SETUP_LIFETIME = timedelta(hours=24)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_SETUP = "setup"


@dataclass(frozen=True, slots=True)
class WorkspaceChoice:
    """A workspace that a user may switch to."""

    id: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a password is checked against, outside any transaction; `attempt_id` is the attempt noted in advance."""

    user_id: str | None
    password_hash: str | None
    attempt_id: str


# --- set-up ---------------------------------------------------------------------------------------


def setup_needed(session: Session) -> bool:
    """Whether nobody has been made yet."""
    return session.exec(select(User.id).limit(1)).first() is None


def setup_link(session: Session, public_url: str) -> str | None:
    """A fresh one-time link that makes the first administrator; the one before stops working. None once there is one."""
    if not setup_needed(session):
        return None
    token = tokens.new_secret("xdu_")
    mac = crypto.keyring().mac(_SETUP, token)
    value = {"mac": mac.digest_hex, "expires_at": (clock.now() + SETUP_LIFETIME).isoformat()}
    row = session.exec(select(InstanceSetting).where(InstanceSetting.name == _SETUP)).first()
    if row is None:
        session.add(InstanceSetting(id=ids.new("set"), name=_SETUP, value=value))
    else:
        row.value = value
    return f"{public_url.rstrip('/')}/setup?{urlencode({'token': token})}"


def check_setup(session: Session, *, token: str) -> None:
    """Raise as `complete_setup` would for this token now, so that nobody's password is hashed who has none."""
    _setup_row(session, token)


def complete_setup(
    session: Session, *, token: str, email: str, name: str, password_hash: str, workspace: str, caller: Caller
) -> tuple[str, SessionInfo]:
    """Make the first administrator and the first workspace, and sign in: the session's token and what it stands for.

    Raises `Unauthenticated` for a token that is wrong, used or past its 24 hours; `Conflict` once there is an administrator.
    """
    # Locked, so that of several who use the link at once one finds it and the others find an administrator.
    row = _setup_row(session, token, lock=True)
    user, _ = _make_admin(session, email=email, name=name, password_hash=password_hash, workspace=workspace, caller=caller)
    session.delete(row)
    session_token, opened = sessions.open_session(session, user, workspace_id=None, ip=caller.ip, user_agent=caller.user_agent)
    info = sessions.info_of(session, opened)
    assert info is not None  # noqa: S101 - it was opened just now
    return session_token, info


def create_admin(session: Session, *, email: str, password_hash: str, name: str = "", workspace: str = "Default") -> User:
    """Make an administrator of the installation with a workspace of their own (command line, environment). Raises `Invalid`, `Conflict`."""
    user, _ = _make_admin(session, email=email, name=name, password_hash=password_hash, workspace=workspace)
    return user


def check_person(*, email: str, password: str) -> None:
    """Raise `Invalid` with everything that is wrong with a new person's e-mail address and password."""
    problems = [] if is_email(email) else [FieldError("email", "is not an e-mail address.", "Write it as name@example.com.")]
    weak = passwords.problem(password, email=email)
    if problems or weak:
        raise Invalid(*problems, *([weak] if weak else []))


def is_email(text: str) -> bool:
    """Whether a text has the shape of an e-mail address."""
    return len(text) <= 254 and _EMAIL.fullmatch(text) is not None


# --- sign-in --------------------------------------------------------------------------------------


def begin_sign_in(session: Session, *, email: str, ip: str) -> Credentials:
    """Note the attempt in advance and hand out what the password is checked against, so that parallel guesses count too.

    Raises `BeingChecked` when too many others are being checked.
    Raises `RateLimited` when the address has 5 failures for the account within 15 minutes (or 50 for all, or the account from everywhere).
    """
    email = email.strip().lower()[:254]
    attempts.require_few(session, account=email, ip=ip)
    user = session.exec(select(User).where(User.email == email)).first()
    usable = user is not None and user.disabled_at is None
    attempt_id = attempts.begin(session, account=email, ip=ip)
    return Credentials(user.id if user and usable else None, user.password_hash if user and usable else None, attempt_id)


def fail_sign_in(session: Session, credentials: Credentials, *, reason: str = "password") -> None:
    """Note that the attempt has failed, and why: for the password, unless the account is unknown, or for what is said."""
    attempts.fail(session, credentials.attempt_id, reason=reason if credentials.user_id else "unknown")


def finish_sign_in(
    session: Session, credentials: Credentials, *, workspace: str | None, caller: Caller, kind: str = "console"
) -> tuple[str, SessionInfo]:
    """Open the session of someone whose password was right; the attempt noted in advance is taken back.

    `workspace` is an id or a name. Raises `Unauthenticated` if the user is a member of no workspace, or not of that one.
    """
    user = session.get(User, credentials.user_id)
    assert user is not None  # noqa: S101 - the password of an unknown user is never right
    attempts.take_back(session, credentials.attempt_id)
    chosen = None
    if workspace:
        match = [w for w in _workspaces_of(session, user) if workspace in (w.id, w.name)]
        if not match:
            raise Unauthenticated("You are not a member of that workspace. Check its name or id.", "workspace")
        chosen = match[0].id
    token, opened = sessions.open_session(session, user, workspace_id=chosen, ip=caller.ip, user_agent=caller.user_agent, kind=kind)
    info = sessions.info_of(session, opened)
    if info is None:
        raise Unauthenticated("Your account belongs to no workspace. Ask an owner for an invitation.", "no_workspace")
    opener = actor_for(info, ip=caller.ip, user_agent=caller.user_agent, request_id=caller.request_id)
    audit.record(session, actor=opener, action="session.opened", target_kind="user", target_id=user.id, target_name=user.email)
    return token, info


def sign_out(session: Session, token: str) -> None:
    """End the session of a console's token."""
    row = sessions.find(session, token)
    if row is not None:
        sessions.revoke(session, row.id)


def sign_out_everywhere(session: Session, *, actor: Actor) -> None:
    """End every session of the acting user."""
    permissions.require(actor, permissions.SIGNED_IN)
    sessions.revoke_all(session, actor.id)
    audit.record(session, actor=actor, action="session.all_revoked", target_kind="user", target_id=actor.id, target_name=actor.name)


# --- workspaces -----------------------------------------------------------------------------------


def list_workspaces(session: Session, *, actor: Actor) -> list[WorkspaceChoice]:
    """The workspaces that the acting user may switch to, by name."""
    permissions.require(actor, permissions.SIGNED_IN)
    user = session.get(User, actor.id)
    return _workspaces_of(session, user) if user else []


def create_workspace(session: Session, *, actor: Actor, name: str) -> Workspace:
    """A new workspace of which the acting user is owner. Raises `Invalid`."""
    permissions.require(actor, permissions.SIGNED_IN)
    return _make_workspace(session, name=name, maker=actor)


def switch_workspace(session: Session, *, actor: Actor, workspace_id: str) -> tuple[str, SessionInfo]:
    """Let the actor's session act in another workspace of theirs: its new token and what it stands for. Raises `NotFound`."""
    row, user = session.get(UserSession, actor.session_id), session.get(User, actor.id)
    if row is None or user is None or not any(w.id == workspace_id for w in _workspaces_of(session, user)):
        raise NotFound("There is no such workspace among yours.")
    return sessions.move(session, row, workspace_id)


def _workspaces_of(session: Session, user: User) -> list[WorkspaceChoice]:
    if user.is_super_admin:
        rows = session.exec(select(Workspace).order_by(col(Workspace.name), col(Workspace.id))).all()
        return [WorkspaceChoice(row.id, row.name, Role.SUPER_ADMIN) for row in rows]
    query = (
        select(Workspace, Membership.role)
        .join(Membership, col(Membership.workspace_id) == Workspace.id)
        .where(Membership.user_id == user.id)
        .order_by(col(Workspace.name), col(Workspace.id))
    )
    return [WorkspaceChoice(row.id, row.name, Role(role)) for row, role in session.exec(query).all()]


def _setup_row(session: Session, token: str, *, lock: bool = False) -> InstanceSetting:
    query = select(InstanceSetting).where(InstanceSetting.name == _SETUP)
    row = session.exec(query.with_for_update() if lock else query).first()
    if not setup_needed(session):
        raise Conflict("There is an administrator already. Sign in, or ask for an invitation.")
    known = row is not None and any(
        crypto.digest_equal(str(row.value.get("mac")), mac.digest_hex) for mac in crypto.keyring().macs(_SETUP, token)
    )
    if row is None or not known or datetime.fromisoformat(str(row.value["expires_at"])) < clock.now():
        raise Unauthenticated("This set-up link is not valid any more. Restart Crossdock to get a new one.", "setup_token")
    return row


def _make_admin(
    session: Session, *, email: str, name: str, password_hash: str, workspace: str, caller: Caller | None = None
) -> tuple[User, Workspace]:
    email = email.strip().lower()
    if session.exec(select(User.id).where(User.email == email)).first() is not None:
        raise Conflict("There is already a user with that e-mail address. Sign in, or use another address.")
    user = User(id=ids.new("usr"), email=email, name=name.strip()[:200], password_hash=password_hash, is_super_admin=True)
    session.add(user)
    session.flush()
    maker = Actor(ActorKind.USER, user.id, "", name=user.email, role=Role.SUPER_ADMIN)
    if caller is not None:
        maker = replace(maker, ip=caller.ip, user_agent=caller.user_agent, request_id=caller.request_id)
    return user, _make_workspace(session, name=workspace, maker=maker)


def _make_workspace(session: Session, *, name: str, maker: Actor) -> Workspace:
    """A workspace whose first entry in the audit is that of its making: one without entries was tampered with."""
    name = name.strip()
    if not 1 <= len(name) <= 120:
        raise Invalid(FieldError("workspace", "needs a name.", "Use 1 to 120 characters, such as your company's name."))
    made = Workspace(id=ids.new("wsp"), name=name)
    session.add(made)
    session.add(Membership(id=ids.new("mem"), workspace_id=made.id, user_id=maker.id, role=Role.OWNER))
    session.flush()
    audit.record(
        session,
        actor=replace(maker, workspace_id=made.id),
        action="workspace.created",
        target_kind="workspace",
        target_id=made.id,
        target_name=made.name,
    )
    return made
