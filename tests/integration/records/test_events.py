"""What a change of a record publishes: in its transaction, once in general and once by name, and what rules add."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from backend.core import clock, db
from backend.core.errors import Invalid
from backend.event_types import service as event_types
from backend.events import outcomes
from backend.models import Delivery, Event, RecordDue
from backend.records import jobs
from backend.records import service as records
from backend.webhooks import service as webhooks
from tests.factories import accounts
from tests.integration.records.steps import change, define, install, make, published, read, remove
from tests.integration.records.test_records import count

pytestmark = pytest.mark.usefixtures("database", "redis")


def types(actor: Any) -> list[str]:
    return [name for name, _ in published(actor) if not name.startswith("module.")]


def soon(**ahead: float) -> str:
    return clock.rfc3339(clock.now() + timedelta(**ahead))


def test_the_data_is_flat_and_named_as_receivers_of_the_module_read_it() -> None:
    actor = accounts.workspace()
    install(actor)
    made = make(actor, "contacts", firstName="Ada", last_name="Byron", email="ada@example.com")
    change(actor, made["id"], "contacts", lastName="Lovelace")
    remove(actor, made["id"], "contacts")
    events = [(name, data) for name, data in published(actor) if not name.startswith("module.")]
    assert [name for name, _ in events] == [
        "record.created", "contact.created", "record.updated", "contact.updated", "record.deleted", "contact.deleted",
    ]  # fmt: skip
    created, updated, deleted = events[0][1], events[2][1], events[4][1]
    assert created == events[1][1]
    assert created == {"id": made["id"], "module": "contacts", "firstName": "Ada", "lastName": "Byron", "fullName": None} | {
        name: created[name] for name in ("email", "phone", "companyName", "jobTitle", "address", "source", "notes")
    }
    assert updated == created | {"lastName": "Lovelace", "previous": {"lastName": "Byron"}}
    assert deleted == created | {"lastName": "Lovelace"}
    assert made["first_name"] == "Ada"


def test_a_webhook_on_everything_gets_only_the_event_by_name_and_is_told_why() -> None:
    actor = accounts.workspace()
    install(actor)
    with db.transaction(write=True) as session:
        hooks = {
            name: webhooks.create(session, actor=actor, input=webhooks.WebhookInput(url="https://example.com/h", events=list(events)))[0].id
            for name, events in {"star": ["*"], "both": ["*", "record.created"], "group": ["record.*"], "name": ["contact.created"]}.items()
        }
    make(actor, "contacts", email="ada@example.com")
    with db.transaction() as session:
        sent = {(row.webhook_id, row.event_type) for row in session.exec(select(Delivery)).all()}
        general = session.exec(select(Event).where(Event.type == "record.created")).one()
        told = outcomes.outcome(session, actor=actor, event_id=general.id, webhook_id=hooks["star"])
    assert sent == {
        (hooks["star"], "contact.created"), (hooks["both"], "contact.created"), (hooks["both"], "record.created"),
        (hooks["group"], "record.created"), (hooks["name"], "contact.created"),
    }  # fmt: skip
    assert (told.outcome, "more specific" in told.sentence) == ("not_subscribed", True)


def test_what_fails_publishes_nothing() -> None:
    actor = accounts.workspace()
    define(actor)
    before = published(actor)
    with pytest.raises(Invalid):
        make(actor, title="One", amount="ten")
    with contextlib.suppress(RuntimeError), db.transaction(write=True) as session:
        records.create(session, actor=actor, module="things", values={"title": "One"})
        raise RuntimeError("after all")
    assert published(actor) == before


def test_rules_publish_when_a_record_is_made_a_field_changes_and_a_field_becomes_a_value() -> None:
    actor = accounts.workspace()
    fields = [{"name": "title", "type": "text"}, {"name": "status", "type": "select", "options": ["open", "done"], "default": "open"}]
    rules = [
        {"when": "created", "publish": "ALERT_TRIGGERED"},
        {"when": "changes", "field": "title", "publish": "workflow.transitioned"},
        {"when": "becomes", "field": "status", "value": "done", "publish": "task.completed"},
    ]
    define(actor, fields=fields, rules=rules)
    made = make(actor, title="One")
    assert types(actor) == ["record.created", "thing.created", "ALERT_TRIGGERED", "workflow.transitioned"]
    change(actor, made["id"], status="DONE")
    assert types(actor)[4:] == ["record.updated", "thing.updated", "task.completed"]
    change(actor, made["id"], title=None)
    assert types(actor)[7:] == ["record.updated", "thing.updated"]
    change(actor, made["id"], status="open", title="Two")
    assert types(actor)[9:] == ["record.updated", "thing.updated", "workflow.transitioned"]


def test_tasks_and_tickets_of_the_crm_publish_what_the_older_systems_did() -> None:
    actor = accounts.workspace()
    for name in ("crm", "erp", "social"):
        install(actor, name)
    for module, values in {
        "leads": {"source": "Website", "score": 85},
        "opportunities": {"name": "Acme renewal"},
        "tasks": {"subject": "Call Ada", "status": "done"},
        "tickets": {"subject": "Cannot sign in"},
        "forms": {"form_id": "invoices", "status": "submitted"},
        "workflows": {"name": "Invoice", "state": "draft"},
        "gl_entries": {"debit": "4000", "credit": "1200", "amount": 5, "status": "posted"},
        "approvals": {"approver": "sam"},
        "mentions": {"text": "Loving this."},
        "messages": {"text": "Are you open?"},
        "conversations": {"assigned_to": "mary"},
        "alerts": {"keyword": "crossdock"},
        "campaigns": {"name": "Spring", "status": "started"},
        "posts": {"content": "x", "approval": "requested"},
    }.items():
        make(actor, module, **values)
    assert set(types(actor)) >= {
        "lead.created", "opportunity.created", "task.completed", "ticket.created", "form.submitted", "workflow.transitioned",
        "gl.posted", "approval.requested", "MENTION_RECEIVED", "MESSAGE_RECEIVED", "CONVERSATION_ASSIGNED", "ALERT_TRIGGERED",
        "CAMPAIGN_STARTED", "APPROVAL_REQUESTED",
    }  # fmt: skip


def test_a_type_that_was_archived_is_published_no_more_and_fails_nothing() -> None:
    actor = accounts.workspace()
    define(actor)
    with db.transaction(write=True) as session:
        event_types.archive(session, actor=actor, name="thing.created")
    make(actor, title="One")
    assert types(actor) == ["record.created"]


def test_a_scheduled_post_is_published_when_due_and_one_without_content_fails() -> None:
    actor = accounts.workspace()
    install(actor, "social")
    at = soon(seconds=-1)
    good = make(actor, "posts", content="Our new menu is out.", platforms=["X"], scheduled_at=at)
    bad = make(actor, "posts", content="No platform", scheduled_at=at)
    later = make(actor, "posts", content="Later", platforms=["X"], scheduled_at=soon(hours=1))
    moved = make(actor, "posts", content="Moved", platforms=["X"], scheduled_at=at)
    change(actor, moved["id"], "posts", scheduled_at=soon(hours=2))
    cleared = make(actor, "posts", content="Cleared", platforms=["X"], scheduled_at=at)
    change(actor, cleared["id"], "posts", scheduled_at=None)
    assert types(actor).count("POST_SCHEDULED") == 6
    for _ in range(2):
        jobs.act()
    by_type = {name: data for name, data in published(actor) if name in {"POST_PUBLISHED", "POST_FAILED"}}
    assert [types(actor).count(name) for name in ("POST_PUBLISHED", "POST_FAILED")] == [1, 1]
    assert (by_type["POST_PUBLISHED"]["id"], by_type["POST_PUBLISHED"]["content"]) == (good["id"], "Our new menu is out.")
    assert by_type["POST_PUBLISHED"]["publishedAt"] == read(actor, good["id"], "posts")["published_at"] is not None
    assert (by_type["POST_FAILED"]["id"], by_type["POST_FAILED"]["error"]) == (bad["id"], "A post needs content and a platform.")
    statuses = [read(actor, one["id"], "posts")["status"] for one in (good, bad, later, moved, cleared)]
    assert statuses == ["published", "failed", "draft", "draft", "draft"]
    assert count(RecordDue) == 2
    remove(actor, later["id"], "posts")
    assert count(RecordDue) == 1
