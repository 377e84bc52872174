"""What asks for a replay, and what enables a webhook: counted first, then done, over the real websocket."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlmodel import col, select

from backend.core import db
from backend.core.actor import Actor
from backend.events import service as events
from backend.models import Delivery, Replay, Webhook
from backend.webhooks import service as webhooks
from backend.webhooks.values import WebhookInput
from tests.console.conftest import Tab, Web, signed_in, tab
from tests.console.handlers import STATE, find
from tests.factories import accounts
from tests.integration.incoming import steps

pytestmark = pytest.mark.usefixtures("redis")


def test_what_is_selected_is_counted_then_replayed_and_let_go(web: Web) -> None:
    owner = accounts.workspace()
    hook = _webhook(owner)
    first, second, _ = _failed(owner, hook.id, 3)

    async def story() -> dict[str, Any]:
        async with tab(web, signed_in(owner)) as page:
            await _load(page, "deliveries_state.load", "/settings/deliveries")
            for identifier in (first, second, first, first):  # selected, let go, selected again
                await page.send(find("deliveries_state.select"), {"delivery_id": identifier}, path="/settings/deliveries")
            await page.send(find("new_replay_state.ask"), {"scope": "selected"}, path="/settings/deliveries")
            await page.until(lambda seen: _shown(seen, "new_replay_state", "count"))
            counted = _shown(page, "new_replay_state", "count")
            await page.send(find("new_replay_state.start"), {"form": {"rate": "5", "reason": "Lost"}}, path="/settings/deliveries")
            await page.until(lambda seen: seen.was_sent_to("/settings/replays/rpl_"))
            return {"counted": counted, "selected": _shown(page, "deliveries_state", "selected")}

    found = asyncio.run(story())
    assert found == {"counted": "2", "selected": []}
    replay = _replays(owner)[0]
    assert (replay.kind, replay.total, replay.rate, replay.reason) == ("selection", 2, 5, "Lost")
    assert sorted(replay.filter["ids"]) == sorted([first, second])


def test_all_that_match_are_those_of_every_filter_of_the_address(web: Web) -> None:
    owner = accounts.workspace()
    hook = _webhook(owner)
    _failed(owner, hook.id, 2, last_status_code=503)
    _failed(owner, hook.id, 1, last_status_code=500)
    address = f"/settings/deliveries?webhook={hook.id}&status=dead&code=503"

    async def story() -> tuple[Any, Any]:
        async with tab(web, signed_in(owner)) as page:
            await _load(page, "deliveries_state.load", address)
            await page.send(find("new_replay_state.ask"), {"scope": "matching"}, path=address)
            await page.until(lambda seen: _shown(seen, "new_replay_state", "count"))
            return _shown(page, "new_replay_state", "count"), _shown(page, "new_replay_state", "what")

    count, what = asyncio.run(story())
    assert count == "2"
    assert what == f"Failed deliveries to {hook.name} answered with 503"


def test_nothing_selected_is_not_everything(web: Web) -> None:
    owner = accounts.workspace()
    hook = _webhook(owner)
    _failed(owner, hook.id, 2)

    async def story() -> Tab:
        async with tab(web, signed_in(owner)) as page:
            await _load(page, "deliveries_state.load", "/settings/deliveries")
            await page.send(find("new_replay_state.ask"), {"scope": "selected"}, path="/settings/deliveries")
            await page.until(lambda seen: _shown(seen, "new_replay_state", "errors"))
            await page.send(find("new_replay_state.start"), {"form": {"rate": "50"}}, path="/settings/deliveries")
            await _settled(page)
            return page

    page = asyncio.run(story())
    assert not page.was_sent_to("/settings/replays")
    assert not _replays(owner)


@pytest.mark.parametrize(("rate", "reason"), [("soon", "no number"), ("nan", "no number"), ("0", "out of range"), ("5000", "out of range")])
def test_a_rate_that_cannot_be_is_said_beside_its_field(web: Web, rate: str, reason: str) -> None:
    owner = accounts.workspace()
    hook = _webhook(owner)
    _failed(owner, hook.id, 1)
    address = f"/settings/webhooks/{hook.id}"

    async def story() -> Any:
        async with tab(web, signed_in(owner)) as page:
            await _load(page, "webhook_state.load", address)
            await page.send(find("new_replay_state.ask"), {"scope": "webhook"}, path=address)
            await page.until(lambda seen: _shown(seen, "new_replay_state", "count"))
            await page.send(find("new_replay_state.start"), {"form": {"rate": rate}}, path=address)
            await page.until(lambda seen: _shown(seen, "new_replay_state", "errors"))
            return _shown(page, "new_replay_state", "errors")

    assert reason in asyncio.run(story())["rate"]
    assert not _replays(owner)


@pytest.mark.parametrize(("answer", "made"), [("send", 3), ("skip", 0)])
def test_enabling_says_what_was_missed_and_sends_or_skips_it(web: Web, answer: str, made: int) -> None:
    owner = accounts.workspace()
    hook = _webhook(owner)
    with db.transaction(write=True) as session:
        webhooks.disable(session, actor=owner, webhook_id=hook.id)
    for number in range(3):
        with db.transaction(write=True) as session:
            events.publish(session, actor=owner, type="order.created", data={"n": number})
    address = f"/settings/webhooks/{hook.id}"

    async def story() -> Any:
        async with tab(web, signed_in(owner)) as page:
            await _load(page, "webhook_state.load", address)
            await page.send(find("enable_state.ask"), path=address)
            await page.until(lambda seen: _shown(seen, "enable_state", "missed"))
            missed = _shown(page, "enable_state", "missed")
            await page.send(find("enable_state.enable"), {"form": {"missed": answer}}, path=address)
            await page.until(lambda seen: seen.was_told("Enabled"))
            assert _shown(page, "webhook_state", "webhook")["status"] == "active"
            return missed

    assert asyncio.run(story()) == "0 deliveries held, 3 events skipped"
    with db.transaction() as session:
        assert len(session.exec(select(Delivery).where(col(Delivery.webhook_id) == hook.id)).all()) == made


def test_what_an_incoming_webhook_refused_is_counted_before_it_is_replayed(web: Web) -> None:
    owner = steps.people()
    hook, token = steps.make(owner)
    for _ in range(2):
        assert steps.say(token, {"name": "Ada"}).status_code == 422
    address = f"/settings/incoming/{hook.id}"

    async def story() -> list[Any]:
        async with tab(web, signed_in(owner)) as page:
            await _load(page, "incoming_webhook_state.load", address)
            await page.send(find("incoming_webhook_state.ask_replay"), path=address)
            await page.until(lambda seen: _shown(seen, "incoming_webhook_state", "failed"))
            counted = [_shown(page, "incoming_webhook_state", "ask"), _shown(page, "incoming_webhook_state", "failed")]
            await page.send(find("incoming_webhook_state.replay"), {"form": {"since": ""}}, path=address)
            await page.until(lambda seen: seen.was_told("2 requests are processed again."))
            await page.send(find("incoming_webhook_state.count_failed"), {"span": ""}, path=address)
            await page.until(lambda seen: "Nothing" in str(_shown(seen, "incoming_webhook_state", "failed")))
            return counted

    assert asyncio.run(story()) == ["replay", "2 requests will be processed again."]


async def _load(page: Tab, handler: str, address: str) -> None:
    await page.send(f"{STATE}.hydrate")
    await page.send(find(handler), path=address)
    await _settled(page)


async def _settled(page: Tab) -> None:
    """Everything that was sent so far has been dealt with."""
    page.forget()
    await page.send(find("door_state.load"), path="/login?next=/settled")
    await page.until(lambda seen: "/settled" in str(seen.deltas))
    page.forget()


def _shown(page: Tab, state: str, name: str) -> Any:
    """The latest value of a state's variable that the tab was sent; None before the first."""
    return next(
        (value for key, value in page.deltas.items() if f"____{state}." in key and key.split(".")[-1].startswith(f"{name}_rx_")), None
    )


def _webhook(owner: Actor) -> Webhook:
    with db.transaction(write=True) as session:
        return webhooks.create(
            session, actor=owner, input=WebhookInput(name="Acme ERP", url="https://receiver.example/in", events=["order.created"])
        )[0]


def _failed(owner: Actor, webhook_id: str, count: int, **columns: Any) -> Sequence[str]:
    """Deliveries that failed for good; their ids."""
    made: list[str] = []
    for number in range(count):
        with db.transaction(write=True) as session:
            event = events.publish(session, actor=owner, type="order.created", data={"n": number})
            session.flush()
            row = session.exec(select(Delivery).where(Delivery.event_id == event.id, Delivery.webhook_id == webhook_id)).one()
            row.status, row.due_at = "dead", None
            for name, value in columns.items():
                setattr(row, name, value)
            made.append(row.id)
    return made


def _replays(owner: Actor) -> Sequence[Replay]:
    with db.transaction() as session:
        return session.exec(select(Replay).where(Replay.workspace_id == owner.workspace_id)).all()
