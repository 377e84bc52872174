"""Who may send next: a share of the slots for each receiver, so that a slow or dead one never delays the others. Pure.

Attempts that take longer than a second leave the slots for quick ones and count against a larger budget of their own. A
receiver starts with a few attempts at a time; each quick one earns it another, a slow one takes it back to the few.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from backend.deliveries.values import Claim

SLOTS: Final = 192  # attempts at a time that are younger than a second
SLOW_SLOTS: Final = 1024  # those that are older
SLOW_SECONDS: Final = 1.0
FIRST_CAP: Final = 8
LANE_CAP: Final = 64
CROWDED_CAP: Final = 2
_BACKLOG: Final = 4  # claimed for a quick receiver, as a multiple of its cap


@dataclass(slots=True)
class _Lane:
    queue: deque[Claim] = field(default_factory=deque[Claim])
    sending: int = 0
    cap: int = FIRST_CAP
    is_slow: bool = False
    is_queued: bool = False  # in the round


class Slots:
    """What is claimed and waits to be sent, and what is being sent, of one shift. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._round: deque[str] = deque()
        self._young: dict[str, tuple[float, str]] = {}  # delivery → begun and webhook, oldest first
        self._old: set[str] = set()
        self._tests: deque[Claim] = deque()
        self._queued = 0
        self.bytes = 0

    @property
    def hand(self) -> int:
        """Claimed deliveries that wait or were begun less than a second ago."""
        return self._queued + len(self._tests) + len(self._young)

    @property
    def sending(self) -> int:
        """Attempts under way."""
        return len(self._young) + len(self._old)

    @property
    def slow(self) -> int:
        """Attempts under way for more than a second."""
        return len(self._old)

    @property
    def has_waiting(self) -> bool:
        """Whether something that is claimed waits to be sent."""
        return self._queued > 0 or bool(self._tests)

    def held(self) -> list[str]:
        """The deliveries that wait or are being sent."""
        waiting = [claim.id for lane in self._lanes.values() for claim in lane.queue]
        return [*waiting, *(claim.id for claim in self._tests), *self._young, *self._old]

    def quota(self, webhook_id: str) -> int:
        """How many more deliveries of a webhook may be claimed."""
        lane = self._lanes.get(webhook_id)
        if lane is None:
            return FIRST_CAP * _BACKLOG
        share = self._cap(lane) if lane.is_slow else lane.cap * _BACKLOG
        return max(share - len(lane.queue) - lane.sending, 0)

    def full(self) -> list[str]:
        """The webhooks of which no more may be claimed for now."""
        return [webhook_id for webhook_id in self._lanes if self.quota(webhook_id) == 0]

    def slow_lanes(self) -> list[str]:
        """The webhooks whose receivers are slow."""
        return [webhook_id for webhook_id, lane in self._lanes.items() if lane.is_slow]

    def add(self, claims: list[Claim]) -> None:
        """Take claimed deliveries in; test sends go first, past every share."""
        for claim in claims:
            self.bytes += len(claim.body)
            if claim.is_test:
                self._tests.append(claim)
                continue
            lane = self._lanes.setdefault(claim.webhook_id, _Lane())
            lane.queue.append(claim)
            self._queued += 1
            self._enter(claim.webhook_id, lane)

    def next(self, now: float) -> Iterator[Claim]:
        """Deliveries to be begun at this moment; each that is yielded counts as begun."""
        self.age(now)
        while self._tests:
            yield self._begin(self._tests.popleft(), now)
        while self._round and len(self._young) < SLOTS:
            webhook_id = self._round.popleft()
            lane = self._lanes[webhook_id]
            lane.is_queued = False
            if not lane.queue or lane.sending >= self._cap(lane):
                continue
            lane.sending += 1
            self._queued -= 1
            claim = lane.queue.popleft()
            self._enter(webhook_id, lane)
            yield self._begin(claim, now)

    def age(self, now: float) -> None:
        """Move what was begun more than a second ago to the budget for slow ones, which may hold every slow receiver's few."""
        while self._young and len(self._old) < SLOW_SLOTS:
            delivery_id = next(iter(self._young))
            begun, webhook_id = self._young[delivery_id]
            if now - begun <= SLOW_SECONDS:
                return
            del self._young[delivery_id]
            self._old.add(delivery_id)
            if lane := self._lanes.get(webhook_id):
                lane.is_slow, lane.cap = True, FIRST_CAP

    def end(self, claim: Claim, now: float, *, failed: bool) -> None:
        """An attempt is over."""
        young = self._young.pop(claim.id, None)
        self._old.discard(claim.id)
        self.bytes -= len(claim.body)
        lane = self._lanes.get(claim.webhook_id)
        if claim.is_test or lane is None:
            return
        lane.sending -= 1
        if young is None or now - young[0] > SLOW_SECONDS:
            lane.is_slow, lane.cap = True, FIRST_CAP
        elif failed:
            lane.is_slow, lane.cap = False, max(lane.cap // 2, FIRST_CAP)
        else:
            lane.is_slow, lane.cap = False, min(lane.cap + 1, LANE_CAP)
        self._enter(claim.webhook_id, lane)

    def give_back(self, webhook_ids: frozenset[str] | None = None) -> list[Claim]:
        """Take out what waits to be sent, of some webhooks or all (then test sends too)."""
        taken: list[Claim] = []
        for webhook_id, lane in self._lanes.items():
            if webhook_ids is None or webhook_id in webhook_ids:
                taken += lane.queue
                lane.queue.clear()
        self._queued -= len(taken)
        if webhook_ids is None:
            taken += self._tests
            self._tests.clear()
        self.bytes -= sum(len(claim.body) for claim in taken)
        return taken

    def _begin(self, claim: Claim, now: float) -> Claim:
        self._young[claim.id] = (now, claim.webhook_id)
        return claim

    def _enter(self, webhook_id: str, lane: _Lane) -> None:
        if lane.queue and not lane.is_queued and lane.sending < self._cap(lane):
            lane.is_queued = True
            self._round.append(webhook_id)

    def _cap(self, lane: _Lane) -> int:
        return CROWDED_CAP if lane.is_slow and len(self._old) > SLOW_SLOTS // 2 else lane.cap
