"""One bounded call: too long, compressed, slow, untrusted and refused answers are told in one word each."""

from __future__ import annotations

import contextlib
import gzip
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
import trustme

from backend.core import egress_calls
from backend.core.egress import EgressPolicy
from backend.core.egress_calls import Caller, NoAnswer, Request, Trouble
from tests.fakes.listeners import Listeners

LOOPBACK = EgressPolicy(allow=(ipaddress.ip_network("127.0.0.0/8"),))


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Send headers without an end, each soon after the one before."""
    with contextlib.suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(100):
            handler.wfile.write(b"X-%d: y\r\n" % number)
            threading.Event().wait(0.05)


@pytest.fixture
def server() -> Iterator[str]:
    """A server whose paths say how it answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, headers = {"/long": (b"x" * 2000, {}), "/gzip": (gzip.compress(b"x"), {"Content-Encoding": "gzip"})}.get(
                self.path, (b'{"asked": "%s"}' % self.headers.get("accept-encoding", "").encode(), {})
            )
            if self.path == "/hang":
                threading.Event().wait(3)
            if self.path == "/drip":
                drip(self)
                return
            self.send_response(302 if self.path == "/away" else 200)
            for name, value in {"Content-Length": str(len(body)), "Location": "/elsewhere", **headers}.items():
                self.send_header(name, value)
            with contextlib.suppress(OSError):  # some hang up before the end
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads = True
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_address[1]}"
    made.shutdown()
    made.server_close()


def trouble(url: str, policy: EgressPolicy = LOOPBACK, **options: Any) -> Trouble:
    """Why a call has no answer."""
    with Caller(policy, **options) as caller, pytest.raises(NoAnswer) as failed:
        caller.send(Request(method="GET", url=url))
    assert str(failed.value).endswith(".")
    return failed.value.trouble


def test_an_answer_is_taken_as_it_is(server: str) -> None:
    with Caller(LOOPBACK) as caller:
        assert caller.send(Request(method="GET", url=f"{server}/x")).json() == {"asked": "identity"}
        away = caller.send(Request(method="GET", url=f"{server}/away"))
    assert (away.status, away.headers["location"]) == (302, "/elsewhere")  # not followed


def test_each_trouble_has_its_word(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert trouble(f"{server}/long", most=1000) is Trouble.TOO_LARGE
    assert trouble(f"{server}/gzip") is Trouble.PROTOCOL
    assert trouble(f"{server}/x", EgressPolicy()) is Trouble.REFUSED
    assert trouble("http://127.0.0.1:1/") is Trouble.CONNECT
    monkeypatch.setattr(egress_calls, "DEFAULT_TIMEOUT", httpx.Timeout(0.2))
    assert trouble(f"{server}/hang") is Trouble.TIMEOUT
    monkeypatch.setattr(egress_calls, "MAX_SECONDS", -1.0)
    assert trouble(f"{server}/x") is Trouble.TIMEOUT


def test_a_name_that_leads_nowhere_is_told_without_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_about: object, **_more: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    with Caller(EgressPolicy()) as caller, pytest.raises(NoAnswer) as failed:
        caller.send(Request(method="GET", url="https://nowhere.example/"))
    assert (failed.value.trouble, str(failed.value)) == (Trouble.DNS, "nowhere.example cannot be resolved.")


def test_an_answer_whose_headers_never_end_is_not_waited_for(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress_calls, "WHOLE_SECONDS", 0.3)
    assert trouble(f"{server}/drip") is Trouble.TIMEOUT


@pytest.mark.parametrize(
    "request_of",
    [
        {"url": "http://[::1/x"},
        {"url": "http://xn--/x"},
        {"url": "http://127.0.0.1:99999999/x"},
        {"url": "http://127.0.0.1/\x7f"},
        {"url": "http://127.0.0.1/x", "headers": {"authorization": "Bearer \u043a\u043b\u044e\u0447"}},
    ],
)
def test_what_cannot_be_sent_is_told(request_of: dict[str, Any]) -> None:
    with Caller(LOOPBACK) as caller, pytest.raises(NoAnswer) as failed:
        caller.send(Request(method="GET", **request_of))
    assert failed.value.trouble is Trouble.REFUSED


def test_a_certificate_that_nobody_trusts_is_told() -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Listeners() as listeners:
        port = listeners.start(tls=context).port
        assert trouble(f"https://127.0.0.1:{port}/") is Trouble.TLS
