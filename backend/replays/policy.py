"""What decides about replays: how many items may be made at a moment, and which cannot go. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final

LEAST_RATE: Final = 0.1  # items per second
GREATEST_RATE: Final = 1000.0
DEFAULT_RATE: Final = 50.0
WINDOW_SECONDS: Final = 1.0
_MOST_CREDIT_SECONDS: Final = 1.0
_EXCESS: Final = 1.05  # of the rate, in any window; so what a late tick left undone is made up for without a burst


class Pace:
    """How many items may be made now, so that `rate` holds on average and 105 % of it, or one item more than it, in any second.

    Time that passes earns credit, a second's worth at most: after an outage nothing is made up for but that. It begins with
    credit for one item. Times are seconds of one monotonic clock.
    """

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self._credit = 1.0
        self._at = now
        self._made: deque[tuple[float, int]] = deque()

    def allowance(self, now: float) -> int:
        """How many items may be made at `now`."""
        earned = max(now - self._at, 0.0) * self.rate
        self._credit = min(self._credit + earned, max(self.rate * _MOST_CREDIT_SECONDS, 1.0))
        self._at = max(now, self._at)
        while self._made and self._made[0][0] <= now - WINDOW_SECONDS:
            self._made.popleft()
        recent = sum(count for _, count in self._made)
        return max(min(int(self._credit + 1e-9), max(int(self.rate * _EXCESS), int(self.rate + 1.0)) - recent), 0)

    def spend(self, count: int, now: float) -> None:
        """Note that `count` items, at most the allowance, were made at `now`."""
        if count:
            self._credit -= count
            self._made.append((now, count))


def refusal(*, webhook_state: str | None, disabled_reason: str, source_status: str | None) -> str | None:
    """Why an item cannot go, as a sentence; None if it can.

    `webhook_state` is None for a webhook that was deleted, `source_status` None where no delivery is replayed.
    """
    if webhook_state is None:
        return "Its webhook was deleted. Replay the event to another webhook."
    if webhook_state == "disabled":
        return f"Its webhook is disabled. {disabled_reason} Enable the webhook, then replay again.".replace("  ", " ")
    if source_status == "sending":
        return "It was being sent at that moment. Replay it if that failed."
    if source_status == "waiting":
        return "It has not been sent yet and is in line already."
    return None


def eta_seconds(*, remaining: int, rate: float | None, is_running: bool) -> float | None:
    """In how many seconds the last item will have been made; None unless that is foreseeable."""
    return remaining / rate if is_running and rate else None
