"""Which limits a request spends from at the door, and what is said when they are used up."""

from __future__ import annotations

from typing import Final

from backend.api_keys.rules import KeyRecord
from backend.core import rate_limit
from backend.core.errors import RateLimited, Unavailable
from backend.core.rate_limit import Limiter, Verdict, Window
from backend.gateway.exchange import Exchange

STRANGERS: Final = (Window("anonymous", 100, 60),)


class Limits:
    """The limits of keys and of strangers. Keys go on by a local count while Redis is away; strangers do not."""

    def __init__(self) -> None:
        self._limiter = Limiter()

    async def spend_key(self, exchange: Exchange, record: KeyRecord) -> None:
        """Spend from every window of a key. Raises `RateLimited`."""
        if record.limits:
            verdict = await self._limiter.spend(record.key_id, record.limits, or_locally=True)
            _judge(exchange, verdict, "this API key")

    async def spend_anonymous(self, exchange: Exchange) -> None:
        """Spend from the window of an address without a credential. Raises `RateLimited`, and `Unavailable` without Redis."""
        verdict = await self._limiter.spend(_stranger(exchange), STRANGERS, or_locally=False)
        _judge(exchange, verdict, "requests without a credential from this address")

    async def note_stranger(self, exchange: Exchange) -> None:
        """The same for a request that is refused anyway: without Redis it is simply refused."""
        try:
            await self.spend_anonymous(exchange)
        except Unavailable:
            return


def _stranger(exchange: Exchange) -> str:
    return f"ip:{exchange.ip}"


def _judge(exchange: Exchange, verdict: Verdict, whose: str) -> None:
    tightest = verdict.tightest
    exchange.note_limit(tightest.window.name, tightest.remaining, rate_limit.headers(verdict))
    if not verdict.allowed:
        window, wait = tightest.window, tightest.ends_in_seconds
        raise RateLimited(f"The limit of {window.limit:,} {window.words} for {whose} is used up. Try again in {wait} s.", wait)
