"""One attempt against receivers that misbehave: every answer ends as a class and a sentence, bounded in time and size."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import gzip
import logging
import socket
import struct
import zlib

import pytest

from backend.core.egress import EgressPolicy
from backend.deliveries import sender
from backend.deliveries.sender import BODY_LIMIT
from backend.deliveries.values import Claim, ErrorClass
from tests.fakes import raw_receiver
from tests.fakes.raw_receiver import Received, answering
from tests.integration.deliveries.exchanges import BODY, claim, failure, send


def test_a_success_has_no_error():
    with raw_receiver.running() as receiver:
        (exchange,) = send(claim(receiver.url))
    assert (exchange.status_code, exchange.error_class, exchange.body) == (200, None, b"ok")
    assert receiver.received[0].body == BODY


def test_every_step_of_a_new_connection_is_timed_and_none_of_a_pooled_one():
    with raw_receiver.running() as receiver:
        named = receiver.url.replace("127.0.0.1", "localhost")
        first, second = send(claim(named), claim(named))
    assert first.dns_ms is not None
    assert first.connect_ms is not None
    assert (second.dns_ms, second.connect_ms) == (None, None)
    for each in (first, second):
        assert (each.tls_ms, each.address) == (None, "127.0.0.1")
        assert 0 < (each.first_byte_ms or 0) <= each.total_ms


def test_a_failure_has_the_times_and_the_address_as_far_as_it_came(free_port: int):
    (exchange,) = send(claim(f"http://localhost:{free_port}/"))
    assert failure(exchange) is ErrorClass.REFUSED
    assert exchange.address == "127.0.0.1"
    assert exchange.dns_ms is not None
    assert (exchange.tls_ms, exchange.first_byte_ms, exchange.status_code) == (None, None, None)
    assert exchange.total_ms > 0


def test_a_pooled_connection_that_was_closed_meanwhile_is_no_failure():
    async def answer(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(raw_receiver.OK)
        await writer.drain()
        if len(receiver.received) == 1:
            writer.transport.abort()

    with raw_receiver.running(answer) as receiver:
        exchanges = send(claim(receiver.url), claim(receiver.url))
    assert [each.error_class for each in exchanges] == [None, None]


def test_what_comes_over_an_idle_connection_answers_nothing():
    async def answer(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answering("200 OK") if len(receiver.received) == 1 else answering("500 Broken"))
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(answering("200 Unasked"))

    with raw_receiver.running(answer) as receiver:
        exchanges = send(*[claim(receiver.url) for _ in range(3)], pause=0.3)
    assert [each.status_code for each in exchanges] == [200, 500, 500]


def test_a_connection_that_is_reset_in_the_middle_of_an_answer_is_no_error_of_ours(caplog: pytest.LogCaptureFixture):
    async def answer(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nok")
        await writer.drain()
        await asyncio.sleep(0.05)
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # so that closing resets
        writer.transport.abort()

    with raw_receiver.running(answer) as receiver, caplog.at_level(logging.ERROR, logger="asyncio"):
        (exchange,) = send(claim(receiver.url), pause=0.1)
        gc.collect()
    assert (exchange.error_class, exchange.body, exchange.truncated) == (None, b"ok", True)
    assert caplog.records == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(status: int):
    with raw_receiver.running() as elsewhere:
        with raw_receiver.running(answering(f"{status} Moved", f"Location: {elsewhere.url}")) as receiver:
            (exchange,) = send(claim(receiver.url))
        assert failure(exchange) is ErrorClass.REDIRECT
        assert exchange.status_code == status
        assert elsewhere.received == []


def test_a_status_outside_2xx_is_a_failure_with_its_answer():
    with raw_receiver.running(answering("422 Unprocessable", "Retry-After: 7", body=b'{"field":"total"}')) as receiver:
        (exchange,) = send(claim(receiver.url))
    assert failure(exchange) is ErrorClass.STATUS
    assert (exchange.body, exchange.retry_after) == (b'{"field":"total"}', "7")


def test_an_endless_body_is_cut_and_its_connection_closed():
    closed: list[bool] = []

    async def endless(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"2000\r\n" + b"x" * 8192 + b"\r\n")
                await writer.drain()
        except ConnectionError:
            closed.append(True)
            raise

    with raw_receiver.running(endless) as receiver:
        (exchange,) = send(claim(receiver.url), pause=0.3)
    assert (exchange.error_class, exchange.truncated, len(exchange.body)) == (None, True, BODY_LIMIT)
    assert closed == [True]


def test_a_body_of_exactly_the_limit_is_whole():
    with raw_receiver.running(answering("200 OK", body=b"y" * BODY_LIMIT)) as receiver:
        (exchange,) = send(claim(receiver.url))
    assert (len(exchange.body), exchange.truncated) == (BODY_LIMIT, False)


def test_a_compressed_bomb_is_cut_after_decompression():
    bomb = gzip.compress(b"\0" * 50_000_000)
    with raw_receiver.running(answering("200 OK", "Content-Encoding: gzip", body=bomb)) as receiver:
        (exchange,) = send(claim(receiver.url))
    assert (exchange.error_class, exchange.truncated, len(exchange.body)) == (None, True, BODY_LIMIT)


@pytest.mark.parametrize(
    ("encoding", "data"),
    [("gzip", gzip.compress(b"hello")), ("deflate", zlib.compress(b"hello")), ("deflate", zlib.compress(b"hello", wbits=-15))],
    ids=["gzip", "zlib", "deflate"],
)
def test_a_compressed_body_is_shown_plain(encoding: str, data: bytes):
    with raw_receiver.running(answering("200 OK", f"Content-Encoding: {encoding}", body=data)) as receiver:
        (exchange,) = send(claim(receiver.url))
    assert (exchange.body, exchange.truncated) == (b"hello", False)


def test_a_body_that_is_not_what_it_says_is_kept_as_it_is():
    with raw_receiver.running(answering("200 OK", "Content-Encoding: gzip", body=b"not gzip")) as receiver:
        (exchange,) = send(claim(receiver.url))
    assert (exchange.body, exchange.error_class) == (b"not gzip", None)


def test_no_answer_at_all_is_a_read_timeout():
    async def hang(_received: Received, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    with raw_receiver.running(hang) as receiver:
        (exchange,) = send(claim(receiver.url, timeout=0.3))
    assert failure(exchange) is ErrorClass.READ_TIMEOUT


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 banana\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n"],
    ids=["another protocol", "no status", "tls alert"],
)
def test_what_is_no_http_is_a_protocol_error(answer: bytes):
    with raw_receiver.running(answer) as receiver:
        (exchange,) = send(claim(receiver.url))
    assert failure(exchange) is ErrorClass.PROTOCOL


def test_a_head_that_is_too_large_is_refused():
    with raw_receiver.running(answering("200 OK", "X-Large: " + "x" * 100_000)) as receiver:
        (exchange,) = send(claim(receiver.url))
    assert failure(exchange) is ErrorClass.TOO_LARGE


def test_a_connection_that_is_closed_without_an_answer_is_a_reset():
    async def reset(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    with raw_receiver.running(reset) as receiver:
        (exchange,) = send(claim(receiver.url))
    assert failure(exchange) is ErrorClass.RESET
    assert len(receiver.received) == 1


def test_a_success_whose_body_breaks_off_is_a_success():
    async def cut(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()
        writer.transport.close()

    with raw_receiver.running(cut) as receiver:
        (exchange,) = send(claim(receiver.url))
    assert (exchange.error_class, exchange.truncated, exchange.body) == (None, True, b"half")


def test_a_port_where_nobody_listens_is_refused(free_port: int):
    (exchange,) = send(claim(f"http://127.0.0.1:{free_port}/"))
    assert failure(exchange) is ErrorClass.REFUSED


def test_a_listener_that_accepts_nothing_is_a_connect_timeout():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]  # the queue of connections that wait is full
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        (exchange,) = send(claim(f"http://127.0.0.1:{port}/", timeout=0.5))
        for filler in fillers:
            filler.close()
    assert failure(exchange) is ErrorClass.CONNECT_TIMEOUT


def test_a_name_that_does_not_exist_is_a_dns_error():
    (exchange,) = send(claim("http://does-not-exist.invalid/"))
    assert failure(exchange) is ErrorClass.DNS


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254"])
def test_an_address_that_policy_blocks_is_never_connected_to(host: str):
    with raw_receiver.running() as receiver:
        (exchange,) = send(claim(f"http://{host}:{receiver.port}/"), policy=EgressPolicy())
        assert failure(exchange) is ErrorClass.BLOCKED
        assert receiver.received == []


def test_settings_that_cannot_be_read_fail_without_a_request():
    with raw_receiver.running() as receiver:
        (exchange,) = send(claim(receiver.url, problem="The webhook's secret cannot be decrypted."))
        assert failure(exchange) is ErrorClass.SETTINGS
        assert receiver.received == []


def test_a_handshake_that_is_never_answered_is_a_connect_timeout_that_says_so():
    with raw_receiver.running() as receiver:
        (exchange,) = send(claim(receiver.url.replace("http://", "https://"), timeout=0.5))
    assert failure(exchange) is ErrorClass.CONNECT_TIMEOUT
    assert "TLS handshake" in (exchange.error or "")


def test_own_headers_never_replace_ours():
    with raw_receiver.running() as receiver:
        made = claim(receiver.url)
        made.target.headers.update({"X-Mine": "1", "Webhook-Id": "forged", "content-type": "text/plain"})
        (exchange,) = send(made)
    received = receiver.received[0].headers
    assert (received["x-mine"], received["webhook-id"], received["content-type"]) == ("1", "evt_1", "application/json")
    assert exchange.request_headers["X-Mine"] == sender.MASK


def with_header(claimed: Claim, value: str) -> Claim:
    return dataclasses.replace(claimed, target=dataclasses.replace(claimed.target, headers={"X-Team": value}))


def test_what_goes_out_is_one_plain_request():
    with raw_receiver.running() as receiver:
        parts = receiver.url.removesuffix("/hook")
        (exchange,) = send(with_header(claim(f"{parts}/a%20b?c=d%26e#f"), "orders"))
    (received,) = receiver.received
    assert exchange.error_class is None
    assert received.path == "/a%20b?c=d%26e"
    assert received.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert received.headers["content-length"] == str(len(BODY))
    assert received.headers["x-team"] == "orders"
    assert not received.headers.keys() & {"accept", "accept-encoding", "transfer-encoding", "connection", "cookie"}


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\rb", "a\0b"])
def test_a_header_that_would_end_its_line_is_never_sent(value: str):
    with raw_receiver.running() as receiver:
        (exchange,) = send(with_header(claim(receiver.url), value))
    assert failure(exchange) is ErrorClass.SETTINGS
    assert receiver.received == []


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http:///hook", "hook"])
def test_a_url_that_is_none_fails_without_a_request(url: str):
    (exchange,) = send(claim(url))
    assert failure(exchange) is ErrorClass.SETTINGS


def test_a_connection_is_kept_only_after_an_answer_that_is_read_to_its_end():
    peers: list[object] = []

    async def answer(_received: Received, writer: asyncio.StreamWriter) -> None:
        peers.append(writer.get_extra_info("peername"))
        size = BODY_LIMIT * 64 if len(peers) == 2 else 0
        close = "\r\nConnection: close" if len(peers) == 3 else ""
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}{close}\r\n\r\n".encode() + b"x" * size)

    with raw_receiver.running(answer) as receiver:
        exchanges = send(*(claim(receiver.url) for _ in range(4)))
    assert [each.truncated for each in exchanges] == [False, True, False, False]
    assert peers[0] == peers[1]
    assert len(set(peers)) == 3
