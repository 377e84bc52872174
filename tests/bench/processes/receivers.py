"""Several receivers in one process, of which some take requests and never answer. `receivers HEALTHY HANGING`.

Prints their ports, the healthy ones first, and at its end `{"count": …, "p50_ms": …, "p99_ms": …}`: how long what arrived at
the healthy ones had taken since the moment that its event names as `sent`, on this machine's monotonic clock.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from tests.bench.processes.receiver import Receiver

_SENT = b'"sent":'


class _Timing(Receiver):
    taken: list[float]

    def __init__(self, taken: list[float]) -> None:
        super().__init__()
        self.taken = taken

    def took_in(self, body: bytes) -> None:
        at = body.find(_SENT)
        if at >= 0:
            sent = body[at + len(_SENT) :].split(b"}", 1)[0].split(b",", 1)[0]
            self.taken.append(time.monotonic() - float(sent))


class _Hanging(asyncio.Protocol):
    """Reads and says nothing."""


async def main(healthy: int, hanging: int) -> None:
    """Serve until the input ends, then print what was measured."""
    loop = asyncio.get_running_loop()
    taken: list[float] = []
    servers = [await loop.create_server(lambda: _Timing(taken), "127.0.0.1", 0, backlog=1024) for _ in range(healthy)]
    servers += [await loop.create_server(_Hanging, "127.0.0.1", 0, backlog=1024) for _ in range(hanging)]
    sys.stdout.write(json.dumps([server.sockets[0].getsockname()[1] for server in servers]) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    taken.sort()
    count = len(taken)
    p50, p99 = (taken[int(count * share)] * 1000 if taken else 0.0 for share in (0.5, 0.99))
    sys.stdout.write(json.dumps({"count": count, "p50_ms": p50, "p99_ms": p99}) + "\n")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
