"""What a body says, whatever its sender made of it; and what its source calls it."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from backend.incoming import bodies, mapping, paths, presets, schemes
from backend.incoming.bodies import Unreadable
from tests.unit.incoming.sources import request

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a":1}', {"a": 1}),
        (b" [1, 2] ", [1, 2]),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b'{"n":123456789012345678901234567890}', {"n": 123456789012345678901234567890}),
        ('{"e":"é"}'.encode(), {"e": "é"}),
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
    ],
)
def test_json_is_read(body: bytes, value: Any) -> None:
    assert bodies.parse(request({}, body)) == value


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"{", "json"),
        (b"hello", "json"),
        (b"<xml/>", "json"),
        (b'{"a":NaN}', "json"),
        (b'{"a":1234567890123456789,"b":NaN}', "json"),
        (b'{"a":"\xff"}', "encoding"),
        (b'{"a":1234567890123456789,"b":"\xff"}', "encoding"),
        (b"[" * 5000 + b"]" * 5000, "depth"),
        (b"[1234567890123456789," + b"[" * 100_000, "depth"),
        (b"null", "shape"),
        (b"5", "shape"),
        (b'"text"', "shape"),
        (b'{"n":' + b"9" * 5000 + b"}", "number"),
    ],
)
def test_what_cannot_be_read_is_told_by_a_word_and_a_sentence(body: bytes, reason: str) -> None:
    found = bodies.parse(request({}, body))
    assert isinstance(found, Unreadable)
    assert (found.reason, found.sentence.endswith(".")) == (reason, True)


def test_a_compressed_body_is_told_apart_from_one_that_is_no_json() -> None:
    found = bodies.parse(request({"content-encoding": "gzip"}, gzip.compress(b"{}")))
    assert isinstance(found, Unreadable)
    assert (found.reason, "gzip" in found.sentence) == ("media", True)
    assert bodies.parse(request({"content-encoding": "identity"}, b"{}")) == {}


def test_forms_are_read() -> None:
    assert bodies.parse(request(FORM, b"a=1&b=x+y&b=%C3%A9&c=")) == {"a": "1", "b": ["x y", "é"], "c": ""}
    assert bodies.parse(request(FORM, b"payload=%7B%22a%22%3A1%7D")) == {"a": 1}
    for body, reason in ((b"a=%FF", "encoding"), (b"&".join(b"a=1" for _ in range(1001)), "form")):
        found = bodies.parse(request(FORM, body))
        assert isinstance(found, Unreadable)
        assert found.reason == reason
    assert bodies.parse(request({"content-type": "multipart/form-data; boundary=x"}, b"--x")) == Unreadable(
        "media", "The body is multipart/form-data. Send JSON or a form (application/x-www-form-urlencoded)."
    )


@pytest.mark.parametrize(
    ("scheme", "headers", "value", "source_id", "event"),
    [
        ("stripe", {}, {"id": "evt_1", "type": "invoice.paid"}, "evt_1", "invoice.paid"),
        ("github", {"x-github-delivery": "d-1", "x-github-event": "issues"}, {"action": "opened"}, "d-1", "issues"),
        ("shopify", {"x-shopify-webhook-id": "w-1", "x-shopify-topic": "orders/create"}, {}, "w-1", "orders/create"),
        ("slack", {}, {"event_id": "Ev1", "type": "event_callback"}, "Ev1", "event_callback"),
        ("twilio", {}, {"MessageSid": "SM1", "MessageStatus": "sent"}, "SM1 sent", ""),
        ("twilio", {"i-twilio-idempotency-token": "t-1"}, {"MessageSid": "SM1"}, "t-1", ""),
        ("hubspot", {}, [{"eventId": 100, "subscriptionType": "contact.creation"}], "100", "contact.creation"),
        ("uber_eats", {}, {"event_id": "e-1", "event_type": "orders.notification"}, "e-1", "orders.notification"),
        ("deliveroo", {"x-deliveroo-sequence-guid": "g-1", "x-deliveroo-payload-type": "order"}, {"event": "order.new"}, "g-1", "order"),
        ("standard_webhooks", {"svix-id": "msg_1"}, {"type": "contact.created"}, "msg_1", "contact.created"),
        ("none", {}, {"id": "1"}, "", ""),
    ],
)
def test_what_a_source_calls_a_request(scheme: str, headers: dict[str, str], value: Any, source_id: str, event: str) -> None:
    found = bodies.identify(schemes.of({"scheme": scheme}), request(headers, b""), value)
    assert (found.source_id, found.event, found.is_handshake) == (source_id, event, False)


def test_the_place_of_the_sources_id_can_be_chosen() -> None:
    for dedupe in ("meta.id", "header:X-Request-Id"):
        found = bodies.identify(schemes.of({"scheme": "none", "dedupe": dedupe}), request({"x-request-id": "7"}, b""), {"meta": {"id": 7}})
        assert found.source_id == "7"


def test_handshakes_are_told_from_events() -> None:
    slack = bodies.identify(schemes.of({"scheme": "slack"}), request({}, b""), {"type": "url_verification", "challenge": "3eZbrw"})
    assert (slack.challenge, slack.is_handshake) == ("3eZbrw", True)
    assert bodies.identify(schemes.of({"scheme": "github"}), request({"x-github-event": "ping"}, b""), {"zen": "…"}).is_handshake
    assert bodies.identify(schemes.of({"scheme": "xero"}), request({}, b""), {"events": []}).is_handshake


@pytest.mark.parametrize("preset", presets.every(), ids=lambda preset: preset.name)
def test_every_known_source_maps_its_own_sample(preset: presets.Preset) -> None:
    _, _, errors = schemes.parse(preset.verification)
    rules = mapping.parse(list(preset.field_mapping), targets=None, errors=errors)
    assert not errors
    items = paths.of(preset.items).read(preset.sample) if preset.items else [preset.sample]
    for item in items:
        mapped = mapping.apply(rules, item)
        assert not mapped.errors
        assert {rule.target for rule in rules} - mapped.values.keys() == set()


def test_the_vendors_that_the_product_knows_are_there() -> None:
    assert {"stripe", "github", "shopify", "slack", "twilio", "hubspot", "xero", "uber_eats", "deliveroo"} <= {
        each.name for each in presets.every()
    }
