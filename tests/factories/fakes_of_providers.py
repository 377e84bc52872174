"""Integrations with fakes of providers, everything entered, and a browser that signs in to them."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest

from backend.core.actor import Actor
from backend.integrations import catalogue, flows, templates
from backend.integrations.entry import Auth, Entry
from backend.integrations.flows import Answer
from backend.models import Integration
from tests.factories import consents
from tests.fakes import provider as fakes
from tests.fakes.provider import Provider

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
