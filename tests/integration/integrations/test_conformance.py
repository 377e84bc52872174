"""Every entry of the catalogue against a fake of its own provider: connect or save, test, sync, refresh, failures, disconnect."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

import pytest

from backend.core import clock, db
from backend.core.actor import Actor
from backend.integrations import catalogue, directions, flows, plans, refreshing, service, syncing, templates, vault
from backend.integrations.failures import Kind, ProviderFailed
from backend.models import Integration, IntegrationSync
from backend.records import modules
from backend.records import service as records
from tests.factories import consents
from tests.factories.fakes_of_providers import made, sign_in
from tests.fakes.provider import ITEMS, Asked, Provider

PROVIDERS = sorted(set(catalogue.entries()) - {"sandbox"})  # which is a real one, with tests of its own
VALUES = {"number": 7, "email": "new@example.com", "phone": "+49307777777", "date": "2026-03-01"}
WAYS = [(name, auth.id) for name in PROVIDERS for auth in catalogue.get(name).auth]


def run_sync(caller: Actor, row: Integration) -> IntegrationSync:
    """A sync from beginning to end."""
    with db.transaction(write=True) as session:
        identifier = service.start_sync(session, actor=caller, integration_id=row.id).id
    for _ in range(5):
        syncing.run(identifier)
        with db.transaction(write=True) as session:
            sync = session.get_one(IntegrationSync, identifier)
            if sync.status != "waiting":
                break
            sync.lease_until = clock.now()
            session.get_one(Integration, row.id).blocked_until = None
    return sync


def figures(sync: IntegrationSync) -> tuple[str, int, int, int, int]:
    """What came of a sync."""
    return sync.status, sync.created, sync.updated, sync.unchanged, sync.failed


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("name", "way"), WAYS, ids=[f"{name}-{way}" for name, way in WAYS])
def test_an_entry_does_what_it_says(
    caller: Actor, serving: tuple[str, list[Provider]], monkeypatch: pytest.MonkeyPatch, name: str, way: str
) -> None:
    row, fake = made(caller, serving, monkeypatch, name, way)
    spec = fake.auth.oauth
    if spec is not None and spec.grant == "authorization_code" and way != "refresh_token":
        sign_in(caller, row, fake)
    tested = flows.test(actor=caller, integration_id=row.id)
    assert tested.success, (tested, fake.wrong)
    where = fake.auth.test.account
    if where.id or where.name:
        assert consents.read(row).account_name or consents.read(row).account_id, fake.entry.id
    if spec is not None:
        refresh(caller, row, fake)
    if fake.entry.sync is not None and fake.auth.kind != "webhook_url":
        monkeypatch.setattr("backend.core.lifecycle.wait", lambda _seconds: False)
        sync_twice(caller, row, fake)
    if plans.pushing(fake.entry, way) is not None:
        push_twice(caller, row, fake)
    done = flows.disconnect(actor=caller, integration_id=row.id)
    way_out = spec.revocation if spec is not None else None
    assert done.revoked is (True if way_out is not None and way_out.call is not None else None), (done, fake.wrong)
    assert fake.revoked is bool(done.revoked)
    assert done.message
    assert fake.wrong == []


def refresh(caller: Actor, row: Integration, fake: Provider) -> None:
    """Tokens are refreshed as the entry says, and what the provider answers to an ended grant is understood."""
    assert fake.auth.oauth is not None
    kind, before = fake.auth.oauth.refresh.kind, consents.read(row)
    if kind == "never":
        assert (before.refresh_class, before.refresh_at) == ("never", None)
        return
    old = fake.refresh
    refreshing.refresh(row.workspace_id, row.id)
    after = consents.read(row)
    assert after.token_version == before.token_version + 1
    with db.transaction() as session:
        tokens = vault.load(session, after, vault.TOKENS)
    assert tokens["access_token"] == fake.access
    if kind == "rotating":
        assert (tokens["refresh_token"], old) == (fake.refresh, old)
        assert fake.refresh != old
    elif kind == "stable":
        assert tokens["refresh_token"] == old == fake.refresh
    assert (after.refresh_at is None) == (fake.auth.oauth.refresh.access_seconds is None)
    fake.token_error = "invalid_client"
    with pytest.raises(ProviderFailed) as failed:
        refreshing.refresh(row.workspace_id, row.id)
    assert failed.value.failure.kind is Kind.INVALID_CLIENT
    refreshing.refresh(row.workspace_id, row.id)
    assert flows.test(actor=caller, integration_id=row.id).success


def sync_twice(caller: Actor, row: Integration, fake: Provider) -> None:
    """Both pages come, then only what changed; a limit in between is waited for."""
    sync = fake.entry.sync
    assert sync is not None
    everything = ITEMS if sync.paging.kind == "none" else 2 * ITEMS
    first = run_sync(caller, row)
    assert figures(first) == ("done", everything, 0, 0, 0), (first.error, fake.wrong, fake.syncs)
    asked = len(fake.syncs)
    fake.changed, fake.fail = True, 429
    second = run_sync(caller, row)
    assert (second.status, second.created, second.failed) == ("done", 0, 0), (second.error, fake.wrong)
    assert second.updated == 1, (figures(second), fake.syncs[asked:])
    if sync.incremental.kind in {"token", "link"}:
        assert second.seen == 1
    if sync.incremental.kind == "since":
        sent = str(fake.syncs[asked]) + fake.syncs[asked].body.decode()
        assert clock.now().strftime("%Y") in sent or str(int(clock.now().timestamp()) // 100_000) in sent


def bodies(asked: list[Asked]) -> str:
    """What was sent, readable whether it is JSON or a form."""
    return " ".join(text if (text := each.body.decode()).startswith("{") else unquote_plus(text) for each in asked)


def push_twice(caller: Actor, row: Integration, fake: Provider) -> None:
    """A record is made there with every value, then changed by what changed alone; what was brought is not written back."""
    push = fake.entry.push
    assert push is not None
    columns = [each for each in plans.columns(fake.entry) if each.name in plans.writable(fake.entry)]
    values: dict[str, Any] = {each.name: VALUES.get(each.type, f"new {each.name}") for each in columns}
    values |= dict.fromkeys(push.minor.values(), "EUR")
    with db.transaction(write=True) as session:
        if not plans.is_shared(fake.entry):
            fields = [{"name": each.name, "type": each.type} for each in columns]
            modules.create(session, actor=caller, input=modules.ModuleInput(name=push.module, fields=fields))
        directions.change(session, actor=caller, integration_id=row.id, changes={"direction": "push"})
        made = records.create(session, actor=caller, module=push.module, values=values).id
    fake.fail = 429
    first = run_sync(caller, row)
    assert (first.status, first.sent_created, first.sent_updated, first.sent_failed) == ("done", 1, 0, 0), (first.error, fake.wrong)
    told = bodies(fake.pushed)
    shown = {**values, **dict.fromkeys(push.minor, "700"), **{name: values[name].lower() for name in push.lower}}
    assert all(str(value) in told for name, value in shown.items() if name not in push.unix), (shown, told)
    if push.idempotency:
        keys = [each.headers.get(push.idempotency.lower()) for each in fake.pushed]
        assert all(keys)
        assert len(set(keys)) == len(keys)
    before = len(fake.pushed)
    changed = next(each.name for each in columns if each.type == "text" and each.name not in push.fixed)
    with db.transaction(write=True) as session:
        records.update(session, actor=caller, module=push.module, record_id=made, values={changed: "Other words"})
    second = run_sync(caller, row)
    assert (second.status, second.sent_created, second.sent_updated, second.sent_failed) == ("done", 0, 1, 0), (second.error, fake.wrong)
    sent = bodies(fake.pushed[before:])
    assert len(fake.pushed) == before + 1
    assert "Other words" in sent
    assert not [each.name for each in columns if each.name != changed and str(values[each.name]) in sent]


def test_every_template_names_what_is_known() -> None:
    built_in = {"origin", "access_token", "refresh_token", "client_id", "client_secret", "page", "since", "until", "token"}
    for entry in catalogue.entries().values():
        for auth in entry.auth:
            captured = {each.name for each in auth.oauth.captures} if auth.oauth is not None else set[str]()
            known = built_in | {field.name for field in auth.fields} | captured
            used = [auth.headers, auth.query, auth.basic or (), auth.test.model_dump()]
            used += [auth.oauth.model_dump(exclude={"captures"})] if auth.oauth is not None else []
            assert templates.names(used) <= known, (entry.id, auth.id)


def test_what_is_written_is_known_and_is_never_made_twice() -> None:
    for entry in catalogue.entries().values():
        push = entry.push
        if push is None:
            continue
        columns = {each.name for each in plans.columns(entry)}
        gives = {name for write in push.create for name in write.gives}
        built_in = {"external_id", "record_id", "match", "match_quoted", "match_in_path", "in_30_days", "origin", "id"}
        for auth in entry.auth:
            captured = {each.name for each in auth.oauth.captures} if auth.oauth is not None else set[str]()
            known = columns | gives | built_in | captured | {field.name for field in auth.fields}
            assert templates.names(push.model_dump(by_alias=True)) <= known, entry.id
        assert "id" in gives, entry.id
        assert columns >= {push.match, *push.required, *push.defaults, *push.fixed, *push.minor, *push.unix} - {""}, entry.id
        # A repeated call is safe by a key; or what was made is found by a value that every record that is sent has.
        assert push.find is not None, entry.id
        assert push.idempotency or push.match in push.required, entry.id


def test_every_entry_says_what_it_is_sure_of() -> None:
    for entry in catalogue.entries().values():
        assert {"addresses"} <= entry.certainty.keys(), entry.id
        assert entry.sync is not None or entry.sync_missing, entry.id
        assert ("push" in entry.certainty) == (entry.push is not None), entry.id
        assert ("removal" in entry.certainty) == (entry.sync is not None and entry.sync.removal is not None), entry.id
        assert all(scope.reason.endswith(".") for auth in entry.auth if auth.oauth for scope in auth.oauth.scopes), entry.id
        for auth in entry.auth:
            secrets = {field.name for field in auth.fields if field.secret}
            assert secrets or (auth.oauth is not None and auth.oauth.own_client), entry.id
            ends = auth.oauth.revocation if auth.oauth is not None else None
            assert (ends is not None and (ends.call or ends.by_hand)) or auth.by_hand, entry.id
