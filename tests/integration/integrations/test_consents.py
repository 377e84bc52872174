"""A consent ends once, in the browser and for the user that began it, at the address and provider that it was begun with."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlmodel import col, select

from backend.accounts import cookies, sessions
from backend.core import clock, crypto, db
from backend.core.actor import Actor, Role
from backend.core.errors import Conflict, Invalid
from backend.integrations import calls, connection, failures, flows, service
from backend.integrations.failures import Kind
from backend.integrations.flows import Answer, Browser
from backend.integrations.values import Ended
from backend.models import Integration, IntegrationEvent, IntegrationState, SandboxGrant, User
from backend.sandbox import clients
from tests.factories import accounts, consents, switches

# Where answers are stored is told by other tests, on both databases.
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def signed_in(actor: Actor) -> tuple[Actor, str]:
    """The actor in a browser of its own, and the token in that browser's cookie."""
    with db.transaction(write=True) as session:
        user = session.get_one(User, actor.id)
        token, row = sessions.open_session(session, user, workspace_id=actor.workspace_id, ip="", user_agent="", kind="console")
        return dataclasses.replace(actor, session_id=row.id), token


def last_event(row: Integration) -> IntegrationEvent:
    """The newest moment of the timeline."""
    with db.transaction() as session:
        query = select(IntegrationEvent).where(IntegrationEvent.integration_id == row.id).order_by(col(IntegrationEvent.id).desc())
        return session.exec(query.limit(1)).one()


def refused(done: Ended, kind: Kind, words: str) -> None:
    """The consent was refused, for this reason, with a next step."""
    assert done.failure is not None
    assert (done.failure.kind, words in done.failure.cause) == (kind, True), done.failure
    assert done.failure.next_step


def test_a_browser_is_led_back_to_the_page_of_the_integration(owner: Actor, origin: str) -> None:
    person, token = signed_in(owner)
    row = consents.integration(owner)
    location = consents.consent(consents.begin(person, row, in_browser=True))
    assert location.startswith(f"{origin}/api/v1/integrations/oauth/callback?code=")
    answer = httpx.get(location, headers={"cookie": f"{cookies.NAME}={token}"}, timeout=20)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == f"/settings/integrations/{row.id}?connected=1"
    assert consents.read(row).status == "active"


def test_a_state_works_once(owner: Actor) -> None:
    row = consents.integration(owner)
    location = consents.consent(consents.begin(owner, row))
    assert consents.finish(location).failure is None
    refused(consents.finish(location), Kind.STATE, "used already")
    assert consents.read(row).status == "active"


def test_a_state_that_was_never_given_is_refused(owner: Actor) -> None:
    del owner
    refused(flows.finish_consent(answer=Answer(state="made up", code="c"), browser=None, came_to=None), Kind.STATE, "does not belong")


def test_a_state_ends_after_ten_minutes(owner: Actor) -> None:
    row = consents.integration(owner)
    location = consents.consent(consents.begin(owner, row))
    with db.transaction(write=True) as session:
        session.exec(select(IntegrationState)).one().expires_at = clock.now() - timedelta(seconds=1)
    refused(consents.finish(location), Kind.STATE, "ten minutes")
    assert consents.read(row).status == "pending"


def test_another_browser_cannot_end_a_consent(owner: Actor, origin: str) -> None:
    person, _ = signed_in(owner)
    _, elsewhere = signed_in(owner)
    row = consents.integration(owner)
    for cookie in (elsewhere, ""):
        location = consents.consent(consents.begin(person, row, in_browser=True))
        answer = httpx.get(location, headers={"cookie": f"{cookies.NAME}={cookie}"} if cookie else {}, timeout=20)
        assert answer.headers["location"] == f"/settings/integrations/{row.id}?failed=state", origin
        assert "another browser" in last_event(row).summary
    assert consents.read(row).status == "pending"


def test_another_user_cannot_end_a_consent(owner: Actor) -> None:
    person, _ = signed_in(owner)
    with db.transaction(write=True) as session:
        other = accounts.member(session, owner.workspace_id, Role.ADMIN)
    stranger, _ = signed_in(other)
    row = consents.integration(owner)
    for in_browser in (True, False):
        location = consents.consent(consents.begin(person, row, in_browser=in_browser))
        refused(consents.finish(location, Browser(stranger.id, stranger.session_id)), Kind.STATE, "another user")
    assert consents.read(row).status == "pending"


