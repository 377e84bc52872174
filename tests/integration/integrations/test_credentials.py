"""What is entered is parted, sealed, shown as dots; the installation's own OAuth clients are lent to their providers alone."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from sqlmodel import select

from backend.core import db
from backend.core.actor import Actor
from backend.core.errors import Invalid
from backend.integrations import connection, flows, service, vault
from backend.integrations.schemas import IntegrationOut
from backend.integrations.values import IntegrationInput
from backend.models import AuditEntry, Integration, IntegrationEvent
from backend.settings import settings
from tests.factories import accounts, consents

pytestmark = [pytest.mark.usefixtures("redis"), pytest.mark.parametrize("database", ["sqlite"], indirect=True)]
SECRET = "sk_live_4fQ0cVb7Hq2mZ0rXc5"


@pytest.fixture
def caller(database: db.Database, monkeypatch: pytest.MonkeyPatch) -> Actor:
    """The owner of a workspace, on an installation with OAuth clients of its own."""
    assert database.is_sqlite
    monkeypatch.setenv("SLACK_CLIENT_ID", "slack-id")
    monkeypatch.setenv("SLACK_CLIENT_SECRET", "slack-secret-of-the-operator")
    monkeypatch.setenv("SALESFORCE_CLIENT_ID", "salesforce-id")
    monkeypatch.setenv("SALESFORCE_CLIENT_SECRET", "salesforce-secret-of-the-operator")
    settings.cache_clear()
    return accounts.workspace()


def opened(row: Integration) -> connection.Connection:
    """The connection of an integration."""
    with db.transaction() as session:
        return connection.of(session, session.get_one(Integration, row.id))


@pytest.mark.parametrize("place", ["credentials", "config", "given"])
def test_a_secret_is_sealed_wherever_it_was_sent(caller: Actor, place: str) -> None:
    row = consents.integration(caller, "stripe", **{place: {"apiKey": SECRET}})
    shown = IntegrationOut.of(row).model_dump_json()
    assert SECRET not in shown
    assert row.config == {}
    assert row.hints == {"api_key": "••••rXc5"}
    assert opened(row).secrets == {"api_key": SECRET}
    with db.transaction() as session:
        told = [str(each.model_dump()) for each in (*session.exec(select(AuditEntry)).all(), *session.exec(select(IntegrationEvent)).all())]
    assert not [each for each in told if SECRET in each]


def test_dots_that_come_back_change_nothing(caller: Actor) -> None:
    row = consents.integration(caller, "stripe", credentials={"api_key": SECRET})
    with db.transaction(write=True) as session:
        service.update(session, actor=caller, integration_id=row.id, changes={"name": "Other", "credentials": dict(row.hints)})
    assert opened(row).secrets == {"api_key": SECRET}
    assert consents.read(row).name == "Other"


def test_every_mistake_is_told_at_once(caller: Actor) -> None:
    wrong: dict[str, Any] = {"account_sid": "AC1", "colour": "red"}
    with pytest.raises(Invalid) as refused:
        consents.integration(caller, "twilio", config=wrong, type="crm", scopes=["two words"])
    assert {each.path for each in refused.value.errors} == {"account_sid", "auth_token", "colour", "type", "scopes"}


def test_an_error_that_repeats_a_credential_is_kept_without_it(
    caller: Actor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    row = consents.integration(caller, "stripe", credentials={"api_key": SECRET})

    def refuse(found: connection.Connection, *_: object) -> None:
        raise flows.failures.failed(flows.Kind.UNAUTHORIZED, f"Invalid API key: {found.secrets['api_key']}.")

    monkeypatch.setattr(flows.calls, "test", refuse)
    tested = flows.test(actor=caller, integration_id=row.id)
    assert tested.message == "Invalid API key: ••••."
    after = consents.read(row)
    assert (after.status, after.status_reason) == ("needs_reconnect", "Invalid API key: ••••.")
    assert SECRET not in caplog.text


def test_the_operators_client_is_lent_to_the_providers_own_addresses_alone(caller: Actor) -> None:
    own = consents.integration(caller, "slack", auth="oauth2")
    assert opened(own).values["client_secret"] == "slack-secret-of-the-operator"
    for provider, config in (
        ("slack", {"token_url": "https://evil.example.com/token"}),
        ("slack", {"revocation_url": "https://evil.example.com/revoke"}),
        ("salesforce", {"hostname": "evil.example.com"}),
    ):
        with pytest.raises(Invalid, match="client_secret"):
            consents.integration(caller, provider, auth="oauth2", config=config)
    with db.transaction(write=True) as session:
        service.update(session, actor=caller, integration_id=own.id, changes={"config": {"token_url": "https://evil.example.com/token"}})
    assert "client_secret" not in opened(own).values
    mine = consents.integration(
        caller, "salesforce", config={"hostname": "acme.my.salesforce.com", "client_id": "mine"}, credentials={"client_secret": "mine-too"}
    )
    assert opened(mine).values["client_secret"] == "mine-too"


def test_unsaved_credentials_are_tried_and_forgotten(caller: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows.calls, "test", lambda *_: flows.calls.Account("acct_1", "Acme"))
    tested = flows.test_unsaved(actor=caller, input=IntegrationInput(provider="stripe", credentials={"api_key": SECRET}))
    assert (tested.success, tested.account) == (True, flows.calls.Account("acct_1", "Acme"))
    with db.transaction() as session:
        assert session.exec(select(Integration)).all() == []
        assert vault.FIELDS == "fields"


def test_what_is_stored_is_not_sent_to_a_host_that_it_was_not_entered_for(caller: Actor) -> None:
    row = consents.integration(caller, "stripe", credentials={"api_key": SECRET})
    elsewhere = {"config": {"test_url": "https://stripe.example.net/v1/account"}}
    with pytest.raises(Invalid) as refused, db.transaction(write=True) as session:
        service.update(session, actor=caller, integration_id=row.id, changes=elsewhere)
    (error,) = refused.value.errors
    assert (error.path, error.message) == ("test_url", "leads to stripe.example.net, which the stored credentials were not entered for.")
    assert error.fix == "Send api_key again in the same change."
    with db.transaction(write=True) as session:
        service.update(session, actor=caller, integration_id=row.id, changes={**elsewhere, "credentials": {"api_key": f"{SECRET}2"}})
        same_host = {"test_url": "https://stripe.example.net/v2/account"}
        service.update(session, actor=caller, integration_id=row.id, changes={"config": same_host})
    assert opened(row).secrets == {"api_key": f"{SECRET}2"}


def test_a_setting_that_is_a_part_of_a_host_is_an_address_too(caller: Actor) -> None:
    row = consents.integration(caller, "salesforce", config={"client_id": "of-ours"}, credentials={"client_secret": SECRET})
    with pytest.raises(Invalid, match=r"leads to sales\.example\.net") as refused, db.transaction(write=True) as session:
        service.update(session, actor=caller, integration_id=row.id, changes={"config": {"hostname": "sales.example.net"}})
    assert refused.value.errors[0].path == "hostname"
    with db.transaction(write=True) as session:
        service.update(session, actor=caller, integration_id=row.id, changes={"config": {"client_id": "another.of.ours"}})


def test_tokens_are_not_sent_to_a_host_that_they_were_not_given_for(caller: Actor) -> None:
    row = consents.integration(caller, "slack")
    with db.transaction(write=True) as session:
        vault.store(session, session.get_one(Integration, row.id), vault.TOKENS, {"access_token": "xoxb-of-theirs"})
    with pytest.raises(Invalid, match="tokens were not given for") as refused, db.transaction(write=True) as session:
        service.update(session, actor=caller, integration_id=row.id, changes={"config": {"message_url": "https://slack.example.net/post"}})
    assert refused.value.errors[0].fix.startswith("Disconnect the integration first")
