"""A short line to Redis for what every request asks: commands of all callers over one connection, answered in their order.

What is asked in the same turn of the event loop goes out in one write. redis-py's client takes a connection from a pool for
each command and reads it back by several awaits, which costs five times as much processor time as the command here.
RESP2: https://redis.io/docs/latest/develop/reference/protocol-spec/.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from redis.asyncio.connection import SSLConnection, parse_url
from redis.exceptions import RedisError, ResponseError

ANSWER_SECONDS: Final = 0.4  # a Redis that is there answers within a few milliseconds
_END: Final = b"\r\n"
_NEED_MORE: Final = -1


class NoScript(ResponseError):
    """Redis does not know the script of an EVALSHA: it was restarted, or its scripts were flushed."""


class RedisLine:
    """Sends commands on the running event loop. Connects when it is first asked, and anew after a connection was lost."""

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url
        self._talk: _Talk | None = None
        self._connecting: asyncio.Task[_Talk] | None = None

    async def ask(self, command: bytes) -> Any:
        """The answer to one command of `encode`: int, bytes, None or a list of these.

        Raises `OSError` (`TimeoutError` after 0.4 s) if there is none and `RedisError` if it is an error. A connection that
        is lost in the midst is made once more; the command may then have been done twice.
        """
        try:
            return await (await self._open()).ask(command)
        except ConnectionResetError:
            return await (await self._open()).ask(command)

    async def close(self) -> None:
        """Give the connection up; the next question makes another."""
        if self._connecting is not None:
            self._connecting.cancel()
        talk, self._talk = self._talk, None
        if talk is not None:
            talk.drop(ConnectionAbortedError("closed"))
        await asyncio.sleep(0)  # in this turn of the loop asyncio closes the socket

    async def _open(self) -> _Talk:
        talk = self._talk
        if talk is not None and talk.is_open:
            return talk
        if self._connecting is None:
            self._connecting = asyncio.get_running_loop().create_task(self._connect(), name="redis-line")
            self._connecting.add_done_callback(self._connected)
        return await asyncio.shield(self._connecting)

    def _connected(self, done: asyncio.Task[_Talk]) -> None:
        self._connecting = None
        if not done.cancelled() and done.exception() is None:
            self._talk = done.result()

    async def _connect(self) -> _Talk:
        told = cast("dict[str, Any]", parse_url(self._url()))
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(ANSWER_SECONDS):
            if "path" in told:
                _, talk = await loop.create_unix_connection(_Talk, told["path"])
            else:
                host, port = told.get("host") or "localhost", int(told.get("port") or 6379)
                _, talk = await loop.create_connection(_Talk, host, port, ssl=_tls(told))
            try:
                for command in _greeting(told):
                    await talk.ask(command)
            except BaseException:
                talk.drop(ConnectionAbortedError("not admitted"))
                raise
        return talk


def encode(*words: bytes) -> bytes:
    """A command as it is sent."""
    return b"*%d\r\n%b" % (len(words), b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words]))


def _greeting(told: Mapping[str, Any]) -> list[bytes]:
    commands: list[bytes] = []
    if password := told.get("password"):
        user = [str(told["username"]).encode()] if told.get("username") else []
        commands.append(encode(b"AUTH", *user, str(password).encode()))
    if number := told.get("db"):
        commands.append(encode(b"SELECT", str(number).encode()))
    return commands


def _tls(told: Mapping[str, Any]) -> ssl.SSLContext | None:
    """How a `rediss://` address is connected to, by the words that redis-py takes in its query."""
    if told.get("connection_class") is not SSLConnection:
        return None
    context = ssl.create_default_context(cafile=told.get("ssl_ca_certs"), capath=told.get("ssl_ca_path"), cadata=told.get("ssl_ca_data"))
    if told.get("ssl_certfile"):
        context.load_cert_chain(told["ssl_certfile"], told.get("ssl_keyfile"), told.get("ssl_password"))
    is_lax = str(told.get("ssl_cert_reqs", "required")).lower() in ("none", "0")
    if is_lax or not told.get("ssl_check_hostname", True):
        context.check_hostname = False
    if is_lax:
        context.verify_mode = ssl.CERT_NONE
    return context


class _Talk(asyncio.Protocol):
    """One connection: what was asked and not yet answered, in order."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._asked: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._unsent: list[bytes] = []
        self._received = b""
        self._watch: asyncio.TimerHandle | None = None
        self.is_open = False

    def ask(self, command: bytes) -> asyncio.Future[Any]:
        """The answer to come; sent with whatever else is asked in this turn of the loop."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        if not self.is_open:
            answer.set_exception(ConnectionResetError("the connection to Redis was lost"))
            return answer
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(command)
        deadline = self._loop.time() + ANSWER_SECONDS
        self._asked.append((answer, deadline))
        if self._watch is None:
            self._watch = self._loop.call_at(deadline, self._look)
        return answer

    def drop(self, error: Exception) -> None:
        """End the connection; everybody who waits for an answer gets `error`."""
        self.is_open = False
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._transport is not None:
            self._transport.abort()
        while self._asked:
            answer, _ = self._asked.popleft()
            if not answer.done():
                answer.set_exception(error)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio has connected."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Redis, or the network, has gone."""
        del exc
        self.drop(ConnectionResetError("the connection to Redis was lost"))

    def data_received(self, data: bytes) -> None:
        """Hand out the answers that are whole."""
        data = self._received + data if self._received else data
        at = 0
        try:
            while at < len(data):
                value, end = _read(data, at)
                if end == _NEED_MORE:
                    break
                at = end
                answer, _ = self._asked.popleft()
                if answer.done():
                    continue  # whoever asked has gone
                if isinstance(value, RedisError):
                    answer.set_exception(value)
                else:
                    answer.set_result(value)
        except (ValueError, IndexError):  # nothing that Redis says, or more than was asked
            self.drop(ConnectionResetError("Redis could not be understood"))
            return
        self._received = data[at:]

    def _send(self) -> None:
        commands, self._unsent = self._unsent, []
        if self.is_open and self._transport is not None:
            self._transport.write(b"".join(commands))

    def _look(self) -> None:
        """Whether the oldest question is still in its time; looked at when the one that was oldest would be out of it."""
        self._watch = None
        if not self._asked:
            return
        deadline = self._asked[0][1]
        if deadline <= self._loop.time():
            self.drop(TimeoutError("Redis did not answer in time"))
        else:
            self._watch = self._loop.call_at(deadline, self._look)


