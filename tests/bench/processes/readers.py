"""Concurrent readers over HTTP. `readers PORT PATH KEY CONNECTIONS SECONDS STATUS` prints `{"rate": answers per second, "answers": in all}`."""

from __future__ import annotations

import asyncio
import json
import sys

from tests.bench.processes import callers


async def main(port: int, path: str, key: str, connections: int, seconds: float, status: int) -> None:
    """Read for `seconds`, and print the answers per second; every answer has `status`, or any if that is 0."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n\r\n"
    count = await callers.call(port, request.encode(), status=status, connections=connections, seconds=seconds)
    sys.stdout.write(json.dumps({"rate": count.timed / seconds, "answers": count.answers}) + "\n")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]), int(sys.argv[6])))
