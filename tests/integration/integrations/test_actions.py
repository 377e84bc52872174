"""What integrations do at their providers: messages to Slack, calendar events, mail; each with what the provider is sent."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import httpx
import pytest
from sqlmodel import func, select

from backend.api_keys import service as api_keys
from backend.api_keys.service import KeyInput
from backend.core import clock, db
from backend.core.actor import Actor
from backend.core.errors import Conflict, Invalid, RateLimited, Unavailable
from backend.integrations import actions
from backend.models import IdempotencyRecord, SandboxItem
from backend.records import modules
from backend.records import service as records
from tests.factories import consents, switches
from tests.factories.fakes_of_providers import made, sign_in
from tests.fakes.provider import Provider

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
Serving = tuple[str, list[Provider]]


def sent(fake: Provider) -> dict[str, object]:
    """The body of the last thing done."""
    return json.loads(fake.acted[-1].body)


def test_slack_takes_texts_leads_and_tickets(caller: Actor, serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    row, fake = made(caller, serving, monkeypatch, "slack", "oauth2")
    sign_in(caller, row, fake)
    fake.acts = True
    text = "Ring <@U1> about {client_secret}"
    done = actions.send_message(actor=caller, integration_id=row.id, text=text, channel="#sales")
    assert done.id == "1.1"
    assert sent(fake) == {"channel": "#sales", "text": text}  # what somebody wrote is no template
    assert fake.acted[-1].headers["authorization"] == f"Bearer {fake.access}"
    lead = {"firstName": "Ada", "source": "<!channel>", "score": 85}
    actions.send_message(actor=caller, integration_id=row.id, kind="new_lead", data=lead, channel="#sales")
    blocks = json.dumps(sent(fake)["blocks"])
    assert "New lead" in blocks
    assert "&lt;!channel&gt;" in blocks
    assert "<!channel>" not in blocks
    with pytest.raises(Invalid, match="data"):
        actions.send_message(actor=caller, integration_id=row.id, kind="new_ticket", channel="#sales")
    fake.answers = [(200, {"ok": False, "error": "channel_not_found"}), (429, {"ok": False, "error": "ratelimited"}), (503, {})]
    for refusal in (Conflict, RateLimited, Unavailable):
        with pytest.raises(refusal, match="Slack"):
            actions.send_message(actor=caller, integration_id=row.id, text="again", channel="#none")


def test_slack_takes_messages_by_webhook_too(caller: Actor, serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    row, fake = made(caller, serving, monkeypatch, "slack", "webhook")
    taken: list[bytes] = []
    monkeypatch.setattr(fake, "answer", lambda asked: (taken.append(asked.body), (200, "ok", {}))[1])
    actions.send_message(
        actor=caller, integration_id=row.id, kind="failing_webhook", data={"name": "Orders", "error": "503"}, text="{webhook_url}"
    )
    assert json.loads(taken[0])["text"] == "A webhook is failing\nName: Orders\nError: 503\n{webhook_url}"
    assert consents.read(row).status == "active"


def test_a_task_becomes_one_event(caller: Actor, serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    row, fake = made(caller, serving, monkeypatch, "google_calendar", "oauth2")
    sign_in(caller, row, fake)
    fake.acts = True
    with db.transaction(write=True) as session:
        modules.install(session, actor=caller, name="crm")
        values = {"subject": "Call Grace", "due_at": "2026-12-01T10:00:00Z"}
        task = records.create(session, actor=caller, module="tasks", values=values).id
    actions.create_event(actor=caller, integration_id=row.id, task_id=task)
    first = sent(fake)
    assert first["summary"] == "Call Grace"
    assert first["start"] == {"dateTime": "2026-12-01T10:00:00+00:00"}
    assert first["end"] == {"dateTime": "2026-12-01T10:30:00+00:00"}
    fake.answers = [(409, {"error": {"message": "duplicate"}})]
    again = actions.create_event(actor=caller, integration_id=row.id, task_id=task)
    assert sent(fake)["id"] == first["id"]
    assert "already" in again.message
    actions.create_event(
        actor=caller, integration_id=row.id, summary="Review", start={"dateTime": "2026-12-01T10:00:00Z"}, attendees=["grace@example.com"]
    )
    assert sent(fake)["attendees"] == [{"email": "grace@example.com"}]
    with pytest.raises(Invalid, match="end"):
        actions.create_event(actor=caller, integration_id=row.id, summary="x", start="2026-12-01T10:00:00Z", end="2026-12-01T09:00:00Z")
    for start in ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"):
        with pytest.raises(Invalid, match="start: is no time"):
            actions.create_event(actor=caller, integration_id=row.id, summary="x", start=start)


def test_gmail_lists_and_sends(caller: Actor, serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    row, fake = made(caller, serving, monkeypatch, "gmail", "oauth2")
    sign_in(caller, row, fake)
    fake.acts = True
    headers = [{"name": "Subject", "value": "Hello"}, {"name": "From", "value": "grace@example.com"}]
    fake.answers = [
        (200, {"messages": [{"id": "m1"}], "nextPageToken": "p2"}),
        (200, {"id": "m1", "snippet": "Dear Ada", "payload": {"headers": headers}}),
    ]
    page = actions.list_emails(actor=caller, integration_id=row.id, q="from:grace", limit=1)
    assert [(mail.id, mail.subject, mail.sender) for mail in page.data] == [("m1", "Hello", "grace@example.com")]
    assert page.cursor == "p2"
    assert fake.acted[0].query == {"maxResults": "1", "q": "from:grace"}
    actions.send_email(actor=caller, integration_id=row.id, to=["grace@example.com"], subject="Grüße", text="Hello, {access_token}")
    raw = base64.urlsafe_b64decode(str(sent(fake)["raw"])).decode()
    assert "To: grace@example.com" in raw
    assert "Hello, {access_token}" in raw
    for wrong in ({"to": ["Grace <g@example.com>"]}, {"to": []}, {"subject": "a\r\nBcc: evil@example.com"}):
        with pytest.raises(Invalid):
            actions.send_email(**{"actor": caller, "integration_id": row.id, "to": ["g@example.com"], "subject": "s", "text": "t", **wrong})


def test_outlook_lists_and_sends(caller: Actor, serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    row, fake = made(caller, serving, monkeypatch, "microsoft_outlook", "oauth2")
    sign_in(caller, row, fake)
    fake.acts = True
    mail = {"id": "m1", "subject": "Hello", "from": {"emailAddress": {"address": "grace@example.com"}}, "bodyPreview": "Dear Ada"}
    fake.answers = [(200, {"value": [mail], "@odata.nextLink": "more"}), (202, {})]
    page = actions.list_emails(actor=caller, integration_id=row.id, limit=1)
    assert [(each.subject, each.sender, each.preview) for each in page.data] == [("Hello", "grace@example.com", "Dear Ada")]
    assert page.cursor == "1"
    fake.answers = [(200, {"value": "none of ours"}), (202, {})]
    assert actions.list_emails(actor=caller, integration_id=row.id, cursor="\u00b2").data == []
    actions.send_email(actor=caller, integration_id=row.id, to=["grace@example.com"], subject="Hello", text="There")
    assert sent(fake)["message"] == {
        "subject": "Hello",
        "body": {"contentType": "Text", "content": "There"},
        "toRecipients": [{"emailAddress": {"address": "grace@example.com"}}],
        "ccRecipients": [],
    }


def test_what_a_provider_cannot_do_is_said(caller: Actor, serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    row, _ = made(caller, serving, monkeypatch, "stripe", "api_key")
    with pytest.raises(Conflict, match="Stripe cannot do this"):
        actions.send_message(actor=caller, integration_id=row.id, text="x", channel="#y")


def test_a_message_with_a_key_is_sent_once_and_a_key_that_failed_is_free_again(owner: Actor, origin: str) -> None:
    row = consents.connect(owner)
    with db.transaction(write=True) as session:
        _, token = api_keys.create(session, actor=owner, input=KeyInput(name="Sender", scopes=["integrations:write"]))

    def send(text: str, key: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        return httpx.post(f"{origin}/api/v1/integrations/{row.id}/messages", json={"text": text}, headers=headers, timeout=20)

    switches.switch(owner, api_error="500")
    assert send("Hello", "one").status_code == 503
    switches.switch(owner, api_error="")
    first, again = send("Hello", "one"), send("Hello", "one")
    assert (first.status_code, again.status_code, again.headers.get("Idempotency-Replayed")) == (200, 200, "true")
    assert first.json() == again.json()
    assert send("Other", "one").status_code == 409
    with db.transaction(write=True) as session:
        assert session.exec(select(func.count()).select_from(SandboxItem)).one() == 1
        kept = session.exec(select(IdempotencyRecord)).one()
        kept.state, kept.created_at = "running", clock.now() - timedelta(minutes=3)  # as after a kill
    cut_off = send("Hello", "one")
    assert cut_off.status_code == 409
    assert "not known" in cut_off.json()["detail"]
