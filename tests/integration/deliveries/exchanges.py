"""Single attempts for tests of the sender: a claim as a shift makes it, sent over one pool of connections."""

from __future__ import annotations

import asyncio
from typing import Any

from backend.core import clock, signing
from backend.core.egress import EgressPolicy
from backend.core.signing import SignatureStyle
from backend.deliveries import advice
from backend.deliveries.sender import Sender
from backend.deliveries.values import Claim, ErrorClass, Exchange, Target
from backend.webhooks.policy import RetryPolicy
from tests.integration.deliveries.shifts import LOOPBACK

BODY = b'{"id":"evt_1","data":{}}'


def claim(url: str, *, timeout: float = 10.0, verify_ssl: bool = True, **target: Any) -> Claim:
    """One delivery to a URL, with the settings of its webhook in `target`."""
    goes_to = Target(
        "whk_1",
        "wsp_1",
        url,
        (signing.new_webhook_secret(),),
        {},
        SignatureStyle.HEX,
        verify_ssl,
        timeout,
        RetryPolicy(),
        clock.now(),
        **target,
    )
    return Claim("dlv_1", "run_1", "wsp_1", "evt_1", "whk_1", "order.created", "event", 0, 0, "event", BODY, goes_to)


def send(*claims: Claim, policy: EgressPolicy = LOOPBACK, pause: float = 0.0) -> list[Exchange]:
    """The exchanges of these attempts, one after another over one pool of connections."""

    async def run() -> list[Exchange]:
        made = Sender(policy)
        found: list[Exchange] = []
        try:
            for each in claims:
                found.append(await made.send(each))
                await asyncio.sleep(pause)
            return found
        finally:
            await made.close()

    return asyncio.run(run())


def failure(exchange: Exchange) -> ErrorClass:
    """The class of a failure that is explained."""
    assert exchange.error_class is not None
    assert exchange.error
    assert advice.advise(exchange.error_class, status_code=exchange.status_code, error=exchange.error)
    return exchange.error_class
