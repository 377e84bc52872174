"""Webhooks are made, read, changed and deleted; every change is counted, noted and audited."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from sqlmodel import Session, select

from backend.core import db, ids
from backend.core.actor import Actor, ActorKind, Role
from backend.core.errors import Forbidden, Invalid, NotFound
from backend.models import Webhook
from backend.webhooks import secrets, service
from backend.webhooks.service import Status, WebhookInput
from tests.integration.webhooks.conftest import URL, World

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_a_webhook_is_created_with_defaults_a_secret_and_a_lane(world: World):
    with db.transaction(write=True) as session:
        webhook, secret = service.create(session, actor=world.admin, input=WebhookInput(url=URL, events=["order.created"]))
    stored = world.webhook(webhook)
    assert (stored.name, stored.state, stored.timeout_seconds, stored.retry_policy) == ("example.com", "active", 15.0, {})
    assert secret.startswith("whsec_")
    assert secret not in stored.secret_encrypted
    assert secrets.current(stored) == secret
    lane = world.lane(webhook)
    assert lane is not None
    assert (lane.workspace_id, lane.paused, lane.due_at) == (world.workspace_id, False, None)


def test_everything_given_is_kept(world: World):
    webhook = world.webhook(
        world.create(
            name=" Acme ERP ",
            events=["order.*", "order.*", "contact.created"],
            filter={"field": "data.total", "op": "gte", "value": 10},
            headers={"X-Api-Version": "2", "Authorization": "Bearer s3cret"},
            verify_ssl=False,
            timeout=5,
            retry_policy={"schedule": [1, 2]},
            rate_limit=2.5,
            signature_style="sha256",
            secret=SECRET,
            auto_disable=False,
            disable_after_days=9,
            metadata={"team": "billing"},
            external_ref="webhook-acme",
        )
    )
    assert webhook.name == "Acme ERP"
    assert webhook.event_types == ["order.*", "contact.created"]
    assert webhook.filter == {"field": "data.total", "op": "gte", "value": 10}
    assert webhook.header_names == ["X-Api-Version", "Authorization"]
    assert secrets.headers(webhook) == {"X-Api-Version": "2", "Authorization": "Bearer s3cret"}
    assert (webhook.verify_ssl, webhook.timeout_seconds, webhook.retry_policy) == (False, 5.0, {"schedule": [1, 2]})
    assert (webhook.rate_limit, webhook.signature_style, webhook.meta) == (2.5, "sha256", {"team": "billing"})
    assert (webhook.auto_disable, webhook.disable_after_days, webhook.external_ref) == (False, 9, "webhook-acme")
    assert secrets.current(webhook) == SECRET


def test_a_webhook_can_be_created_disabled(world: World):
    webhook = world.create(is_active=False)
    assert service.status(webhook) is Status.DISABLED
    assert webhook.disabled_reason == "It was created disabled."
    lane = world.lane(webhook)
    assert lane is not None
    assert lane.paused


def test_each_change_counts_the_revision_once_and_notes_how_things_stand(world: World):
    first = world.create()
    second = world.create(events=["*"])
    world.call("update", first, changes={"events": ["order.created"], "timeout": 3})
    world.call("pause", first)
    world.call("pause", first)
    world.call("resume", first)
    world.call("disable", first, reason="Maintenance.")
    world.call("enable", first)
    world.call("rotate_secret", first)
    world.call("delete", first)
    assert world.revision() == 9
    assert [(change.revision, change.state, change.event_types, change.reason) for change in world.history(first)] == [
        (1, "active", ["order.*"], None),
        (3, "active", ["order.created"], None),
        (4, "paused", ["order.created"], None),
        (5, "active", ["order.created"], None),
        (6, "disabled", ["order.created"], "Maintenance."),
        (7, "active", ["order.created"], None),
        (8, "active", ["order.created"], None),
        (9, "deleted", ["order.created"], None),
    ]
    assert [change.revision for change in world.history(second)] == [2]


def test_a_change_that_changes_nothing_is_no_change(world: World):
    webhook = world.create(timeout=7, headers={"X-A": "1"})
    world.call("update", webhook, changes={"timeout": 7, "events": ["order.*"], "headers": {"X-A": "1"}, "is_active": True})
    assert world.revision() == 1
    assert len(world.audit()) == 1


def test_changes_at_the_same_time_get_one_revision_each(world: World):
    webhooks = [world.create() for _ in range(6)]
    failures: list[BaseException] = []

    def work(webhook: Webhook) -> None:
        try:
            for timeout in range(2, 7):
                world.call("update", webhook, changes={"timeout": timeout})
        except BaseException as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(webhook,)) for webhook in webhooks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert world.revision() == 36
    revisions = [change.revision for webhook in webhooks for change in world.history(webhook)]
    assert sorted(revisions) == list(range(1, 37))


def test_a_rolled_back_change_leaves_no_trace(world: World):
    webhook = world.create()

    def fail(session: Session) -> None:
        service.pause(session, actor=world.admin, webhook_id=webhook.id)
        raise RuntimeError

    with pytest.raises(RuntimeError), db.transaction(write=True) as session:
        fail(session)
    assert world.revision() == 1
    assert world.webhook(webhook).state == "active"


def test_a_header_sent_back_as_dots_keeps_its_value(world: World):
    webhook = world.create(headers={"Authorization": "Bearer s3cret", "X-Old": "1"})
    world.call("update", webhook, changes={"headers": {"authorization": "••••••••", "X-New": "2"}})
    assert secrets.headers(world.webhook(webhook)) == {"authorization": "Bearer s3cret", "X-New": "2"}
    with pytest.raises(Invalid):
        world.call("update", webhook, changes={"headers": {"X-Unknown": "••••••••"}})


def test_a_new_value_of_a_header_is_a_change_too(world: World):
    webhook = world.create(headers={"Authorization": "old"})
    world.call("update", webhook, changes={"headers": {"Authorization": "new"}})
    assert world.revision() == 2
    entry = world.audit()[-1]
    assert (entry.action, entry.after) == ("webhook.updated", {"header_values": "changed"})


def test_an_emptied_name_becomes_the_host(world: World):
    webhook = world.create(name="ERP")
    assert world.call("update", webhook, changes={"name": ""}).name == "example.com"
    assert world.call("update", webhook, changes={"name": "", "url": "https://acme.test/x"}).name == "acme.test"


def test_is_active_disables_and_enables(world: World):
    webhook = world.create()
    assert world.call("update", webhook, changes={"is_active": False}).state == "disabled"
    assert world.call("update", webhook, changes={"is_active": True}).state == "active"
    world.call("pause", webhook)
    assert world.call("update", webhook, changes={"is_active": True}).state == "paused"


def test_another_url_forgets_what_the_old_receiver_asked_for(world: World):
    webhook = world.create()
    with db.transaction(write=True) as session:
        lane = session.get_one(service.Lane, webhook.id)
        lane.blocked_until, lane.blocked_reason = webhook.created_at, "retry_after"
    world.call("update", webhook, changes={"url": "https://example.com/other"})
    lane = world.lane(webhook)
    assert lane is not None
    assert (lane.blocked_until, lane.blocked_reason) == (None, None)


def test_rotation_signs_with_both_until_the_overlap_ends(world: World):
    webhook = world.create(secret=SECRET)
    changed, new = world.call("rotate_secret", webhook, overlap_hours=1)
    stored = world.webhook(webhook)
    ends = changed.previous_secret_expires_at
    assert secrets.sending_secrets(stored, changed.updated_at) == [new, SECRET]
    assert secrets.sending_secrets(stored, ends) == [new]
    _, newest = world.call("rotate_secret", webhook, overlap_hours=0)
    assert secrets.sending_secrets(world.webhook(webhook), changed.updated_at) == [newest]
    assert len({SECRET, new, newest}) == 3


@pytest.mark.parametrize("hours", [-1, 169, float("nan")])
def test_an_overlap_is_at_most_a_week(world: World, hours: float):
    with pytest.raises(Invalid, match="overlap_hours"):
        world.call("rotate_secret", world.create(), overlap_hours=hours)


def test_a_deleted_webhook_is_gone_and_holds_no_secret(world: World):
    webhook = world.create(headers={"Authorization": "s3cret"})
    world.call("rotate_secret", webhook)
    world.call("delete", webhook)
    stored = world.webhook(webhook)
    assert stored.deleted_at is not None
    assert (stored.secret_encrypted, stored.previous_secret_encrypted, stored.headers_encrypted) == ("", None, None)
    assert world.lane(webhook) is None
    with pytest.raises(NotFound):
        world.call("delete", webhook)
    with db.transaction() as session:
        assert service.list_webhooks(session, actor=world.admin).data == []
        assert service.counts(session, actor=world.admin)["all"] == 0


def test_no_secret_reaches_the_audit_trail(world: World):
    webhook = world.create(secret=SECRET, headers={"Authorization": "Bearer s3cret"})
    _, new = world.call("rotate_secret", webhook)
    world.call("update", webhook, changes={"headers": {"Authorization": "Bearer other"}, "name": "X"})
    world.call("disable", webhook, reason="Noise.")
    world.call("enable", webhook, missed="send")
    world.call("delete", webhook)
    entries = world.audit()
    assert [entry.action for entry in entries] == [
        "webhook.created",
        "webhook.secret_rotated",
        "webhook.updated",
        "webhook.disabled",
        "webhook.enabled",
        "webhook.deleted",
    ]
    text = json.dumps([entry.model_dump(mode="json") for entry in entries])
    assert not any(secret in text for secret in (SECRET, new, "s3cret", "Bearer other", "whsec_"))
    assert entries[2].before == {"name": "example.com"}
    assert entries[2].after == {"name": "X", "header_values": "changed"}


READS: dict[str, dict[str, Any]] = {"get": {}, "stats": {}}
WRITES: dict[str, dict[str, Any]] = {
    "update": {"changes": {"timeout": 3}},
    "delete": {},
    "rotate_secret": {},
    "enable": {},
    "disable": {},
    "pause": {},
    "resume": {},
}


@pytest.mark.parametrize("name", [*READS, *WRITES])
def test_another_workspaces_webhook_does_not_exist(world: World, name: str):
    webhook, other = world.create(), World()
    with pytest.raises(NotFound), db.transaction(write=True) as session:
        getattr(service, name)(session, actor=other.admin, webhook_id=webhook.id, **(READS | WRITES)[name])
    assert world.revision() == 1


def test_lists_stay_in_the_workspace(world: World):
    world.create()
    other = World()
    with db.transaction() as session:
        assert service.list_webhooks(session, actor=other.admin).data == []
        assert service.counts(session, actor=other.admin)["all"] == 0
        own = service.list_webhooks(session, actor=world.admin).data
        assert service.stats_of(session, actor=other.admin, webhooks=own) == {}


@pytest.mark.parametrize("name", list(WRITES))
def test_support_reads_and_only_administrators_change(world: World, name: str):
    webhook = world.create()
    with pytest.raises(Forbidden), db.transaction(write=True) as session:
        getattr(service, name)(session, actor=world.user(Role.SUPPORT), webhook_id=webhook.id, **WRITES[name])
    with db.transaction() as session:
        assert service.get(session, actor=world.user(Role.VIEWER), webhook_id=webhook.id).id == webhook.id


def test_a_key_needs_its_scope(world: World):
    key = Actor(ActorKind.KEY, ids.new("key"), world.workspace_id, scopes=frozenset({"webhooks:read"}))
    with pytest.raises(Forbidden) as refused, db.transaction(write=True) as session:
        service.create(session, actor=key, input=WebhookInput(url=URL, events=["*"]))
    assert refused.value.required_scopes == ("webhooks:write", "webhooks:manage")


def _failing(session: Session, webhook: Webhook, failures: int) -> None:
    session.get_one(Webhook, webhook.id).consecutive_failures = failures


def test_a_list_is_filtered_by_status_and_text_and_counted(world: World):
    active, failing, paused, disabled = (world.create(name=name) for name in ("One", "Two", "Three_%", "Four"))
    world.call("pause", paused)
    world.call("disable", disabled)
    with db.transaction(write=True) as session:
        _failing(session, failing, 5)
        _failing(session, active, 4)
        _failing(session, paused, 9)

    def found(**query: Any) -> list[str]:
        with db.transaction() as session:
            return [webhook.name for webhook in service.list_webhooks(session, actor=world.admin, **query).data]

    assert found() == ["Four", "Three_%", "Two", "One"]
    assert found(status="active") == ["One"]
    assert found(status="FAILING") == ["Two"]
    assert found(status="paused") == ["Three_%"]
    assert found(status="disabled") == ["Four"]
    assert found(q="t") == ["Four", "Three_%", "Two", "One"]  # every URL has one
    assert found(q="_%") == ["Three_%"]
    assert found(q="fouR") == ["Four"]
    assert found(q=active.id) == ["One"]
    with db.transaction() as session:
        counts = service.counts(session, actor=world.admin)
    assert counts == {"all": 4, "active": 1, "failing": 1, "paused": 1, "disabled": 1}
    with pytest.raises(Invalid, match="not a status"):
        found(status="broken")


def test_a_list_pages(world: World):
    names = [world.create(name=f"w{number}").name for number in range(5)]
    with db.transaction() as session:
        first = service.list_webhooks(session, actor=world.admin, limit=3)
        second = service.list_webhooks(session, actor=world.admin, limit=3, cursor=first.next_cursor)
    assert [webhook.name for webhook in (*first.data, *second.data)] == names[::-1]
    assert (first.has_more, second.has_more) == (True, False)


def test_a_secret_is_not_changed_by_an_update(world: World):
    webhook = world.create()
    with pytest.raises(Invalid) as refused:
        world.call("update", webhook, changes={"secret": SECRET, "timeout": 99})
    assert [error.path for error in refused.value.errors] == ["secret", "timeout"]
    assert "rotate-secret" in refused.value.errors[0].fix


def test_rows_of_two_webhooks_cannot_swap_their_secrets(world: World):
    first, second = world.create(), world.create()
    with db.transaction(write=True) as session:
        rows = {row.id: row for row in session.exec(select(Webhook)).all()}
        rows[first.id].secret_encrypted = rows[second.id].secret_encrypted
    with pytest.raises(secrets.crypto.DecryptionFailed):
        secrets.current(world.webhook(first))
