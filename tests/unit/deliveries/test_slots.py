from __future__ import annotations

from backend.core import clock
from backend.core.signing import SignatureStyle
from backend.deliveries.slots import FIRST_CAP, LANE_CAP, SLOTS, Slots
from backend.deliveries.values import Claim, Target
from backend.webhooks.policy import RetryPolicy


def claims(webhook_id: str, count: int, *, kind: str = "event", start: int = 0) -> list[Claim]:
    target = Target(webhook_id, "wsp_1", "http://x/", ("s",), {}, SignatureStyle.HEX, True, 15.0, RetryPolicy(), clock.now())
    return [
        Claim(f"dlv_{webhook_id}_{start + n}", "run", "wsp_1", "evt", webhook_id, "t", kind, 0, 0, "event", b"12345", target)
        for n in range(count)
    ]


def test_a_receiver_starts_with_a_few_attempts_at_a_time():
    slots = Slots()
    slots.add(claims("a", 50))
    assert len(list(slots.next(0.0))) == FIRST_CAP
    assert list(slots.next(0.0)) == []


def test_each_quick_success_earns_another_attempt_at_a_time_up_to_a_bound():
    slots = Slots()
    slots.add(claims("a", 2000))
    begun = list(slots.next(0.0))
    for _ in range(500):
        slots.end(begun.pop(0), 0.01, failed=False)
        begun += slots.next(0.01)
    assert len(begun) == LANE_CAP


def test_attempts_that_take_long_give_their_slots_to_others():
    slots = Slots()
    for lane in range(SLOTS // FIRST_CAP + 1):
        slots.add(claims(f"slow{lane}", FIRST_CAP))
    slots.add(claims("quick", 3))
    assert {claim.webhook_id for claim in slots.next(0.0)} == {f"slow{lane}" for lane in range(SLOTS // FIRST_CAP + 1)} | {"quick"}
    assert list(slots.next(0.5)) == []
    assert slots.has_waiting
    assert len(list(slots.next(1.1))) > 0
    assert not slots.has_waiting
    assert slots.slow == SLOTS


def test_a_slow_receiver_falls_back_to_a_few_and_claims_no_backlog():
    slots = Slots()
    slots.add(claims("a", 200))
    begun = list(slots.next(0.0))
    for _ in range(40):
        slots.end(begun.pop(0), 0.01, failed=False)
        begun += slots.next(0.01)
    assert len(begun) > FIRST_CAP
    list(slots.next(2.0))
    assert slots.slow_lanes() == ["a"]
    assert slots.quota("a") == 0
    assert slots.full() == ["a"]


def test_test_sends_pass_everything():
    slots = Slots()
    slots.add(claims("a", 50))
    slots.add(claims("a", 1, kind="test", start=100))
    assert next(slots.next(0.0)).is_test


def test_lanes_take_turns():
    slots = Slots()
    slots.add(claims("a", 4))
    slots.add(claims("b", 4))
    assert [claim.webhook_id for claim in slots.next(0.0)] == ["a", "b"] * 4


def test_what_is_not_begun_can_be_given_back_and_nothing_remains_counted():
    slots = Slots()
    slots.add(claims("a", 20))
    begun = list(slots.next(0.0))
    returned = slots.give_back()
    assert len(returned) == 20 - len(begun)
    for claim in begun:
        slots.end(claim, 0.1, failed=True)
    assert (slots.bytes, slots.hand, slots.sending, slots.has_waiting) == (0, 0, 0, False)