def test_an_answer_at_another_address_is_refused(owner: Actor) -> None:
    row = consents.integration(owner)
    location = consents.consent(consents.begin(owner, row))
    done = flows.finish_consent(answer=consents.answer_of(location), browser=None, came_to="https://elsewhere.example.com/callback")
    refused(done, Kind.MIX_UP, "another address")


@pytest.mark.parametrize("uri", ["http://localhost.evil.example/x", "http://localhost@evil.example/", "https://partner@evil.example/"])
def test_a_redirect_uri_leads_where_it_seems_to(owner: Actor, uri: str) -> None:
    with db.transaction(write=True) as session:
        service.set_redirect_uris(session, actor=owner, uris=["http://localhost:3000/callback", "http://127.0.0.1"])
        with pytest.raises(Invalid, match="browser"):
            service.set_redirect_uris(session, actor=owner, uris=[uri])


def test_a_redirect_uri_must_be_ours_or_one_that_the_workspace_allows(owner: Actor, origin: str) -> None:
    row = consents.integration(owner)
    with pytest.raises(Invalid, match="not one that this workspace allows"):
        consents.begin(owner, row, redirect_uri="https://evil.example.com/callback")
    with db.transaction(write=True) as session:
        service.set_redirect_uris(session, actor=owner, uris=["https://partner.example.com/callback"])
    location = consents.consent(consents.begin(owner, row, redirect_uri="https://partner.example.com/callback"))
    assert location.startswith("https://partner.example.com/callback?code=")
    body = {"state": consents.answer_of(location).state, "code": consents.answer_of(location).code, "iss": f"{origin}/sandbox"}
    answer = httpx.post(f"{origin}/api/v1/integrations/oauth/callback", json=body, timeout=20)
    assert answer.json()["success"], answer.text
    assert answer.json()["account"]["name"] == "ada@sandbox.example"
    again = httpx.post(f"{origin}/api/v1/integrations/oauth/callback", json=body, timeout=20)
    assert (again.status_code, again.json()["errors"][0]["path"]) == (422, "state")


def test_an_answer_of_another_provider_is_refused(owner: Actor, origin: str) -> None:
    config = {"client_id": "1.2", "client_secret": "s" * 32, "token_url": "https://slack.example.com/token"}
    elsewhere = consents.integration(owner, "slack", config=config)
    assert connection.redirect_uri(elsewhere.id, "slack", elsewhere.config).endswith(f"/callback/{elsewhere.id}")
    row = consents.integration(owner)
    for issuer, words in (("https://accounts.google.com", "is from 'https://accounts.google.com'"), (None, "does not say")):
        answer = dataclasses.replace(consents.answer_of(consents.consent(consents.begin(owner, row))), issuer=issuer)
        done = flows.finish_consent(answer=answer, browser=None, came_to=f"{origin}/api/v1/integrations/oauth/callback")
        refused(done, Kind.MIX_UP, words)
    with db.transaction() as session:  # no code was traded
        assert all(grant.code_used_at is None for grant in session.exec(select(SandboxGrant)).all())


def test_a_custom_provider_cannot_answer_in_the_place_of_another(owner: Actor, origin: str) -> None:
    config = {
        "authorization_address": f"{origin}/sandbox/oauth/authorize",
        "token_address": f"{origin}/sandbox/oauth/token",
        "client_id": "sandbox-x",
    }
    evil = consents.integration(owner, "custom", auth="oauth2", config=config, credentials={"client_secret": "s" * 20})
    state = dict(httpx.URL(consents.begin(owner, evil)).params)["state"]
    honest = consents.answer_of(consents.consent(consents.begin(owner, consents.integration(owner))))
    answer = dataclasses.replace(honest, state=state)  # the honest provider's code, brought to the evil one's consent
    done = flows.finish_consent(answer=answer, browser=None, came_to=f"{origin}/api/v1/integrations/oauth/callback")
    refused(done, Kind.MIX_UP, "another address")


