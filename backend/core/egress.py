"""The only door for outgoing HTTP: resolves, vets and pins, so that the address connected to is the one that was judged.

Two clients stand on it: aiohttp through `GuardedConnector`, httpx through `egress_httpx`. A redirect is never followed;
if a caller follows one all the same, its address is judged like any other.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from backend.core.egress_rules import IPNetwork, Target, UrlRefused, Verdict, address_of, parse_url, verdict

if TYPE_CHECKING:
    from backend.settings import Settings

OWN_PATHS: Final = ("/receiver/", "/sandbox/")
_DNS_THREADS: Final = 64

_AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]  # as socket.getaddrinfo answers

# Set while a request to one of our own paths connects; the connection may then go wherever our own origin is.
to_ourselves: ContextVar[bool] = ContextVar("crossdock_egress_own", default=False)


class EgressBlocked(Exception):
    """Every address of the host is refused by policy; no connection was made."""

    def __init__(self, host: str, address: str, rule: str) -> None:
        where = address if host == address else f"{host} resolves to {address}, which"
        super().__init__(
            f"{where} is not allowed: {rule}. Use a public address, or ask the operator to add its network to CROSSDOCK_EGRESS_ALLOW."
        )
        self.host = host
        self.address = address
        self.rule = rule


class HostNotFound(OSError):
    """The host name has no address, or the name servers did not answer."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """One address of a host, as text, with what the policy says of it."""

    address: str
    verdict: Verdict


@dataclass(frozen=True)
class EgressPolicy:
    """Where requests may go: public addresses, the networks that the operator names, and our own receiver and sandbox.

    `own_origins` are (host, port) pairs at which this installation answers, in lower case and without brackets.
    """

    allow: tuple[IPNetwork, ...] = ()
    own_origins: frozenset[tuple[str, int]] = frozenset()
    own_path_prefixes: tuple[str, ...] = OWN_PATHS
    require_https: bool = False

    @classmethod
    def from_origins(cls, allow: Iterable[IPNetwork] = (), origins: Iterable[str] = (), *, require_https: bool = False) -> Self:
        """A policy whose own origins are given as URLs, such as `http://localhost:8000`. Raises `UrlRefused`."""
        targets = [parse_url(origin) for origin in origins]
        own = frozenset((target.host, target.port) for target in targets)
        return cls(allow=tuple(allow), own_origins=own, require_https=require_https)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The policy of an installation."""
        return cls.from_origins(settings.egress_allow, settings.own_origins)

    def is_own(self, target: Target) -> bool:
        """Whether the target is one of our own open paths, which are always allowed, by plain http too."""
        if (target.host, target.port) not in self.own_origins or "%" in target.path:
            return False
        return "/../" not in f"{target.path}/" and target.path.startswith(self.own_path_prefixes)

    def check_url(self, url: str) -> Target:
        """The target of a URL that requests may be sent to; a host that is a name is vetted when it is resolved.

        Raises `UrlRefused` for what is not a usable URL, `EgressBlocked` for an address that is not allowed.
        """
        target = parse_url(url)
        if self.is_own(target):
            return target
        if self.require_https and target.scheme != "https":
            raise UrlRefused("The URL must begin with https://; plain http is switched off here.")
        if target.address is not None:
            self.permitted(target.host, [target.host])
        return target

    def judge(self, address: str) -> Verdict:
        """What the policy says of one address. Raises `ValueError` for text that is no address."""
        return verdict(address, self.allow)

    def permitted(self, host: str, addresses: Iterable[str]) -> list[str]:
        """Those of a host's addresses that may be connected to, in their order. Raises `EgressBlocked` if none may."""
        judged = [Resolved(address, self.judge(address)) for address in addresses]
        allowed = [each.address for each in judged if each.verdict.allowed]
        if not allowed:
            raise EgressBlocked(host, judged[0].address, judged[0].verdict.rule)
        return allowed


def lookup(host: str, port: int, family: int = socket.AF_UNSPEC) -> list[str]:
    """The addresses of a host as the system resolves them, without repetition. Raises `HostNotFound`."""
    if address_of(host) is not None:
        return [host]
    try:
        found = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise HostNotFound(f"{host} cannot be resolved. Check the name and its DNS records.") from error
    addresses = dict.fromkeys(str(address[0]) for *_, address in found)
    if not addresses:
        raise HostNotFound(f"{host} has no address. Check its DNS records.")
    return list(addresses)


def resolve(host: str, port: int, policy: EgressPolicy) -> list[Resolved]:
    """Each address of a host with its verdict, as the URL tester shows them. Raises `HostNotFound`."""
    return [Resolved(address, policy.judge(address)) for address in lookup(host, port)]


class GuardedResolver(AbstractResolver):
    """aiohttp's resolver that hands on permitted addresses only.

    It has its own threads, since one name server that does not answer must not hold up the look-ups of other hosts.
    """

    def __init__(self, policy: EgressPolicy) -> None:
        self._policy = policy
        self._threads = ThreadPoolExecutor(_DNS_THREADS, thread_name_prefix="egress-dns")

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """The permitted addresses of `host`. Raises `EgressBlocked` or `HostNotFound`."""
        loop = asyncio.get_running_loop()
        addresses = await loop.run_in_executor(self._threads, lookup, host, port, family)
        if not to_ourselves.get():
            addresses = self._policy.permitted(host, addresses)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Let the threads go; look-ups that run are left to end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class GuardedConnector(aiohttp.TCPConnector):
    """aiohttp's connector that judges the very address of each socket before it connects, literal ones too."""

    def __init__(self, policy: EgressPolicy, **options: Any) -> None:
        self._policy = policy
        self._guard = GuardedResolver(policy)
        # aiohttp leaves part of socket_factory's type open.
        super().__init__(resolver=self._guard, socket_factory=self._socket, **options)  # pyright: ignore[reportUnknownMemberType]

    def _socket(self, info: _AddressInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if not to_ourselves.get():
            ip = str(address[0])
            self._policy.permitted(ip, [ip])
        return socket.socket(family, kind, protocol)

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's signature
    ) -> aiohttp.connector.Connection:
        """A connection for one request. Raises `EgressBlocked` or `UrlRefused`.

        Connections are kept alive by host, so one that reached our own receiver could carry a request to the rest of
        our origin. A request there that is not to an open path therefore has its addresses judged first.
        """
        url = req.url
        if self._policy.require_https or (url.raw_host, url.port) in self._policy.own_origins:
            target = self._policy.check_url(str(url))
            if self._policy.is_own(target):
                return await self._connect_to_ourselves(req, traces, timeout)
            await self._guard.resolve(target.host, target.port)
        return await super().connect(req, traces, timeout)

    async def _connect_to_ourselves(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's signature
    ) -> aiohttp.connector.Connection:
        token = to_ourselves.set(True)
        try:
            return await super().connect(req, traces, timeout)
        finally:
            to_ourselves.reset(token)
