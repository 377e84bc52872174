"""Every entry of the catalogue against a fake of its own provider: connect or save, test, sync, refresh, failures, disconnect."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest
from redis import Redis

from backend.core import clock, db
from backend.core.actor import Actor
from backend.integrations import catalogue, flows, refreshing, service, syncing, templates, vault
from backend.integrations.entry import Auth, Entry
from backend.integrations.failures import Kind, ProviderFailed
from backend.integrations.flows import Answer
from backend.models import Integration, IntegrationSync
from backend.settings import settings
from tests.factories import accounts, consents
from tests.fakes import provider as fakes
from tests.fakes.provider import ITEMS, Provider

# What is entered where a field's example or default is not of its pattern.
ENTERED = {
    "account_sid": "AC" + "a" * 32, "api_key": "k" * 24, "brand_id": "brand-1", "base_url": "https://n8n.example.com", "team_id": "12",
    "property_id": "123456789", "hostname": "acme.my.salesforce.com", "list_id": "abc123def4", "zone": "eu1", "project_id": "12345",
    "site_id": "site-1", "store_id": "store-1", "refresh_token": "rt-0000000000",
}  # fmt: skip
OWN = {
    ("stripe", "api_key"): "rk_live_abcdefghijkl",
    ("sendgrid", "api_key"): "SG.abcdefghijkl",
    ("activecampaign", "api_key"): "0123456789ab" * 6,
    ("activecampaign", "hostname"): "acme.api-us1.com",
}
PROVIDERS = sorted(set(catalogue.entries()) - {"sandbox"})  # which is a real one, with tests of its own
WAYS = [(name, auth.id) for name in PROVIDERS for auth in catalogue.get(name).auth]


@pytest.fixture
def owner(database: db.Database, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Actor:
    """The owner of a workspace, on an installation that may call loopback."""
    assert database.is_sqlite
    assert redis.ping()
    monkeypatch.setenv("CROSSDOCK_EGRESS_ALLOW", "127.0.0.0/8")
    settings.cache_clear()
    return accounts.workspace()


@pytest.fixture(scope="module")
def serving() -> Iterator[tuple[str, list[Provider]]]:
    """Where the fakes answer."""
    with fakes.listening() as found:
        yield found


def entered(entry: Entry, auth: Auth, base: str) -> dict[str, str]:
    """Something for every field."""
    found: dict[str, str] = {}
    for field in auth.fields:
        known = OWN.get((entry.id, field.name)) or field.default or ENTERED.get(field.name)
        path = {"issuer": ""}.get(field.name, f"/custom/{field.name}")
        is_address = field.name.endswith(("_address", "_url")) or field.name == "issuer"
        found[field.name] = known or (field.options[0] if field.options else f"{base}{path}" if is_address else f"{field.name}-0123456789")
    if "base_url" in found:
        found["base_url"] = f"{base}/n8n.example.com"
    if "webhook_url" in found and auth.kind == "webhook_url":
        found["webhook_url"] = f"{base}/hook/0123456789"
    return found


def made(
    owner: Actor, serving: tuple[str, list[Provider]], monkeypatch: pytest.MonkeyPatch, name: str, way: str
) -> tuple[Integration, Provider]:
    """An integration with a fake of a provider."""
    base, providers = serving
    entry = fakes.at(catalogue.get(name), base)
    document = (
        entry.model_dump_json(by_alias=True).replace('"https://\\\\S', '"http://\\\\S').replace('"http://127.0.0.1:', '"http://127.0.0.1:')
    )
    entry = Entry.model_validate_json(document)
    monkeypatch.setattr(catalogue, "entries", lambda: {name: entry})
    auth = entry.auth_of(way)
    given = entered(entry, auth, base)
    fake = Provider(entry, auth, base, given)
    providers.append(fake)
    row = consents.integration(owner, name, auth=way, credentials=given)
    return row, fake


def sign_in(owner: Actor, row: Integration, fake: Provider) -> None:
    """What the browser does: follow the address, which must ask as the provider wants it, and come back."""
    spec = fake.auth.oauth
    assert spec is not None
    url = consents.begin(owner, row)
    asked = dict(parse_qsl(urlsplit(url).query))
    assert url.partition("?")[0] == templates.fill(spec.authorization_url, {**fake.values}).partition("?")[0]
    assert asked.get("scope", "") == spec.separator.join(row.requested_scopes)
    assert ("code_challenge" in asked) == spec.pkce
    assert spec.parameters.items() <= asked.items()
    assert asked["response_type"] == "code"
    fake.challenge, fake.redirect_uri = asked.get("code_challenge", ""), asked["redirect_uri"]
    sent = {"code": "the-code", "state": asked["state"], **fake.captures("redirect")}
    done = flows.finish_consent(answer=Answer.of(sent), browser=None, came_to=asked["redirect_uri"])
    assert done.failure is None, (done.failure, fake.wrong)


def run_sync(owner: Actor, row: Integration) -> IntegrationSync:
    """A sync from beginning to end."""
    with db.transaction(write=True) as session:
        identifier = service.start_sync(session, actor=owner, integration_id=row.id).id
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
    owner: Actor, serving: tuple[str, list[Provider]], monkeypatch: pytest.MonkeyPatch, name: str, way: str
) -> None:
    row, fake = made(owner, serving, monkeypatch, name, way)
    spec = fake.auth.oauth
    if spec is not None and spec.grant == "authorization_code" and way != "refresh_token":
        sign_in(owner, row, fake)
    tested = flows.test(actor=owner, integration_id=row.id)
    assert tested.success, (tested, fake.wrong)
    where = fake.auth.test.account
    if where.id or where.name:
        assert consents.read(row).account_name or consents.read(row).account_id, fake.entry.id
    if spec is not None:
        refresh(owner, row, fake)
    if fake.entry.sync is not None and fake.auth.kind != "webhook_url":
        monkeypatch.setattr("backend.core.lifecycle.wait", lambda _seconds: False)
        sync_twice(owner, row, fake)
    done = flows.disconnect(actor=owner, integration_id=row.id)
    way_out = spec.revocation if spec is not None else None
    assert done.revoked is (True if way_out is not None and way_out.call is not None else None), (done, fake.wrong)
    assert fake.revoked is bool(done.revoked)
    assert done.message
    assert fake.wrong == []


def refresh(owner: Actor, row: Integration, fake: Provider) -> None:
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
    assert flows.test(actor=owner, integration_id=row.id).success


def sync_twice(owner: Actor, row: Integration, fake: Provider) -> None:
    """Both pages come, then only what changed; a limit in between is waited for."""
    sync = fake.entry.sync
    assert sync is not None
    everything = ITEMS if sync.paging.kind == "none" else 2 * ITEMS
    first = run_sync(owner, row)
    assert figures(first) == ("done", everything, 0, 0, 0), (first.error, fake.wrong, fake.syncs)
    asked = len(fake.syncs)
    fake.changed, fake.fail = True, 429
    second = run_sync(owner, row)
    assert (second.status, second.created, second.failed) == ("done", 0, 0), (second.error, fake.wrong)
    assert second.updated == 1, (figures(second), fake.syncs[asked:])
    if sync.incremental.kind in {"token", "link"}:
        assert second.seen == 1
    if sync.incremental.kind == "since":
        sent = str(fake.syncs[asked]) + fake.syncs[asked].body.decode()
        assert clock.now().strftime("%Y") in sent or str(int(clock.now().timestamp()) // 100_000) in sent


def test_every_template_names_what_is_known() -> None:
    built_in = {"origin", "access_token", "refresh_token", "client_id", "client_secret", "page", "since", "until", "token"}
    for entry in catalogue.entries().values():
        for auth in entry.auth:
            captured = {each.name for each in auth.oauth.captures} if auth.oauth is not None else set[str]()
            known = built_in | {field.name for field in auth.fields} | captured
            used = [auth.headers, auth.query, auth.basic or (), auth.test.model_dump()]
            used += [auth.oauth.model_dump(exclude={"captures"})] if auth.oauth is not None else []
            assert templates.names(used) <= known, (entry.id, auth.id)


def test_every_entry_says_what_it_is_sure_of() -> None:
    for entry in catalogue.entries().values():
        assert {"addresses"} <= entry.certainty.keys(), entry.id
        assert entry.sync is not None or entry.sync_missing, entry.id
        assert all(scope.reason.endswith(".") for auth in entry.auth if auth.oauth for scope in auth.oauth.scopes), entry.id
        for auth in entry.auth:
            secrets = {field.name for field in auth.fields if field.secret}
            assert secrets or (auth.oauth is not None and auth.oauth.own_client), entry.id
            ends = auth.oauth.revocation if auth.oauth is not None else None
            assert (ends is not None and (ends.call or ends.by_hand)) or auth.by_hand, entry.id
