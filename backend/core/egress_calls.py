"""One bounded call to somebody else's API behind the egress guard: its answer whole, or why there is none in one word.

Answers are capped in bytes, never followed to another address, and not decompressed, since a few bytes may become gigabytes.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

import httpx
import orjson

from backend.core import egress_httpx
from backend.core.egress import EgressBlocked, EgressPolicy
from backend.core.egress_rules import UrlRefused

DEFAULT_TIMEOUT: Final = httpx.Timeout(15.0, connect=5.0)
MAX_ANSWER: Final = 1024 * 1024
MAX_SECONDS: Final = 30.0  # for reading an answer: the client's own timeouts begin again with each of its bytes
WHOLE_SECONDS: Final = 45.0  # for a call from its connection to the last byte of its answer; leases of callers are longer
_TLS_WORDS: Final = ("ssl", "certificate", "tls")


class Trouble(StrEnum):
    """Why there is no answer to judge."""

    REFUSED = "refused"  # by our own rules of egress
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    TOO_LARGE = "too_large"
    PROTOCOL = "protocol"


class NoAnswer(Exception):
    """There is no answer that could be judged; the text says what happened, without a URL's query or a header."""

    def __init__(self, trouble: Trouble, told: str) -> None:
        super().__init__(told)
        self.trouble = trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to send. One of `form`, `json` and `body` at most; `basic` is user and password."""

    method: str
    url: str
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    basic: tuple[str, str] | None = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    json: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: header names in lower case, the body whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def is_ok(self) -> bool:
        """Whether its status says success."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON; None if it is none."""
        try:
            return orjson.loads(self.body)
        except ValueError:
            return None


class BoundedTransport(egress_httpx.GuardedTransport):
    """The guarded transport whose answers end with an error once they are too long."""

    def __init__(self, policy: EgressPolicy, *, most: int = MAX_ANSWER, verify: ssl.SSLContext | None = None) -> None:
        super().__init__(policy, verify=verify)
        self._most = most

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; reading its answer raises `NoAnswer` when it is too long."""
        request.headers["accept-encoding"] = "identity"
        response = super().handle_request(request)
        if response.headers.get("content-encoding", "identity").lower() not in {"", "identity"}:
            response.close()
            raise NoAnswer(Trouble.PROTOCOL, "The answer is compressed, although that was not asked for.")
        assert isinstance(response.stream, httpx.SyncByteStream)  # noqa: S101 - narrows for the type checker
        response.stream = _Bounded(response.stream, self._most)
        return response


class _Bounded(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream, most: int) -> None:
        self._stream, self._left = stream, most
        self._until = time.monotonic() + MAX_SECONDS

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            self._left -= len(chunk)
            if self._left < 0:
                raise NoAnswer(Trouble.TOO_LARGE, "The answer is longer than is taken.")
            if time.monotonic() > self._until:
                raise NoAnswer(Trouble.TIMEOUT, "The answer took too long.")
            yield chunk

    def close(self) -> None:
        self._stream.close()


class Caller:
    """A client for several calls to one provider, used by one thread. Use it as a context, or close it."""

    def __init__(self, policy: EgressPolicy, *, most: int = MAX_ANSWER, verify: ssl.SSLContext | None = None) -> None:
        transport = BoundedTransport(policy, most=most, verify=verify)
        self._client = httpx.Client(transport=transport, timeout=DEFAULT_TIMEOUT, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, request: Request) -> Reply:
        """The answer, whatever its status. Raises `NoAnswer`."""
        built = self._built(request)
        token = egress_httpx.ends_at.set(time.monotonic() + WHOLE_SECONDS)
        try:
            with translated():
                answer = self._client.send(built, auth=httpx.BasicAuth(*request.basic) if request.basic else None, follow_redirects=False)
        finally:
            egress_httpx.ends_at.reset(token)
        return Reply(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, answer.content)

    def _built(self, request: Request) -> httpx.Request:
        try:
            return self._client.build_request(
                request.method,
                request.url,
                params=dict(request.query) or None,
                headers=dict(request.headers),
                data=dict(request.form) if request.form is not None else None,
                json=request.json,
            )
        except (httpx.InvalidURL, ValueError) as error:  # ValueError: of an IPv6 address, IDNA, JSON, and of texts for headers
            if isinstance(error, UnicodeEncodeError) and error.encoding == "ascii":
                raise NoAnswer(Trouble.REFUSED, "A credential holds characters that no header can carry. Enter it again.") from None
            raise NoAnswer(Trouble.REFUSED, "The address or what is to be sent holds something that cannot be sent.") from None

    def close(self) -> None:
        """Let its connections go."""
        self._client.close()


class translated:  # noqa: N801 - read as a word: `with translated():`
    """Turns what httpx and the guard raise inside the block into `NoAnswer`."""

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise `NoAnswer` for what means one."""
        if error is None or isinstance(error, NoAnswer):
            return
        found = _trouble(error)
        if found is not None:
            raise NoAnswer(*found) from error


def _trouble(error: BaseException) -> tuple[Trouble, str] | None:
    if isinstance(error, EgressBlocked | UrlRefused):
        return Trouble.REFUSED, str(error)
    if isinstance(error, httpx.TimeoutException):
        return Trouble.TIMEOUT, "No answer came in time."
    if isinstance(error, httpx.ConnectError):
        return _unconnected(str(error))
    if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError):
        return Trouble.CONNECT, "The connection broke off."
    if isinstance(error, httpx.HTTPError | httpx.InvalidURL):
        return Trouble.PROTOCOL, "The answer was not HTTP."
    return None


def _unconnected(text: str) -> tuple[Trouble, str]:
    if any(word in text.lower() for word in _TLS_WORDS):
        return Trouble.TLS, "Its certificate is not valid, or TLS failed."
    if "cannot be resolved" in text or "has no address" in text:
        return Trouble.DNS, text.partition(" Check ")[0]  # what to do is for whoever made the call to say
    return Trouble.CONNECT, "No connection could be made."
