"""A number of requests, as many at once as there are connections. `spenders PORT PATH KEY REQUESTS CONNECTIONS` prints how many had each status."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter

_LENGTH = b"content-length:"


async def main(port: int, path: str, key: str, requests: int, connections: int) -> None:
    """Send them and print `{"200": …, "429": …}`."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    shares = [requests // connections + (number < requests % connections) for number in range(connections)]
    found: Counter[str] = Counter()
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in shares]  # all open before the first request
    await asyncio.gather(*(_send(*each, request, share, found) for each, share in zip(streams, shares, strict=True)))
    sys.stdout.write(json.dumps(found) + "\n")


async def _send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, share: int, found: Counter[str]) -> None:
    """One after the other over one connection; those that follow wait for their answers only."""
    for _ in range(share):
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head[head.find(_LENGTH) + len(_LENGTH) :].split(b"\r\n", 1)[0]))
        found[head.split(b" ", 2)[1].decode()] += 1
    writer.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
