"""A shift over deliveries that are due. `shift URL COUNT WEBHOOKS` prints rate and CPU; DATABASE_URL is migrated by it."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import sys
import time

from backend.core import ids
from backend.core.egress import EgressPolicy
from backend.deliveries.engine import Shift
from backend.deliveries.sender import Sender
from backend.deliveries.store import Store
from tests.bench.processes import fill
from tests.factories import deliveries as make


async def main(url: str, count: int, webhooks: int) -> None:
    """Deliver `count` durable deliveries, each with its whole log, and print `{"rate": per second, "cpu_us": each}`."""
    fill.open_database()
    workspace_id = make.workspace()
    fill.subscribe(workspace_id, url, webhooks)
    fill.publish(workspace_id, count // webhooks)
    count -= count % webhooks
    run_id = ids.new("run")
    sender = Sender(EgressPolicy(allow=(ipaddress.ip_network("127.0.0.0/8"),)))
    shift = Shift(Store(lambda: run_id), sender, hints=False)

    async def watch() -> None:
        while shift.report.sent < count:  # noqa: ASYNC110 - a count has no event
            await asyncio.sleep(0.02)
        shift.stop()

    begun, cpu = time.perf_counter(), time.process_time()
    watching = asyncio.create_task(watch())
    await shift.run()
    took, cpu = time.perf_counter() - begun, time.process_time() - cpu
    await watching
    await sender.close()
    sys.stdout.write(json.dumps({"rate": count / took, "cpu_us": cpu / count * 1e6}) + "\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
