"""A publisher at a steady rate, which never waits for an answer before the next event is due. `steady PORT KEY RATE WARM_UP SECONDS`.

Each event says as `sent` when it was due, on this machine's monotonic clock: an event that goes out late counts as late. Those of the
first `WARM_UP` seconds, while processes load their code and receivers earn their share, do not say it, and count as accepted alone.
Prints `{"accepted": count}`; anything but 202 ends it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import aiohttp


async def main(port: int, key: str, rate: float, warm_up: float, seconds: float) -> None:
    """Publish, and wait for every answer."""
    url, headers = f"http://127.0.0.1:{port}/api/v1/events", {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers) as session:

        async def publish(due: float, *, counts: bool) -> None:
            data = {"order_id": "4711"} | ({"sent": due} if counts else {})
            async with session.post(url, json={"type": "order.created", "data": data}) as answer:
                if answer.status != 202:
                    raise RuntimeError(f"{answer.status} {await answer.text()}")

        begun = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for number in range(int(rate * (warm_up + seconds))):
                due = begun + number / rate
                await asyncio.sleep(max(due - time.monotonic(), 0))
                tasks.create_task(publish(due, counts=number >= int(rate * warm_up)))
    sys.stdout.write(json.dumps({"accepted": int(rate * seconds)}) + "\n")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])))
