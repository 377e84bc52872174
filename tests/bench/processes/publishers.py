"""Concurrent publishers over HTTP.

`publishers PORT PATH KEY CONNECTIONS SECONDS BATCH` sends the same event, or batches of it, and prints `{"rate": events accepted
per second, "accepted": how many in all}`.
"""

from __future__ import annotations

import asyncio
import json
import sys

from tests.bench.processes import callers

_EVENT = '{"type":"order.created","data":{"order_id":"4711","total":17,"currency":"EUR","lines":[{"sku":"A-1","quantity":2}]}}'


async def main(port: int, path: str, key: str, connections: int, seconds: float, batch: int) -> None:
    """Publish for `seconds`, and print the events accepted per second."""
    body = (_EVENT if batch == 1 else '{"events":[' + ",".join([_EVENT] * batch) + "]}").encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    count = await callers.call(port, head.encode() + body, status=202, connections=connections, seconds=seconds)
    sys.stdout.write(json.dumps({"rate": count.timed * batch / seconds, "accepted": count.answers * batch}) + "\n")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]), int(sys.argv[6])))
