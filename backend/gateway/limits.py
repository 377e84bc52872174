"""Which limits a request spends from at the door, and what is said when they are used up."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from backend.api_keys.rules import KeyRecord
from backend.core import rate_limit
from backend.core.actor import Actor
from backend.core.errors import RateLimited, Unavailable
from backend.core.rate_limit import Limiter, Standing, Verdict, Window
from backend.gateway.exchange import Exchange
from backend.gateway.instance import GatewaySettings
from backend.gateway.table import Call, NoCall

MINUTE: Final = 60
# A caller that is refused is refused without asking Redis again for this long: a flood costs nearly nothing.
REMEMBER_SECONDS: Final = 1.0
MAX_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Refusal:
    verdict: Verdict
    windows: tuple[Window, ...]
    at: float


class Limits:
    """The limits of keys, users and strangers. Known callers go on by a local count while Redis is away; strangers do not."""

    def __init__(self) -> None:
        self._limiter = Limiter()
        self._refused: dict[str, _Refusal] = {}

    async def spend_key(self, exchange: Exchange, record: KeyRecord, settings: GatewaySettings) -> None:
        """Spend from every window of a key, and from that of the endpoint. Raises `RateLimited`."""
        windows = (*record.limits, *_endpoint(exchange, settings))
        if windows:
            await self._spend(exchange, record.key_id, windows, whose="this API key", or_locally=True)

    async def spend_user(self, exchange: Exchange, user: Actor, settings: GatewaySettings) -> None:
        """Spend from the window of the endpoint for a user, who has no limit otherwise. Raises `RateLimited`."""
        windows = _endpoint(exchange, settings)
        if windows:
            await self._spend(exchange, user.id, windows, whose="this user", or_locally=True)

    async def spend_anonymous(self, exchange: Exchange, settings: GatewaySettings, *, or_locally: bool = False) -> None:
        """Spend from the window of an address without a credential. Raises `RateLimited`, and `Unavailable` without Redis.

        Signing in must work then too: it goes on by a local count (`or_locally`).
        """
        windows = (Window("anonymous", settings.anonymous_per_minute, MINUTE), *_endpoint(exchange, settings))
        whose = "requests without a credential from this address"
        await self._spend(exchange, f"ip:{exchange.ip}", windows, whose=whose, or_locally=or_locally)

    async def note_stranger(self, exchange: Exchange, settings: GatewaySettings) -> None:
        """The same for a request that is refused anyway: without Redis it is simply refused."""
        try:
            await self.spend_anonymous(exchange, settings)
        except Unavailable:
            return

    async def _spend(self, exchange: Exchange, caller: str, windows: tuple[Window, ...], *, whose: str, or_locally: bool) -> None:
        verdict = self._remembered(caller, windows)
        if verdict is None:
            verdict = await self._limiter.spend(caller, windows, or_locally=or_locally)
            if not verdict.allowed:
                self._remember(caller, windows, verdict)
        tightest = verdict.tightest
        exchange.note_limit(tightest.window.name, tightest.remaining, rate_limit.headers(verdict))
        if not verdict.allowed:
            window, wait = tightest.window, tightest.ends_in_seconds
            spent = tuple(each.window.name for each in verdict.standings if each.remaining < 1)
            told = f"The limit of {window.limit:,} {window.words} for {whose} is used up. Try again in {wait} s."
            raise RateLimited(told, wait, spent)

    def _remembered(self, caller: str, windows: tuple[Window, ...]) -> Verdict | None:
        """The refusal of a moment ago as it stands now, unless a window has ended or a limit has changed since."""
        found = self._refused.get(caller)
        if found is None or found.windows != windows:
            return None
        passed = time.monotonic() - found.at
        if passed > REMEMBER_SECONDS or passed * 1000 >= found.verdict.tightest.ends_in_ms:
            return None
        moved = (Standing(s.window, s.remaining, max(0, s.ends_in_ms - int(passed * 1000))) for s in found.verdict.standings)
        return Verdict(allowed=False, standings=tuple(moved), is_local=found.verdict.is_local)

    def _remember(self, caller: str, windows: tuple[Window, ...], verdict: Verdict) -> None:
        if len(self._refused) >= MAX_REMEMBERED:
            self._refused.clear()
        self._refused[caller] = _Refusal(verdict, windows, time.monotonic())


def of_endpoint(call: Call | NoCall | None, settings: GatewaySettings) -> Window | None:
    """The window of the endpoint that is called, if the operator has set one; each caller has its own."""
    limit = settings.endpoint_limits.get(call.route) if isinstance(call, Call) else None
    return Window(call.route, limit, MINUTE) if isinstance(call, Call) and limit is not None else None


def _endpoint(exchange: Exchange, settings: GatewaySettings) -> tuple[Window, ...]:
    window = of_endpoint(exchange.call, settings) if settings.endpoint_limits else None
    return (window,) if window is not None else ()
