"""Whose address a request came from: the peer's, or what proxies that we trust say of it."""

from __future__ import annotations

import functools
import ipaddress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Networks = tuple[Network, ...]


def resolve(peer: str, forwarded_for: str, trusted: Networks) -> str:
    """The address of the client in its shortest form, v4-mapped ones as v4; the peer as it is if that is no address.

    `X-Forwarded-For` counts only when the peer is trusted, read from the right: each trusted hop vouches for the one before it, and
    the first that is not trusted is the client. An entry that is no address ends the walk at the hop that sent it.
    """
    client = _parse(peer)
    if client is None or not trusted or not forwarded_for:
        return _shortest(peer)
    for entry in reversed(forwarded_for.split(",")):
        if not _is_trusted(client, trusted):
            break
        before = _parse(_without_port(entry.strip()))
        if before is None:
            break
        client = before
    return str(client)


@functools.lru_cache(4096)
def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@functools.lru_cache(4096)
def _shortest(text: str) -> str:
    return str(_parse(text) or text)


def _is_trusted(address: ipaddress.IPv4Address | ipaddress.IPv6Address, trusted: Networks) -> bool:
    return any(address in network for network in trusted)


def _without_port(entry: str) -> str:
    """`203.0.113.7:4711` and `[2001:db8::1]:4711`, as some proxies write, without the port."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    host, colon, _ = entry.partition(":")
    return host if colon and entry.count(":") == 1 else entry
