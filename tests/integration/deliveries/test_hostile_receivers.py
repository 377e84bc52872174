"""Receivers that misbehave in every way: each ends as a class and a sentence, bounded, and the next delivery goes well."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from dataclasses import dataclass

import pytest

from backend.deliveries.sender import BODY_LIMIT
from backend.deliveries.values import ErrorClass, Exchange
from tests.factories import deliveries as make
from tests.fakes import raw_receiver
from tests.fakes.raw_receiver import Answer, Received, answering
from tests.integration.deliveries import shifts
from tests.integration.deliveries.exchanges import claim, failure, send

SLOW = 3.0
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_MANY = b"".join(b"X-Many-%d: %s\r\n" % (number, b"x" * 1000) for number in range(1000))
_ZSTD = bytes.fromhex("28b52ffd") + b"\0" * 1_000_000


@dataclass(frozen=True)
class Case:
    """What a receiver does with its first request, and what must come of it: a class, or None for a success."""

    name: str
    does: bytes | Answer
    expected: ErrorClass | None
    told: str = ""
    status: int | None = None
    truncated: bool = False
    timeout: float = 10.0


async def endless(_received: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(_CHUNKED)
    while True:
        writer.write(b"2000\r\n" + b"x" * 8192 + b"\r\n")
        await writer.drain()


def dripping(head: bytes) -> Answer:
    """Begins with `head`, then sends one byte after another for ever."""

    async def drip(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.05)

    return drip


async def interim_flood(_received: Received, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 100)
        await writer.drain()


async def hang(_received: Received, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def half_close(_received: Received, writer: asyncio.StreamWriter) -> None:
    writer.write_eof()
    await asyncio.Event().wait()


async def half_close_in_the_head(_received: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-")
    writer.write_eof()
    await asyncio.Event().wait()


async def half_close_in_the_body(_received: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    writer.write_eof()
    await asyncio.Event().wait()


async def reset(_received: Received, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def tiny_chunks(_received: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(_CHUNKED + b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n")
    await writer.drain()


async def garbage_chunks(_received: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(_CHUNKED)
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.write(b"5\r\nhello\r\nthis is no length\r\n\r\n")
    await writer.drain()


CASES = [
    Case("endless body", endless, None, status=200, truncated=True),
    Case(
        "gzip bomb", answering("200 OK", "Content-Encoding: gzip", body=gzip.compress(b"\0" * 50_000_000)), None, status=200, truncated=True
    ),
    Case(
        "gzip bomb of a failure",
        answering("500 No", "Content-Encoding: gzip", body=gzip.compress(b"\0" * 50_000_000)),
        ErrorClass.STATUS,
        "500 No",
        500,
        truncated=True,
    ),
    Case(
        "gzip of many members",
        answering("200 OK", "Content-Encoding: gzip", body=gzip.compress(b"x") * 1000),
        None,
        status=200,
        truncated=True,
    ),
    Case(
        "deflate bomb",
        answering("200 OK", "Content-Encoding: deflate", body=zlib.compress(b"\0" * 50_000_000)),
        None,
        status=200,
        truncated=True,
    ),
    Case(
        "brotli and zstd, which were not asked for",
        answering("200 OK", "Content-Encoding: br, zstd", body=_ZSTD),
        None,
        status=200,
        truncated=True,
    ),
    Case("a body of tiny chunks", tiny_chunks, None, status=200, truncated=True),
    Case(
        "one byte at a time",
        dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
        ErrorClass.READ_TIMEOUT,
        "not complete within 3 s",
        200,
        truncated=True,
        timeout=SLOW,
    ),
    Case(
        "a head of one byte at a time",
        dripping(b"HTTP/1.1 200 OK\r\nX-Slow: "),
        ErrorClass.READ_TIMEOUT,
        "not complete within 0.5 s",
        timeout=0.5,
    ),
    Case("no answer", hang, ErrorClass.READ_TIMEOUT, "not complete within 0.5 s", timeout=0.5),
    Case("a flood of interim answers", interim_flood, ErrorClass.READ_TIMEOUT, "not complete within 0.5 s", timeout=0.5),
    Case("half closed without an answer", half_close, ErrorClass.RESET, "closed the connection"),
    Case("half closed in the head", half_close_in_the_head, ErrorClass.RESET, "closed the connection"),
    Case("half closed in the body", half_close_in_the_body, None, status=200, truncated=True),
    Case("reset after the request", reset, ErrorClass.RESET, "closed the connection"),
    Case("continue, then an answer", b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + raw_receiver.OK, None, status=200),
    Case(
        "switching protocols",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nwhatever",
        ErrorClass.STATUS,
        "101",
        101,
    ),
    Case("a status line without a status", b"HTTP/1.1 banana\r\n\r\n", ErrorClass.PROTOCOL, "not valid HTTP: "),
    Case("a status line of another protocol", b"ICY 200 OK\r\n\r\n", ErrorClass.PROTOCOL, "not valid HTTP: "),
    Case("a status of five digits", b"HTTP/1.1 20000 OK\r\n\r\n", ErrorClass.PROTOCOL, "not valid HTTP: "),
    Case("no line at all", b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n", ErrorClass.PROTOCOL, "not valid HTTP: "),
    Case("a header of 1 MB", answering("200 OK", "X-Large: " + "x" * 1_000_000), ErrorClass.TOO_LARGE, "head"),
    Case("headers of 1 MB", b"HTTP/1.1 200 OK\r\n" + _MANY + b"\r\n", ErrorClass.TOO_LARGE, "head"),
    Case("a reason of 1 MB", b"HTTP/1.1 200 " + b"x" * 1_000_000 + b"\r\n\r\n", ErrorClass.TOO_LARGE, "head"),
    Case("a NUL in a header", b"HTTP/1.1 200 OK\r\nX-Nul: a\0b\r\nContent-Length: 0\r\n\r\n", ErrorClass.PROTOCOL, "not valid HTTP: "),
    Case("garbage instead of chunks at once", _CHUNKED + b"zzz\r\n\r\n", None, status=200, truncated=True),
    Case(
        "garbage instead of chunks of a failure",
        b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\nzz",
        ErrorClass.STATUS,
        "500 No",
        500,
        truncated=True,
    ),
    Case(
        "a content-length that is no number", b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nok", ErrorClass.PROTOCOL, "not valid HTTP: "
    ),
    Case("a negative content-length", b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nok", ErrorClass.PROTOCOL, "not valid HTTP: "),
    Case(
        "two content-lengths",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk",
        ErrorClass.PROTOCOL,
        "not valid HTTP: ",
    ),
    Case("more than the content-length", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more", None, status=200),
    Case("a body where there is none", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", None, status=204),
    Case(
        "continue, then more than the content-length",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 OK\r\nContent-Length: 2\r\n\r\nok and more",
        None,
        status=202,
    ),
    Case(
        "bytes of no encoding",
        b"HTTP/1.1 200 OK\r\nX-Caf\xc3: \xff\xfe\r\nContent-Length: 4\r\n\r\n\0\xff\xed\xa0",
        ErrorClass.PROTOCOL,
        "",
    ),
    Case(
        "values of no encoding",
        b"HTTP/1.1 500 \xff\r\nX-Name: \xff\xfe\r\nContent-Length: 4\r\n\r\n\0\xff\xed\xa0",
        ErrorClass.STATUS,
        "500",
        500,
    ),
    Case("a second answer nobody asked for", raw_receiver.OK + answering("500 Smuggled"), None, status=200),
]


def after(case: Case) -> tuple[Exchange, Exchange]:
    """The exchange with the case, and the next one over the same pool."""

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        if len(receiver.received) > 1:
            writer.write(raw_receiver.OK)
        elif callable(case.does):
            await case.does(received, writer)
        else:
            writer.write(case.does)

    with raw_receiver.running(answer) as receiver:
        first, second = send(claim(receiver.url, timeout=case.timeout), claim(receiver.url))
    assert len(receiver.received) == 2
    return first, second


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_receiver_does_is_told_and_harms_nothing_else(case: Case):
    exchange, following = after(case)
    assert (exchange.error_class, exchange.status_code, exchange.truncated) == (case.expected, case.status, case.truncated)
    if case.expected is not None:
        assert failure(exchange) is case.expected
        assert case.told in (exchange.error or "")
    assert len(exchange.body) <= BODY_LIMIT
    assert exchange.address == "127.0.0.1"
    assert (following.error_class, following.status_code, following.body) == (None, 200, b"ok")


def test_a_body_whose_chunks_turn_into_garbage_ends_with_its_connection_not_with_the_timeout():
    exchange, following = after(Case("garbage chunks", garbage_chunks, None, timeout=3600.0))
    assert (exchange.status_code, exchange.error_class, exchange.truncated) == (200, None, True)
    assert following.error_class is None


@pytest.mark.usefixtures("database", "redis")
def test_a_shift_stores_whatever_receivers_do_and_delivers_to_the_others():
    quick = [case for case in CASES if case.timeout != SLOW]

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        does = quick[int(received.path.rpartition("/")[2])].does
        if callable(does):
            await does(received, writer)
        else:
            writer.write(does)

    workspace_id = make.workspace()
    with raw_receiver.running(answer) as hostile, raw_receiver.running() as healthy:
        webhooks = [
            make.webhook(workspace_id, f"{hostile.url}/{number}", timeout_seconds=case.timeout) for number, case in enumerate(quick)
        ]
        deliveries = [make.publish(each)[0] for each in webhooks]
        good = make.publish(make.webhook(workspace_id, healthy.url), count=20)
        shifts.deliver_all(policy=shifts.LOOPBACK)
    for case, delivery in zip(quick, deliveries, strict=True):
        found = shifts.delivery(delivery)
        assert (found.status, found.error_class) == ("delivered" if case.expected is None else "retrying", case.expected), case.name
        (attempt,) = shifts.attempts(delivery)
        assert (attempt.status_code, attempt.address) == (case.status, "127.0.0.1"), case.name
    assert {shifts.delivery(each).status for each in good} == {"delivered"}
