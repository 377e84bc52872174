"""Sign-in, set-up and invitations as a whole: what is hashed for whom, and what many at once get, with the real threads."""

from __future__ import annotations

import asyncio

import pytest
from sqlmodel import select

from backend.accounts import doors, members, passwords, sessions
from backend.core import db
from backend.core.actor import Role
from backend.core.errors import Conflict, RateLimited, Unauthenticated
from backend.core.web import Caller
from backend.models import SignInFailure
from tests.factories import accounts
from tests.integration.accounts.test_accounts import PASSWORD, complete, setup_token

pytestmark = pytest.mark.usefixtures("database")


def all_at_once(*passwords_tried: str) -> list[object]:
    """What each sign-in got, or the kind of its refusal, of those that were begun at the same moment."""

    async def sign_in_with(password: str) -> tuple[str, sessions.SessionInfo]:
        return await doors.sign_in(email="ada@example.com", password=password, workspace=None, caller=Caller("10.0.0.1", "", "req_1"))

    async def everybody() -> list[object]:
        return list(await asyncio.gather(*map(sign_in_with, passwords_tried), return_exceptions=True))

    return [type(each) for each in asyncio.run(everybody())]


def test_who_is_right_gets_in_however_many_sign_in_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    complete(setup_token())
    monkeypatch.setattr(doors, "_WAITS", (0.05,) * 400)  # a slow machine is no failure
    assert all_at_once(*[PASSWORD] * 8) == [tuple] * 8
    found = all_at_once(*["wrong password here"] * 4, *[PASSWORD] * 2)
    assert found == [Unauthenticated] * 4 + [tuple] * 2
    with db.transaction() as session:
        assert [each.reason for each in session.exec(select(SignInFailure)).all()] == ["password"] * 4


def test_of_many_wrong_passwords_at_once_five_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    complete(setup_token())
    monkeypatch.setattr(doors, "_WAITS", (0.05,) * 400)
    found = all_at_once(*["wrong password here"] * 10)
    assert (found.count(Unauthenticated), found.count(RateLimited)) == (5, 5)
    assert all_at_once(PASSWORD) == [RateLimited]


def test_a_right_password_for_somebody_elses_workspace_is_a_failure() -> None:
    complete(setup_token())
    signing_in = doors.sign_in(email="ada@example.com", password=PASSWORD, workspace="Other", caller=Caller("10.0.0.1", "", "req_1"))
    with pytest.raises(Unauthenticated, match="not a member"):
        asyncio.run(signing_in)
    with db.transaction() as session:
        assert [each.reason for each in session.exec(select(SignInFailure)).all()] == ["workspace"]


def test_no_password_is_hashed_for_who_has_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    setup, hashed = setup_token(), list[str]()
    monkeypatch.setattr(passwords, "hash_password", lambda password: hashed.append(password) or "x")
    person = {"name": "Ada", "email": "ada@example.com", "password": PASSWORD}

    def set_up(token: str) -> None:
        asyncio.run(doors.set_up(token=token, workspace="Acme", caller=Caller("10.0.0.9", "", "req_0"), **person))

    with pytest.raises(Unauthenticated, match="Restart Crossdock"):
        set_up("xdu_junk")
    assert hashed == []
    set_up(setup)
    with pytest.raises(Conflict):
        set_up(setup)
    owner = accounts.workspace()
    with db.transaction(write=True) as session:
        _, invitation = members.invite(session, actor=owner, role=Role.SUPPORT, email="sam@example.com")
    for token, email in (("xdi_junk", "sam@example.com"), (invitation, "eve@example.com")):
        with pytest.raises(Unauthenticated):
            asyncio.run(doors.accept_invitation(token=token, **{**person, "email": email}))
    assert hashed == [PASSWORD]
    asyncio.run(doors.accept_invitation(token=invitation, **{**person, "email": "sam@example.com"}))
    assert hashed == [PASSWORD] * 2
