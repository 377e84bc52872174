"""Members of a workspace: roles, and invitations by a link that works once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import Session, col, select

from backend.accounts import sessions
from backend.audit import service as audit
from backend.core import clock, crypto, ids, permissions, tokens
from backend.core.actor import Actor, Role
from backend.core.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, Unauthenticated
from backend.models import Invitation, Membership, User, UserSession

INVITATION_LIFETIME = timedelta(days=7)
_LABEL = "invitation"
_GRANTABLE = (Role.VIEWER, Role.SUPPORT, Role.ADMIN, Role.OWNER)
# Names of roles in older systems.
_OLDER = {"company_owner": Role.OWNER, "branch_manager": Role.ADMIN}


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a workspace."""

    user_id: str
    email: str
    name: str
    role: Role


def parse_role(text: str) -> Role:
    """A role that can be given to a member, by its name or its name in an older system. Raises `Invalid`."""
    role = _OLDER.get(text) or next((known for known in _GRANTABLE if known == text), None)
    if role is None:
        raise Invalid(FieldError("role", f"{text} is not a role.", f"Use one of {', '.join(_GRANTABLE)}."))
    return role


def list_members(session: Session, *, actor: Actor) -> list[Member]:
    """The members of the workspace, by e-mail address."""
    permissions.require(actor, permissions.MEMBERS_READ)
    query = (
        select(User, Membership.role)
        .join(Membership, col(Membership.user_id) == User.id)
        .where(Membership.workspace_id == actor.workspace_id)
        .order_by(col(User.email))
    )
    return [Member(user.id, user.email, user.name, Role(role)) for user, role in session.exec(query).all()]


def invite(session: Session, *, actor: Actor, role: Role, email: str = "") -> tuple[Invitation, str]:
    """An invitation and the token of its link, given out once; good for 7 days."""
    permissions.require(actor, permissions.MEMBERS_WRITE)
    token = tokens.new_secret("xdn_")
    mac = crypto.keyring().mac(_LABEL, token)
    made = Invitation(
        id=ids.new("inv"),
        workspace_id=actor.workspace_id,
        role=role,
        email=email.strip().lower()[:254],
        token_mac=mac.digest_hex,
        mac_key_id=mac.key_id,
        created_by=actor.id,
        expires_at=clock.now() + INVITATION_LIFETIME,
    )
    session.add(made)
    audit.record(
        session, actor=actor, action="member.invited", target_kind="invitation", target_id=made.id, target_name=made.email,
        after={"role": role},
    )  # fmt: skip
    return made, token


def check_invitation(session: Session, *, token: str, email: str) -> None:
    """Raise as `accept` would for this link and address now, so that nobody's password is hashed who was not invited."""
    _for_a_new_user(session, token, email.strip().lower())


def accept(session: Session, *, token: str, email: str, name: str, password_hash: str) -> User:
    """Join the workspace of an invitation as a new user. Raises `Unauthenticated` for a bad link, `Conflict` if the address is taken."""
    email = email.strip().lower()
    found = _for_a_new_user(session, token, email, lock=True)
    user = User(id=ids.new("usr"), email=email, name=name.strip()[:200], password_hash=password_hash)
    session.add(user)
    session.flush()
    _join(session, found, user)
    return user


def join(session: Session, *, token: str, actor: Actor) -> tuple[str, sessions.SessionInfo]:
    """Join the workspace of an invitation as the acting user, whose session goes there: its new token and what it stands for.

    Raises `Unauthenticated` for a bad link, `Conflict` for a member.
    """
    user = session.get_one(User, actor.id)
    found = _open_invitation(session, token, user.email, lock=True)
    if session.exec(select(Membership.id).where(Membership.workspace_id == found.workspace_id, Membership.user_id == user.id)).first():
        raise Conflict("You are a member of that workspace already. Switch to it at the top of the side bar.")
    _join(session, found, user)
    return sessions.move(session, session.get_one(UserSession, actor.session_id), found.workspace_id)


