"""Closing a connection without an answer, which no ASGI message can say."""

from __future__ import annotations

import os
import socket
import stat
import struct
from typing import Any

_LINGER = struct.pack("ii", 1, 0)


def close_connection(client: Any) -> bool:
    """Close this process's TCP connection with the peer `client` (host, port), as ASGI's scope names it; whether it was found.

    The socket belongs to the server, which is not asked: it finds its connection gone.
    """
    if not client or not client[1]:
        return False
    peer = (client[0], int(client[1]))
    return any(_shut(int(name), peer) for name in os.listdir("/dev/fd"))  # noqa: PTH208 - names are all that is wanted


def _shut(descriptor: int, peer: tuple[str, int]) -> bool:
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return False
        with socket.socket(fileno=os.dup(descriptor)) as connection:
            if connection.family not in {socket.AF_INET, socket.AF_INET6} or connection.getpeername()[:2] != peer:
                return False
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
            connection.shutdown(socket.SHUT_RDWR)
            return True
    except OSError:  # closed meanwhile, or not connected
        return False
