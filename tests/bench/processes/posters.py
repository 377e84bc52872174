"""Concurrent sources over HTTP, each request about another of some people, with another amount.

`posters PORT PATH CONNECTIONS SECONDS PEOPLE` prints `{"rate": requests taken per second, "accepted": how many in all}`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys

from tests.bench.processes import callers


async def main(port: int, path: str, connections: int, seconds: float, people: int) -> None:
    """Post for `seconds`, and print the requests taken per second."""
    numbers = itertools.count()

    def request() -> bytes:
        number = next(numbers)
        body = (
            f'{{"email":"ada.{number % people}@example.com","name":"Ada Byron","amount":{number},"tags":["new","web"],'
            '"address":{"city":"London","postcode":"N1 9GU","country":"GB"}}'
        )
        return (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    count = await callers.call(port, request, status=20, connections=connections, seconds=seconds)  # 200 or 201
    sys.stdout.write(json.dumps({"rate": count.timed / seconds, "accepted": count.answers}) + "\n")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])))
