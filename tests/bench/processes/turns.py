"""The transactions of a shift without its requests, on a database that `stock` filled. `turns COUNT`.

Each turn writes that everything which the turn before had claimed was delivered, and claims as much again; what was taken is
published anew between them, so that every turn meets the same number of rows. Prints the medians of one turn, `{"ms": by the
clock, "cpu_ms": of the processor}`.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

from sqlmodel import col, select

from backend.core import clock, db, ids
from backend.deliveries.store import Store, Turn
from backend.deliveries.values import Claim, Exchange, Finished
from backend.models import Webhook
from tests.bench.processes import fill
from tests.factories import deliveries as make

_EACH = 10  # deliveries that a turn takes of each webhook
_WARM = 3


def main(count: int) -> None:
    """Take the turns and print what one took."""
    fill.open_database()
    with db.transaction() as session:
        webhooks = {row.id: row for row in session.exec(select(Webhook).order_by(col(Webhook.id))).all()}
    run_id = ids.new("run")
    store = Store(lambda: run_id)
    store.begin()
    claims: list[Claim] = []
    taken: list[float] = []
    used: list[float] = []
    for _ in range(_WARM + count):
        turn = Turn([_delivered(claim) for claim in claims], (), _EACH * len(webhooks), lambda _webhook_id: _EACH, ())
        begun, cpu = time.perf_counter(), time.thread_time()
        claims = store.turn(turn).claims
        taken.append(time.perf_counter() - begun)
        used.append(time.thread_time() - cpu)
        if len(claims) < _EACH * (len(webhooks) - 1):
            raise RuntimeError(f"Only {len(claims)} deliveries were claimed.")
        _replace(webhooks, claims)
    store.turn(Turn([_delivered(claim) for claim in claims]))
    medians = {name: statistics.median(values[_WARM:]) * 1000 for name, values in (("ms", taken), ("cpu_ms", used))}
    sys.stdout.write(json.dumps(medians) + "\n")


def _delivered(claim: Claim) -> Finished:
    headers = {"Content-Type": "application/json", "User-Agent": "Crossdock/0", "webhook-id": claim.event_id}
    exchange = Exchange(clock.now(), 12.5, headers, 200, address="127.0.0.1", first_byte_ms=12.0, body=b"ok")
    exchange.response_headers = [("Content-Type", "text/plain"), ("Content-Length", "2")]
    return Finished(claim, exchange)


def _replace(webhooks: dict[str, Webhook], claims: list[Claim]) -> None:
    """As many new deliveries of each webhook as were claimed of it."""
    for identifier, webhook in webhooks.items():
        if count := sum(claim.webhook_id == identifier for claim in claims):
            make.publish(webhook, count=count)


if __name__ == "__main__":
    main(int(sys.argv[1]))
