"""Set-up, sign-in, sessions, tokens and members, on both databases."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlmodel import select

from backend.accounts import attempts, members, passwords, service, sessions, tokens
from backend.core import clock, db, jwts
from backend.core.actor import Role
from backend.core.errors import Conflict, CrossdockError, Forbidden, Invalid, NotFound, RateLimited, Unauthenticated
from backend.core.web import Caller
from backend.models import AuditEntry, InstanceSetting, SignInFailure, User, UserSession
from tests.factories import accounts

PASSWORD = "correct horse battery staple"
pytestmark = pytest.mark.usefixtures("database")


@functools.cache
def password_hash() -> str:
    return passwords.hash_password(PASSWORD)


def setup_token() -> str:
    with db.transaction(write=True) as session:
        link = service.setup_link(session, "http://127.0.0.1:8000/")
    assert link is not None
    assert link.startswith("http://127.0.0.1:8000/setup?token=xdu_")
    return link.partition("token=")[2]


def complete(token: str, email: str = "Ada@Example.com") -> tuple[str, sessions.SessionInfo]:
    with db.transaction(write=True) as session:
        return service.complete_setup(
            session,
            token=token,
            email=email,
            name="Ada",
            password_hash=password_hash(),
            workspace="Acme",
            caller=Caller("10.0.0.9", "", "req_0"),
        )


def sign_in(
    password: str = PASSWORD, ip: str = "10.0.0.1", kind: str = "console", workspace: str | None = None
) -> tuple[str, sessions.SessionInfo]:
    with db.transaction(write=True) as session:
        credentials = service.begin_sign_in(session, email=" ADA@example.com", ip=ip)
    if not passwords.verify(credentials.password_hash, password):
        with db.transaction(write=True) as session:
            service.fail_sign_in(session, credentials)
        raise Unauthenticated("wrong", "credentials")
    with db.transaction(write=True) as session:
        return service.finish_sign_in(session, credentials, workspace=workspace, caller=Caller(ip, "", "req_1"), kind=kind)


def test_set_up_makes_the_first_administrator_who_is_signed_in() -> None:
    token, info = complete(setup_token())
    assert (info.user_email, info.workspace_name, info.role) == ("ada@example.com", "Acme", Role.SUPER_ADMIN)
    with db.transaction() as session:
        assert sessions.resolve(session, token) == info
        assert not service.setup_needed(session)
        assert service.setup_link(session, "http://x") is None


def test_a_set_up_link_works_once_and_only_the_latest_one() -> None:
    first, second = setup_token(), setup_token()
    with pytest.raises(Unauthenticated, match="Restart Crossdock"):
        complete(first)
    complete(second)
    with pytest.raises(Conflict, match="Sign in"):
        complete(second, "other@example.com")


def test_a_set_up_link_ends_after_a_day() -> None:
    token = setup_token()
    with db.transaction(write=True) as session:
        row = session.exec(select(InstanceSetting)).one()
        row.value = {**row.value, "expires_at": (clock.now() - timedelta(seconds=1)).isoformat()}
    with pytest.raises(Unauthenticated):
        complete(token)


def test_no_token_is_stored_as_it_was_handed_out() -> None:
    setup = setup_token()
    with db.transaction() as session:
        assert setup not in str(session.exec(select(InstanceSetting)).one().value)
    token, _ = complete(setup)
    with db.transaction() as session:
        assert token not in str(session.exec(select(UserSession)).one().model_dump())


def test_five_failures_lock_the_account_for_that_address_alone() -> None:
    complete(setup_token())
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            sign_in("wrong password here")
    with pytest.raises(RateLimited, match="15 minutes") as refused:
        sign_in()
    assert refused.value.retry_after == 900
    assert sign_in(ip="10.0.0.2")[1].user_email == "ada@example.com"


def test_guesses_count_while_their_password_is_checked_and_are_failures_when_that_never_ends() -> None:
    complete(setup_token())

    def begin() -> service.Credentials:
        with db.transaction(write=True) as session:
            return service.begin_sign_in(session, email="ada@example.com", ip="10.0.0.1")

    begun = [begin() for _ in range(5)]
    with pytest.raises(attempts.BeingChecked) as refused:
        begin()
    assert (refused.value.retry_after, "failed" in refused.value.detail) == (1, False)
    with db.transaction(write=True) as session:
        attempts.take_back(session, begun[0].attempt_id)
    begin()
    with db.transaction(write=True) as session:
        for row in session.exec(select(SignInFailure)).all():
            row.created_at = clock.now() - attempts.CHECKED_WITHIN
    with pytest.raises(RateLimited, match="15 minutes"):
        begin()


def test_a_right_password_leaves_no_failure_behind() -> None:
    complete(setup_token())
    for _ in range(8):
        sign_in()
    with db.transaction() as session:
        assert session.exec(select(SignInFailure)).all() == []


def test_an_unknown_address_fails_like_a_wrong_password() -> None:
    with db.transaction(write=True) as session:
        credentials = service.begin_sign_in(session, email="nobody@example.com", ip="10.0.0.1")
    assert not passwords.verify(credentials.password_hash, PASSWORD)


def test_signing_out_everywhere_ends_every_session() -> None:
    first, info = complete(setup_token())
    second, _ = sign_in()
    with db.transaction(write=True) as session:
        service.sign_out_everywhere(session, actor=sessions.actor_for(info))
    with db.transaction() as session:
        assert sessions.resolve(session, first) is None
        assert sessions.resolve(session, second) is None


def test_a_console_session_is_no_refresh_token_and_the_reverse() -> None:
    console, _ = complete(setup_token())
    api, _ = sign_in(kind="api")
    with db.transaction(write=True) as session:
        assert tokens.refresh(session, console) is None
        assert sessions.resolve(session, api) is None


def test_a_refresh_token_rotates_and_its_reuse_ends_the_session() -> None:
    complete(setup_token())
    first, info = sign_in(kind="api")
    with db.transaction(write=True) as session:
        rotated = tokens.refresh(session, first)
    assert rotated is not None
    second, _ = rotated
    assert second != first
    with db.transaction(write=True) as session:
        assert tokens.refresh(session, first) is None
    with db.transaction(write=True) as session:
        assert tokens.refresh(session, second) is None
        assert sessions.resolve_id(session, info.id) is None


def test_a_refresh_token_ends_the_session_however_often_it_was_rotated_since() -> None:
    complete(setup_token())
    first, info = sign_in(kind="api")
    latest = first
    for _ in range(3):
        with db.transaction(write=True) as session:
            rotated = tokens.refresh(session, latest)
        assert rotated is not None
        latest, _ = rotated
    with db.transaction(write=True) as session:
        assert tokens.refresh(session, first) is None
    with db.transaction(write=True) as session:
        assert tokens.refresh(session, latest) is None
        assert sessions.resolve_id(session, info.id) is None


def test_an_access_token_says_its_session_and_nothing_else_verifies() -> None:
    _, info = complete(setup_token())
    token = tokens.access_token(info)
    claims = tokens.claims_of(jwts.read(token) or {})
    assert claims == tokens.AccessClaims(info.id, info.user_id, info.workspace_id)
    header, payload, signature = token.split(".")
    for forged in (f"{header}.{payload}.", f"{header}.{payload[:-2]}AA.{signature}", "a.b.c", "", f"{header}..{signature}", "ééé"):
        assert tokens.claims_of(jwts.read(forged) or {}) is None


def test_an_unsigned_token_does_not_verify() -> None:
    assert tokens.claims_of(jwts.read("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c3JfMSIsInNpZCI6InNlc18xIn0.") or {}) is None


def test_one_switches_to_ones_own_workspaces_only() -> None:
    mine, other = accounts.workspace("Mine"), accounts.workspace("Other")
    with db.transaction(write=True) as session:
        user = session.get_one(User, mine.id)
        first, row = sessions.open_session(session, user, workspace_id=None, ip="", user_agent="")
        info = sessions.info_of(session, row)
        assert info is not None
        actor = sessions.actor_for(info)
        second = service.create_workspace(session, actor=actor, name="Second")
        assert {choice.name for choice in service.list_workspaces(session, actor=actor)} == {"Mine", "Second"}
        token, moved = service.switch_workspace(session, actor=actor, workspace_id=second.id)
        assert moved.workspace_name == "Second"
        assert sessions.resolve(session, token) == moved
        assert sessions.resolve(session, first) is None
        with pytest.raises(NotFound):
            service.switch_workspace(session, actor=actor, workspace_id=other.workspace_id)


def test_a_session_ends_with_the_membership_it_acts_by() -> None:
    owner = accounts.workspace()
    with db.transaction(write=True) as session:
        viewer = accounts.member(session, owner.workspace_id, Role.VIEWER)
        token, _ = sessions.open_session(session, session.get_one(User, viewer.id), workspace_id=None, ip="", user_agent="")
        assert sessions.resolve(session, token) is not None
        members.remove(session, actor=owner, user_id=viewer.id)
        session.expire_all()
        assert sessions.resolve(session, token) is None


def test_an_invitation_works_once_and_gives_its_role() -> None:
    owner = accounts.workspace()
    with db.transaction(write=True) as session:
        _, token = members.invite(session, actor=owner, role=Role.SUPPORT, email="Sam@example.com")
    with pytest.raises(Unauthenticated, match="another e-mail"), db.transaction(write=True) as session:
        members.accept(session, token=token, email="eve@example.com", name="", password_hash="x")
    with db.transaction(write=True) as session:
        members.accept(session, token=token, email="sam@example.com", name="Sam", password_hash="x")
        assert [m.role for m in members.list_members(session, actor=owner) if m.name == "Sam"] == [Role.SUPPORT]
    with pytest.raises(Unauthenticated, match="not valid any more"), db.transaction(write=True) as session:
        members.accept(session, token=token, email="sam2@example.com", name="", password_hash="x")


def test_a_workspace_keeps_an_owner() -> None:
    owner = accounts.workspace()
    with db.transaction(write=True) as session:
        with pytest.raises(Conflict, match="last owner"):
            members.set_role(session, actor=owner, user_id=owner.id, role=Role.VIEWER)
        viewer = accounts.member(session, owner.workspace_id, Role.VIEWER)
        with pytest.raises(Forbidden, match="role owner"):
            members.set_role(session, actor=viewer, user_id=viewer.id, role=Role.OWNER)


@pytest.mark.parametrize(
    ("email", "password", "paths"),
    [
        ("no-address", "short", ["email", "password"]),
        ("ada@example.com", "aaaaaaaaaaaaaaaa", ["password"]),
        ("ada.byron@example.com", "ada.byron-1234", ["password"]),
    ],
)
def test_a_new_person_hears_everything_that_is_wrong_at_once(email: str, password: str, paths: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        service.check_person(email=email, password=password)
    assert [error.path for error in refused.value.errors] == paths
    assert all(error.fix for error in refused.value.errors)


def test_signing_in_and_out_everywhere_is_in_the_audit_trail() -> None:
    _, info = complete(setup_token())
    sign_in()
    with db.transaction(write=True) as session:
        service.sign_out_everywhere(session, actor=sessions.actor_for(info))
    with db.transaction() as session:
        assert [row.action for row in session.exec(select(AuditEntry).order_by(AuditEntry.id))] == [
            "workspace.created",
            "session.opened",
            "session.all_revoked",
        ]


def test_set_up_and_sign_in_are_in_the_audit_trail_with_where_they_came_from() -> None:
    complete(setup_token())
    sign_in()
    with db.transaction() as session:
        found = session.exec(select(AuditEntry.action, AuditEntry.ip, AuditEntry.request_id).order_by(AuditEntry.id)).all()
    assert found == [("workspace.created", "10.0.0.9", "req_0"), ("session.opened", "10.0.0.1", "req_1")]


def at_once(work: Callable[[int], object]) -> list[object]:
    """What each of five threads got, or the error that it met, that began at the same moment."""
    line = threading.Barrier(5)

    def begin(number: int) -> object:
        line.wait()
        try:
            return work(number)
        except CrossdockError as error:
            return type(error)

    with ThreadPoolExecutor(5) as threads:
        return list(threads.map(begin, range(5)))


def test_one_set_up_link_makes_one_administrator_however_many_use_it_at_once() -> None:
    token = setup_token()
    password_hash()
    found = at_once(lambda number: complete(token, f"user{number}@example.com"))
    assert sum(isinstance(each, tuple) for each in found) == 1
    with db.transaction() as session:
        assert len(session.exec(select(User)).all()) == 1


def test_a_refresh_token_is_good_once_however_many_use_it_at_once() -> None:
    complete(setup_token())
    first, _ = sign_in(kind="api")

    def refresh(_number: int) -> object:
        with db.transaction(write=True) as session:
            return tokens.refresh(session, first)

    assert sum(each is not None for each in at_once(refresh)) == 1


def test_owners_who_let_go_of_each_other_at_once_leave_one() -> None:
    owner = accounts.workspace()
    with db.transaction(write=True) as session:
        owners = [owner, *(accounts.member(session, owner.workspace_id) for _ in range(4))]

    def step_down(number: int) -> None:
        with db.transaction(write=True) as session:
            members.set_role(session, actor=owners[number], user_id=owners[number].id, role=Role.VIEWER)

    at_once(step_down)
    with db.transaction() as session:
        assert [each.role for each in members.list_members(session, actor=owner)].count(Role.OWNER) == 1
