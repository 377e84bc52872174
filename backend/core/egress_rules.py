"""Which addresses and URLs outgoing HTTP may go to. Pure decisions; `egress` connects by them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult, urlsplit

import idna

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

DEFAULT_PORTS: Final = {"http": 80, "https": 443}

# The first network that holds an address names its rule. Sources: IANA's special-purpose address registries (RFC 6890
# and its updates), the published metadata addresses of the clouds, and the lists of other webhook senders.
_BLOCKED: Final[tuple[tuple[IPNetwork, str], ...]] = tuple(
    (ipaddress.ip_network(network), rule)
    for network, rule in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.100.100.200/32", "cloud metadata"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "cloud metadata"),
        ("169.254.169.254/32", "cloud metadata"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.192/32", "cloud metadata"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "AS112"),
        ("192.52.193.0/24", "AMT"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "AS112"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::/96", "IPv4-compatible"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "NAT64"),
        ("100::/64", "discard"),
        ("100:0:0:1::/64", "dummy"),
        ("2001::/32", "Teredo"),
        ("2001:2::/48", "benchmarking"),
        ("2001:10::/28", "ORCHID"),
        ("2001:20::/28", "ORCHID"),
        ("2001:db8::/32", "documentation"),
        ("2001::/23", "protocol assignments"),
        ("2002::/16", "6to4"),
        ("2620:4f:8000::/48", "AS112"),
        ("3fff::/20", "documentation"),
        ("5f00::/16", "segment routing"),
        ("fd00:ec2::254/128", "cloud metadata"),
        ("fd20:ce::254/128", "cloud metadata"),
        ("fc00::/7", "unique local"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)
_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_ISATAP: Final = (0x00005EFE, 0x02005EFE)

_CONTROL: Final = re.compile(r"[\x00-\x20\x7f\\]")
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_NUMERIC_LABEL: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an address may be connected to, and the rule that decides, such as `loopback (127.0.0.0/8)`."""

    allowed: bool
    rule: str


@dataclass(frozen=True, slots=True)
class Target:
    """A checked URL: lower-case ASCII host without brackets, explicit port, path as the server will see it."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def address(self) -> IPAddress | None:
        """The address, when the host is one."""
        return address_of(self.host)


class UrlRefused(ValueError):
    """The URL is not one that a request can be sent to; the text says how to write it."""


def address_of(text: str) -> IPAddress | None:
    """The IP address that `text` is (a zone after % included), or None."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def verdict(ip: IPAddress | str, allow: Iterable[IPNetwork] = ()) -> Verdict:
    """Whether `ip` may be connected to; `allow` are the networks that the operator names, which win over every rule.

    A v4-mapped address (::ffff:a.b.c.d) is judged as the IPv4 address to which the kernel would connect. The other forms
    that embed one (NAT64, 6to4, Teredo, IPv4-compatible, ISATAP) are refused even when the embedded address is public,
    since what lies behind the gateway cannot be judged from here. Raises `ValueError` for text that is no address.
    """
    return _verdict(ipaddress.ip_address(ip) if isinstance(ip, str) else ip, tuple(allow))


@lru_cache(maxsize=4096)
def _verdict(ip: IPAddress, allow: tuple[IPNetwork, ...]) -> Verdict:
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    for network in allow:
        if ip in network:
            return Verdict(allowed=True, rule=f"allowed by CROSSDOCK_EGRESS_ALLOW ({network})")
    for network, rule in _BLOCKED:
        if ip in network:
            return Verdict(allowed=False, rule=f"{rule} ({network})")
    if isinstance(ip, ipaddress.IPv6Address):
        if (int(ip) >> 32) & 0xFFFFFFFF in _ISATAP:
            return Verdict(allowed=False, rule="ISATAP (::5efe:0:0)")
        if ip not in _GLOBAL_UNICAST:
            return Verdict(allowed=False, rule=f"reserved (outside {_GLOBAL_UNICAST})")
    return Verdict(allowed=True, rule="public address")


def parse_url(url: str, *, require_https: bool = False) -> Target:
    """The target of an http or https URL. Says nothing about its address. Raises `UrlRefused`.

    Only spellings that every URL library reads alike are taken: no control characters, spaces or backslashes, no
    credentials, IPv4 as four decimal numbers, international names as IDNA 2008 maps them.
    """
    if len(url) > 2048:
        raise UrlRefused(f"The URL has {len(url)} characters; 2048 are accepted.")
    if _CONTROL.search(url):
        raise UrlRefused("The URL holds a space, a control character or a backslash. Remove it or write it as %20, %5C.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UrlRefused("The URL's host or port cannot be read. Write it like https://example.com:8443/path.") from None
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise UrlRefused("The URL must begin with https:// or http://.")
    if require_https and scheme != "https":
        raise UrlRefused("The URL must begin with https://; plain http is switched off here.")
    if "@" in parts.netloc:
        raise UrlRefused("The URL holds a user name or password. Put credentials in a header, such as Authorization.")
    if port == 0:
        raise UrlRefused("Port 0 cannot be connected to. Leave the port out or use 1 to 65535.")
    return Target(scheme, _host(parts), DEFAULT_PORTS[scheme] if port is None else port, parts.path or "/")


def _host(parts: SplitResult) -> str:
    """The host as lower-case ASCII without brackets. Raises `UrlRefused`."""
    host = parts.hostname or ""
    if not host:
        raise UrlRefused("The URL has no host. Write it like https://example.com/path.")
    if "[" in parts.netloc:
        return _ipv6(host)
    try:
        # UTS 46 maps full-width digits and the like first, so what they spell is judged below.
        name = host.lower() if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        raise UrlRefused(f"The host name {host} is not a valid international domain name. Check its spelling.") from None
    labels = name.removesuffix(".").split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise UrlRefused("The host name is not valid: labels of letters, digits and hyphens, with dots between them.")
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            raise UrlRefused("An IPv4 address is written as four decimal numbers, such as 192.0.2.1.") from None
    return name


def _ipv6(host: str) -> str:
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError:
        raise UrlRefused("What stands in brackets is not an IPv6 address.") from None
    if address.scope_id is not None:
        raise UrlRefused("An IPv6 address with a zone (%) names a network card of one machine. Leave the zone out.")
    return str(address)