def list_invitations(session: Session, *, actor: Actor) -> list[Invitation]:
    """The invitations of the workspace that still wait, newest first."""
    permissions.require(actor, permissions.MEMBERS_READ)
    query = select(Invitation).where(
        Invitation.workspace_id == actor.workspace_id,
        col(Invitation.accepted_at).is_(None),
        col(Invitation.revoked_at).is_(None),
        col(Invitation.expires_at) > clock.now(),
    )
    return list(session.exec(query.order_by(col(Invitation.id).desc())).all())


def withdraw(session: Session, *, actor: Actor, invitation_id: str) -> None:
    """Make an invitation's link invalid. Raises `NotFound`."""
    permissions.require(actor, permissions.MEMBERS_WRITE)
    query = select(Invitation).where(Invitation.id == invitation_id, Invitation.workspace_id == actor.workspace_id)
    found = session.exec(query).first()
    if found is None:
        raise NotFound("There is no such invitation in this workspace.")
    found.revoked_at = found.revoked_at or clock.now()
    audit.record(session, actor=actor, action="member.invitation_withdrawn", target_kind="invitation", target_id=found.id)


def set_role(session: Session, *, actor: Actor, user_id: str, role: Role) -> None:
    """Change a member's role. Raises `NotFound`, and `Conflict` if it would leave the workspace without an owner."""
    permissions.require(actor, permissions.MEMBERS_WRITE)
    member = _member(session, actor, user_id)
    if member.role == Role.OWNER and role is not Role.OWNER:
        _keep_an_owner(session, actor)
    audit.record(
        session, actor=actor, action="member.role_changed", target_kind="user", target_id=user_id,
        before={"role": member.role}, after={"role": role},
    )  # fmt: skip
    member.role = role


def remove(session: Session, *, actor: Actor, user_id: str) -> None:
    """Take a member out of the workspace and end their sessions. Raises `NotFound`, `Conflict` for the last owner."""
    permissions.require(actor, permissions.MEMBERS_WRITE)
    if user_id == actor.id:
        raise Forbidden("You cannot remove yourself. Ask another owner.", reason="self")
    member = _member(session, actor, user_id)
    if member.role == Role.OWNER:
        _keep_an_owner(session, actor)
    session.delete(member)
    sessions.revoke_all(session, user_id)
    audit.record(session, actor=actor, action="member.removed", target_kind="user", target_id=user_id)


def _for_a_new_user(session: Session, token: str, email: str, *, lock: bool = False) -> Invitation:
    found = _open_invitation(session, token, email, lock=lock)
    if session.exec(select(User.id).where(User.email == email)).first() is not None:
        raise Conflict("There is already a user with that e-mail address. Sign in with it.")
    return found


def _open_invitation(session: Session, token: str, email: str, *, lock: bool) -> Invitation:
    macs = [mac.digest_hex for mac in crypto.keyring().macs(_LABEL, token)]
    query = select(Invitation).where(col(Invitation.token_mac).in_(macs))
    found = session.exec(query.with_for_update() if lock else query).first()
    if found is None or found.accepted_at or found.revoked_at or found.expires_at < clock.now():
        raise Unauthenticated("This invitation is not valid any more. Ask for a new one.", "invitation")
    if found.email and found.email != email:
        raise Unauthenticated("This invitation is for another e-mail address.", "invitation")
    return found


def _join(session: Session, invitation: Invitation, user: User) -> None:
    session.add(Membership(id=ids.new("mem"), workspace_id=invitation.workspace_id, user_id=user.id, role=invitation.role))
    invitation.accepted_at = clock.now()
    session.flush()


def _member(session: Session, actor: Actor, user_id: str) -> Membership:
    query = select(Membership).where(Membership.workspace_id == actor.workspace_id, Membership.user_id == user_id)
    member = session.exec(query).first()
    if member is None:
        raise NotFound("There is no such member in this workspace.")
    return member


def _keep_an_owner(session: Session, actor: Actor) -> None:
    query = select(Membership.id).where(Membership.workspace_id == actor.workspace_id, Membership.role == Role.OWNER)
    # Locked, so that two owners who let go of each other at once do not both find the other.
    if len(session.exec(query.order_by(col(Membership.id)).with_for_update()).all()) <= 1:
        raise Conflict("This is the last owner of the workspace. Make somebody else owner first.")
