"""One process of an installation that reaches nothing but this machine, whatever addresses are made up: `python -m tests.fuzz.inside api`."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from backend import __main__ as processes

# For documentation alone (RFC 5737), and refused by the rules of egress: nobody is asked, and nobody is out of reach for now.
_NOBODY = "192.0.2.1"
_look_up = socket.getaddrinfo


class _Inside(socket.socket):
    """A socket that connects to loopback and to files."""

    def connect(self, address: Any, /) -> None:
        _judge(address)
        super().connect(address)

    def connect_ex(self, address: Any, /) -> int:
        _judge(address)
        return super().connect_ex(address)


def _judge(address: Any) -> None:
    if isinstance(address, tuple) and not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback:
        raise ConnectionRefusedError(f"{address[0]} is not on this machine.")


def _look_up_inside(host: Any, *arguments: Any, **more: Any) -> Any:
    """Addresses as they are written, and the name of this machine; every other name is nobody's."""
    name = host.decode() if isinstance(host, bytes) else host
    if name not in {None, "", "localhost"}:
        try:
            ipaddress.ip_address(name.partition("%")[0])
        except ValueError:
            return _look_up(_NOBODY, *arguments, **more)
    return _look_up(host, *arguments, **more)


if __name__ == "__main__":
    socket.socket = _Inside  # type: ignore[misc] - what every library takes it from
    socket.getaddrinfo = _look_up_inside
    processes.main()