def _read(data: bytes, at: int) -> tuple[Any, int]:
    """The value that begins at `at` and where the next does, or -1 while its end has not come. Raises `ValueError` for no RESP."""
    end = data.find(_END, at)
    if end < 0:
        return None, _NEED_MORE
    kind, line, after = data[at], data[at + 1 : end], end + 2
    if kind == 0x3A:  # ":" a number
        return int(line), after
    if kind == 0x2A:  # "*" a list
        return _read_list(data, int(line), after)
    if kind == 0x24:  # "$" a text of so many bytes, or none
        return _read_text(data, int(line), after)
    return _word(kind, line), after


def _read_list(data: bytes, length: int, at: int) -> tuple[list[Any] | None, int]:
    if length < 0:
        return None, at
    values: list[Any] = []
    for _ in range(length):
        value, at = _read(data, at)
        if at == _NEED_MORE:
            return None, _NEED_MORE
        values.append(value)
    return values, at


def _read_text(data: bytes, length: int, at: int) -> tuple[bytes | None, int]:
    if length < 0:
        return None, at
    whole = at + length + 2
    return (data[at : at + length], whole) if len(data) >= whole else (None, _NEED_MORE)


def _word(kind: int, line: bytes) -> bytes | RedisError:
    if kind == 0x2B:  # "+"
        return line
    if kind == 0x2D:  # "-" an error
        words = line.decode("utf-8", "replace")
        return NoScript(words) if words.startswith("NOSCRIPT") else ResponseError(words)
    raise ValueError(kind)
