"""The built-in receiver over real HTTP: it keeps what arrives, judges its signature and answers as it is told to."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from backend.core import db, ids, signing
from backend.core.actor import Actor
from backend.models import ReceiverInbox, Webhook
from backend.receiver import intake, routes, service
from backend.webhooks import service as webhooks
from tests.factories import accounts
from tests.integration.receiver.steps import arrived, make_inbox, tell
from tests.waiting import eventually

BODY = b'{"id":"evt_1","event":"order.created"}'


def make_webhook(actor: Actor, inbox: ReceiverInbox) -> tuple[Webhook, str]:
    with db.transaction(write=True) as session:
        wanted = webhooks.WebhookInput(url=service.url(inbox), events=["*"], name="Acme ERP")
        return webhooks.create(session, actor=actor, input=wanted)


def signed(*secrets: str) -> dict[str, str]:
    delivery = signing.Delivery("evt_1", "order.created", "dlv_1", 1, int(time.time()))
    return signing.delivery_headers(delivery, BODY, secrets=list(secrets), user_agent="Crossdock/test")


@pytest.fixture
def owner(origin: str) -> Actor:
    assert origin
    return accounts.workspace()


@pytest.fixture
def inbox(owner: Actor) -> ReceiverInbox:
    return make_inbox(owner)


@pytest.fixture
def http(origin: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=origin, timeout=10) as client:
        yield client


def path(inbox: ReceiverInbox) -> str:
    return f"/receiver/{inbox.token}"


def test_the_address_of_an_inbox_is_ours(origin: str, inbox: ReceiverInbox):
    assert service.url(inbox) == f"{origin}/receiver/{inbox.token}"


def test_any_method_is_kept_with_headers_and_body(http: httpx.Client, owner: Actor, inbox: ReceiverInbox):
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"):
        answer = http.request(method, path(inbox), content=BODY, headers={"X-One": "1", "Content-Type": "application/json"})
        assert answer.status_code == 200
        assert answer.content == (b"" if method == "HEAD" else b'{"received":true}')
        request = arrived(owner, inbox)[0]
        assert (request.method, request.body, request.body_truncated, request.remote) == (method, BODY.decode(), False, "127.0.0.1")
        assert ["x-one", "1"] in request.headers
        assert request.answered == "200 OK"


def test_an_inbox_answers_as_it_is_told(http: httpx.Client, owner: Actor, inbox: ReceiverInbox):
    for mode, status in (("ok", 200), ("fail", 500), ("gone", 410), ("redirect", 302)):
        tell(owner, inbox, mode)
        answer = http.post(path(inbox), content=BODY)
        assert answer.status_code == status
        assert answer.headers.get("location") == (f"{path(inbox)}?redirected=1" if mode == "redirect" else None)
        assert arrived(owner, inbox)[0].answered.startswith(str(status))


def test_a_reset_closes_the_connection_without_an_answer(origin: str, owner: Actor, inbox: ReceiverInbox):
    tell(owner, inbox, "reset")
    with httpx.Client(base_url=origin) as other, pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        other.post(path(inbox), content=BODY)
    assert [request.answered for request in arrived(owner, inbox)] == ["connection closed"]
    with httpx.Client(base_url=origin) as other:
        tell(owner, inbox, "ok")
        assert other.post(path(inbox)).status_code == 200


def test_a_reset_leaves_other_connections_alone(http: httpx.Client, owner: Actor, inbox: ReceiverInbox):
    assert http.get("/api/v1/monitoring/health/live").status_code < 500
    tell(owner, inbox, "reset")
    with httpx.Client() as other, pytest.raises(httpx.HTTPError):
        other.post(service.url(inbox))
    (connection,) = http._transport._pool.connections  # type: ignore[attr-defined] - the very connection of before
    assert not connection.is_closed()
    assert http.get("/api/v1/monitoring/health/live").status_code < 500


def test_one_who_hangs_is_answered_at_last(http: httpx.Client, owner: Actor, inbox: ReceiverInbox, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(routes, "HANG_SECONDS", 0.3)
    tell(owner, inbox, "hang")
    assert http.post(path(inbox), content=BODY).status_code == 200


def test_those_who_hang_hold_no_thread_and_are_bounded(
    http: httpx.Client, owner: Actor, inbox: ReceiverInbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(routes, "MAX_HANGING", 3)
    tell(owner, inbox, "hang")
    host, _, port = service.url(inbox).removeprefix("http://").partition("/")[0].partition(":")
    request = f"POST {path(inbox)} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode()
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(socket.create_connection((host, int(port)))).sendall(request)
        eventually(lambda: len(arrived(owner, inbox)) == 3)
        refused = http.post(path(inbox))
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "35")
        assert http.get("/api/v1/monitoring/health/live").status_code < 500
    # They are gone, so there is room again: the next one hangs instead of being refused.
    eventually(lambda: _hangs(service.url(inbox)))


def _hangs(url: str) -> bool:
    try:
        httpx.post(url, timeout=1)
    except httpx.ReadTimeout:
        return True
    return False


def test_an_unknown_inbox_is_not_found(http: httpx.Client):
    for token in ("rcv_" + "0" * 22, "x", "", "rcv_../../api", "rcv_%00", "rcv_" + "0" * 5000):
        assert http.post(f"/receiver/{token}").status_code == 404


def test_a_body_is_kept_up_to_a_bound(http: httpx.Client, owner: Actor, inbox: ReceiverInbox):
    assert http.post(path(inbox), content=b"x" * routes.MAX_BODY).status_code == 200
    assert http.post(path(inbox), content=b"x" * (routes.MAX_BODY + 1)).status_code == 200
    longer, whole = arrived(owner, inbox)
    assert (len(whole.body), whole.body_truncated) == (routes.MAX_BODY, False)
    assert (len(longer.body), longer.body_truncated) == (routes.MAX_BODY, True)


def test_bytes_that_are_no_text_are_shown_escaped(http: httpx.Client, owner: Actor, inbox: ReceiverInbox):
    assert http.post(path(inbox), content=b"a\0b\xff\xed\xa0\x80\xc3\xa9").status_code == 200
    assert arrived(owner, inbox)[0].body == "a\\x00b\\xff\\xed\\xa0\\x80é"


def test_many_at_once_are_all_kept(http: httpx.Client, owner: Actor, inbox: ReceiverInbox):
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda number: http.post(path(inbox), content=str(number).encode()).status_code, range(120)))
    assert answers == [200] * 120
    assert sorted(int(request.body) for request in arrived(owner, inbox, limit=200)) == list(range(120))


def test_a_flooded_inbox_answers_without_keeping(http: httpx.Client, owner: Actor, inbox: ReceiverInbox, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(intake, "_MODE_SECONDS", 60)
    monkeypatch.setattr(intake.Guard, "take", _at_most(2, "inbox"))
    tell(owner, inbox, "fail")
    assert [http.post(path(inbox)).status_code for _ in range(4)] == [500] * 4
    assert len(arrived(owner, inbox)) == 2


def test_a_flooded_inbox_soon_hears_how_it_is_to_answer(
    http: httpx.Client, owner: Actor, inbox: ReceiverInbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(intake, "_MODE_SECONDS", 0)
    monkeypatch.setattr(intake.Guard, "take", _at_most(1, "inbox"))
    assert http.post(path(inbox)).status_code == 200
    tell(owner, inbox, "gone")
    assert http.post(path(inbox)).status_code == 410


def test_a_flood_over_all_inboxes_is_told_to_wait(http: httpx.Client, owner: Actor, inbox: ReceiverInbox, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(intake.Guard, "take", _at_most(2, "all"))
    answers = [http.post(path(inbox)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "1"
    assert len(arrived(owner, inbox)) == 2


def _at_most(number: int, which: str) -> Any:
    """A guard that lets `number` pass, of an inbox or of all, and does not count the other kind."""
    left = [number]

    def take(_guard: intake.Guard, key: str) -> bool:
        if bool(key) != (which == "inbox"):
            return True
        left[0] -= 1
        return left[0] >= 0

    return take


def test_a_signature_is_verified_by_the_webhook_that_points_here(http: httpx.Client, owner: Actor, inbox: ReceiverInbox):
    _, secret = make_webhook(owner, inbox)
    http.post(path(inbox), content=BODY, headers=signed(secret))
    http.post(path(inbox), content=BODY + b" ", headers=signed(secret))
    http.post(path(inbox), content=BODY)
    missing, changed, right = arrived(owner, inbox)
    assert right.verdict == "Verified with the secret of Acme ERP."
    assert changed.verdict.startswith("Not verified: ")
    assert missing.verdict.startswith("Not verified: No signature header is there.")


def test_during_an_overlap_either_secret_verifies(http: httpx.Client, owner: Actor, inbox: ReceiverInbox):
    webhook, old = make_webhook(owner, inbox)
    with db.transaction(write=True) as session:
        _, new = webhooks.rotate_secret(session, actor=owner, webhook_id=webhook.id)
    for secrets in ((new, old), (old,), (signing.new_webhook_secret(),)):
        http.post(path(inbox), content=BODY, headers=signed(*secrets))
    stranger, before, both = arrived(owner, inbox)
    assert both.verdict == "Verified with the secret of Acme ERP."
    assert before.verdict == "Verified with the previous secret of Acme ERP."
    assert stranger.verdict.startswith("Not verified: ")


def test_without_a_webhook_nothing_is_checked(http: httpx.Client, owner: Actor, inbox: ReceiverInbox):
    stranger = accounts.workspace("Other")
    _, secret = make_webhook(stranger, inbox)
    http.post(path(inbox), content=BODY, headers=signed(secret))
    assert arrived(owner, inbox)[0].verdict == "Not checked: no webhook of this workspace points here."


def test_hostile_headers_are_kept_and_judged(origin: str, owner: Actor, inbox: ReceiverInbox):
    make_webhook(owner, inbox)
    hostile = [
        b"webhook-id: \xff\xfe\r\nwebhook-timestamp: 99999999999999999999\r\nwebhook-signature: v1,\xe9==",
        b"webhook-id: a\r\nwebhook-id: b\r\nwebhook-timestamp: -1\r\nwebhook-signature: v1,",
        b"webhook-id: x\r\nwebhook-timestamp: \xd9\xa3\r\nwebhook-signature: " + b"v1,AAAA " * 500,
        b"X-Webhook-Signature: sha256=" + b"z" * 64,
    ]
    host, _, port = origin.removeprefix("http://").partition(":")
    for headers in hostile:
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(f"POST {path(inbox)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n".encode())
            connection.sendall(headers + b"\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    assert len(arrived(owner, inbox)) == len(hostile)
    assert all(request.verdict.startswith("Not verified: ") for request in arrived(owner, inbox))


def test_deeper_paths_reach_the_inbox_too(http: httpx.Client, owner: Actor, inbox: ReceiverInbox):
    assert http.post(f"{path(inbox)}/orders?x=1").status_code == 200
    assert len(arrived(owner, inbox)) == 1


def test_what_arrived_is_read_from_a_point_on_and_cleared(http: httpx.Client, owner: Actor, inbox: ReceiverInbox):
    http.post(path(inbox), content=b"1")
    (first,) = arrived(owner, inbox)
    http.post(path(inbox), content=b"2")
    assert [request.body for request in arrived(owner, inbox, after=first.id)] == ["2"]
    with db.transaction(write=True) as session:
        service.clear(session, actor=owner, inbox_id=inbox.id)
    assert arrived(owner, inbox) == []


def test_a_secret_that_cannot_be_read_verifies_nothing(http: httpx.Client, owner: Actor, inbox: ReceiverInbox):
    webhook, secret = make_webhook(owner, inbox)
    with db.transaction(write=True) as session:
        session.get_one(Webhook, webhook.id).secret_encrypted = "v1.00000000.broken"
    http.post(path(inbox), content=BODY, headers=signed(secret))
    assert arrived(owner, inbox)[0].verdict == "Not verified: the secret cannot be read."


def test_ids_of_requests_sort_by_arrival(http: httpx.Client, owner: Actor, inbox: ReceiverInbox):
    for number in range(3):
        http.post(path(inbox), content=str(number).encode())
    found = [request.id for request in arrived(owner, inbox)]
    assert found == sorted(found, reverse=True)
    assert all(ids.is_id(each, "rrq") for each in found)
