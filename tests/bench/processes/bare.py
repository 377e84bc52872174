"""The yardstick: POSTs over aiohttp and nothing else. `bare URL COUNT AT_ONCE` prints rate and CPU."""

from __future__ import annotations

import asyncio
import json
import sys
import time

import aiohttp

_BODY = b'{"id":"evt_01k5z7aaaaaaaaaaaaaaaaaaaa","event":"order.created","type":"order.created","data":{"order_id":"4711"}}' + b" " * 128
_HEADERS = {
    "Content-Type": "application/json",
    "User-Agent": "Crossdock/0",
    "webhook-id": "evt_01k5z7aaaaaaaaaaaaaaaaaaaa",
    "webhook-timestamp": "1700000000",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    "X-Webhook-Signature": "a" * 64,
    "X-Webhook-Event": "order.created",
    "X-Webhook-Delivery": "dlv_01k5z7aaaaaaaaaaaaaaaaaaaa",
    "X-Webhook-Timestamp": "1700000000",
    "X-Webhook-Attempt": "1",
}


async def main(url: str, count: int, at_once: int) -> None:
    """Send `count` requests, `at_once` at a time, and print `{"rate": per second, "cpu_us": each}`."""
    left = iter(range(count))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def send() -> None:
            for _ in left:
                async with session.post(url, data=_BODY, headers=_HEADERS) as response:
                    await response.read()

        begun, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(send() for _ in range(at_once)))
        took, cpu = time.perf_counter() - begun, time.process_time() - cpu
    sys.stdout.write(json.dumps({"rate": count / took, "cpu_us": cpu / count * 1e6}) + "\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