def test_a_custom_provider_connects_without_an_address_for_the_test(owner: Actor, origin: str) -> None:
    client = clients.of(owner.workspace_id)
    config = {
        "authorization_address": f"{origin}/sandbox/oauth/authorize",
        "token_address": f"{origin}/sandbox/oauth/token",
        "client_id": client.client_id,
    }
    made = consents.integration(
        owner, "custom", auth="oauth2", config=config, credentials={"client_secret": client.client_secret.get_secret_value()}
    )
    with db.transaction(write=True) as session:
        back = connection.redirect_uri(made.id, "custom", made.config)
        service.set_redirect_uris(session, actor=owner, uris=[back])
    row = consents.connect(owner, made)
    assert (row.status, row.connected_at is not None, row.tested_at) == ("active", True, None)
    with pytest.raises(Conflict, match="no address for a test"):
        flows.test(actor=owner, integration_id=row.id)
    assert consents.read(row).status == "active"  # the missing address is no failure of the connection


def test_denied_access_says_so_and_leaves_what_was_connected(owner: Actor) -> None:
    row = consents.connect(owner)
    refused(consents.finish(consents.consent(consents.begin(owner, row), answer="deny")), Kind.CONSENT_DENIED, "denied")
    assert consents.read(row).status == "active"
    switches.switch(owner, deny_consent=True)
    fresh = consents.integration(owner)
    refused(consents.finish(consents.consent(consents.begin(owner, fresh))), Kind.CONSENT_DENIED, "denied")
    after = consents.read(fresh)
    assert (after.status, after.error_class) == ("pending", "consent_denied")


def test_another_account_is_refused_and_its_grant_ended(owner: Actor) -> None:
    row = consents.connect(owner)
    done = consents.finish(consents.consent(consents.begin(owner, row), person="grace"))
    refused(done, Kind.CHANGED_ACCOUNT, "grace@sandbox.example")
    after = consents.read(row)
    assert (after.status, after.account_name) == ("active", "ada@sandbox.example")
    with db.transaction() as session:
        ended = {grant.person: grant.revoked_at is not None for grant in session.exec(select(SandboxGrant)).all()}
    assert ended == {"ada": False, "grace": True}


def test_a_scope_that_was_not_granted_is_shown(owner: Actor) -> None:
    switches.switch(owner, drop_scope="calendar")
    row = consents.integration(owner)
    done = consents.finish(consents.consent(consents.begin(owner, row)))
    assert done.missing_scopes == ("calendar",)
    assert "did not grant calendar" in last_event(row).summary


def test_an_answer_that_comes_after_disconnecting_connects_nothing(owner: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    row, ask = consents.connect(owner), calls.test

    def late(*about: Any) -> calls.Account:
        account = ask(*about)
        flows.disconnect(actor=owner, integration_id=row.id)
        return account

    monkeypatch.setattr(calls, "test", late)
    flows.test(actor=owner, integration_id=row.id)
    now = consents.read(row)
    assert (now.status, now.connected_at, now.account_id) == ("pending", None, "")


def test_a_call_that_is_refused_while_somebody_reconnects_is_made_again(owner: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    row, ask = consents.connect(owner), calls.test
    with db.transaction(write=True) as session:
        session.get_one(Integration, row.id).refresh_class = "never"
    asked: list[int] = []

    def refused_first(*about: Any) -> calls.Account:
        asked.append(len(asked))
        if len(asked) == 1:
            consents.connect(owner, row)
            raise failures.failed(Kind.UNAUTHORIZED, "The old token is no longer good.")
        return ask(*about)

    monkeypatch.setattr(calls, "test", refused_first)
    assert flows.test(actor=owner, integration_id=row.id).success
    assert (consents.read(row).status, len(asked)) == ("active", 3)


def test_states_and_verifiers_are_not_stored_as_they_are(owner: Actor) -> None:
    row = consents.integration(owner)
    url = consents.begin(owner, row)
    state = dict(httpx.URL(url).params)["state"]
    with db.transaction() as session:
        kept = session.exec(select(IntegrationState)).one()
    assert state not in str(kept.model_dump())
    assert crypto.key_id_of(kept.verifier_sealed or "") == crypto.keyring().current_id
    assert len(state) >= 22  # 128 bits and more


def test_the_page_of_the_sandbox_refuses_what_it_cannot_answer_by_a_redirect(owner: Actor, origin: str) -> None:
    url = httpx.URL(consents.begin(owner, consents.integration(owner)))
    wrong = {"redirect_uri": "https://evil.example.com/", "client_id": "sandbox-nobody", "code_challenge": ""}
    for name, value in wrong.items():
        answer = httpx.get(url.copy_set_param(name, value), timeout=20)
        assert answer.status_code == 400, (name, origin)
        assert "form-action 'self'" in answer.headers["content-security-policy"]
