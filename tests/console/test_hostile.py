"""What a hostile client sends over the console's websocket: it breaks no tab, fills no log with secrets, and takes over no tab."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from reflex_base.registry import RegistrationContext

from backend.core import db, queue
from backend.webhooks import service as webhooks
from backend.webhooks.values import WebhookInput
from console import auth
from tests.console import handlers
from tests.console.conftest import NAMESPACE, Tab, Web, signed_in, tab
from tests.console.handlers import STATE, find, payload
from tests.factories import accounts

_MARK = "seen-by-its-members-only"


def _nested(depth: int) -> str:
    return '{"name":"x","payload":' + '{"form":' * depth + "1" + "}" * depth + "}"


# What is no event at all, or one that no page sends.
RAW: list[Any] = [
    None, 7, "", "text", "{", [], [1, 2], {}, {"name": None}, {"name": 7}, {"name": ["x"]}, {"name": {"a": 1}}, {"name": ""},
    {"name": "x" * 100_000}, {"name": "nowhere.nothing"}, {"name": "__class__.__init__", "payload": {}},
    {"name": "{state}.hydrate", "payload": None}, {"name": "{state}.hydrate", "payload": []}, {"name": "{state}.hydrate", "router_data": 7},
    {"name": "{state}.hydrate", "router_data": {"query": 7, "pathname": ["x"], "asPath": {"a": 1}}},
    {"name": "{state}.hydrate", "router_data": {"headers": {"cookie": "x"}, "token": "x", "sid": "x", "ip": "x"}},
    {"name": "{state}.hydrate_and_load", "payload": {"vars": {"{state}.is_hydrated": True, "no.such": 1}, "hashes": "x"}},
    "[" * 50_000, _nested(5_000), {"name": "{state}.hydrate", "payload": {"a": "x" * 400_000}},
]  # fmt: skip
# Arguments of the wrong kind, for each that a handler takes.
ARGUMENTS: list[Any] = [
    None,
    7,
    -1e308,
    "\0\ud800",
    [],
    [[[]]],
    {},
    {"": None},
    {"typed_name": {}, "overlap": "nan", "url": [1]},
    "x" * 100_000,
]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("is_known", [False, True])
def test_what_is_no_event_leaves_the_next_one_working(web: Web, *, is_known: bool) -> None:
    cookie = signed_in(accounts.workspace())

    async def story() -> None:
        for data in RAW:
            text = json.dumps(data).replace("{state}", STATE)
            async with tab(web, cookie if is_known else "") as page:
                await _send_as_ascii(page, json.loads(text))
            async with tab(web, cookie if is_known else "") as page:
                await _fence(page)
        for garbage in ("9", "2", f"42{NAMESPACE},[1]", f"2{NAMESPACE},", f"2{NAMESPACE},{{{{", f"51-{NAMESPACE},[]", "4" * 10_000):
            async with tab(web, cookie if is_known else "") as page:
                await page.client.eio.send(garbage)
            async with tab(web, cookie if is_known else "") as page:
                await _fence(page)

    asyncio.run(story())
    _nothing_secret_in_the_log(web, cookie)


@pytest.mark.timeout(240)
def test_wrong_arguments_are_answered_and_the_tab_goes_on(web: Web) -> None:
    cookie = signed_in(accounts.workspace())

    async def story() -> None:
        async with tab(web, cookie) as page:
            for name in handlers.of_the_console():
                given = payload(name)
                for argument in ARGUMENTS if given else []:
                    await _send_as_ascii(page, {"name": name, "payload": dict.fromkeys(given, argument)})
                await page.send(name, {"self": 1, "nobody": {"asked": "for"}})
                await _fence(page)

    asyncio.run(story())
    _nothing_secret_in_the_log(web, cookie)


def test_a_strangers_report_of_a_broken_page_is_not_written_down_and_a_members_is_cut(web: Web) -> None:
    handlers.of_the_console()
    report = next(name for name in RegistrationContext.get().event_handlers if name.endswith(".handle_frontend_exception"))
    cookie = signed_in(accounts.workspace())

    async def story() -> None:
        for who, mark in (("", "by-a-stranger"), (cookie, "by-a-member")):
            async with tab(web, who) as page:
                await page.send(report, {"info": f"Error: {mark} " + "x" * 100_000, "component_stack": ""})
                await _fence(page)

    asyncio.run(story())
    log = web.log.read_text()
    assert "by-a-stranger" not in log
    assert len(next(line for line in log.splitlines() if "by-a-member" in line)) < 3000


def test_a_stranger_who_sends_what_no_page_sends_writes_nothing_into_the_log(web: Web) -> None:
    accounts.workspace()

    async def story() -> None:
        async with tab(web) as page:
            await _fence(page)
            before = web.log.stat().st_size
            for data in RAW:
                await _send_as_ascii(page, json.loads(json.dumps(data).replace("{state}", STATE)))
            for router in ([], None, 7, {"pathname": 7}, {"query": []}, {"query": {"a": {}}}, {"pathname": "/x" * 5000, "asPath": "//x"}):
                await _send_as_ascii(page, {"name": f"{STATE}.hydrate", "payload": {}, "router_data": router})
            await page.client.emit("client_error", {"error_type": "by-hand", "message": "by-hand"}, namespace=NAMESPACE)
            for several in (["event"], ["event", {}, 7], ["client_error"], ["client_error", 7], ["nothing", {}]):
                await page.client.eio.send(f"2{NAMESPACE},{json.dumps(several)}")
            await _fence(page)
            assert web.log.read_text()[before:] == ""

    asyncio.run(story())


def test_what_the_framework_runs_for_strangers_shows_no_data(web: Web) -> None:
    owner = accounts.workspace(_MARK)
    _webhook(owner)

    async def story() -> list[dict[str, Any]]:
        handlers.of_the_console()
        async with tab(web) as stranger:
            for name in [name for name in RegistrationContext.get().event_handlers if auth.is_framework_event(name)]:
                for path in ("/", "/settings/webhooks", "/settings/members"):
                    await stranger.send(name, {"vars": {}, "hashes": []} if name.endswith("hydrate_and_load") else {}, path=path)
                    await _fence(stranger)
                    await _fence(stranger)  # what a page loads comes one round later
            return list(stranger.updates)

    updates = asyncio.run(story())
    assert _MARK not in str(updates)
    assert owner.workspace_id not in str(updates)
    assert [event for update in updates for event in update.get("events") or () if event["name"] == "_redirect"]


def test_a_second_socket_of_an_open_tab_gets_a_tab_of_its_own(web: Web) -> None:
    owner, token = accounts.workspace(_MARK), "an-open-tab"
    load = find("session_state.load")

    async def story() -> None:
        async with tab(web, signed_in(owner), token=token) as page:
            await page.send(load)
            await page.until(lambda seen: _MARK in str(seen.deltas))
            for cookie in ("", signed_in(accounts.workspace("Somebody else"))):
                async with tab(web, cookie, token=token) as other:
                    await other.send(f"{STATE}.hydrate")
                    await _fence(other)
                    await page.send(load)
                    assert _MARK not in str(other.updates)
            await _fence(page)

    asyncio.run(story())


@pytest.mark.parametrize("is_known", [False, True])
def test_who_takes_over_a_closed_tab_hears_nothing_of_what_it_followed(web: Web, *, is_known: bool) -> None:
    owner = accounts.workspace(_MARK)
    webhook_id = _webhook(owner)
    cookie, token, path = signed_in(owner), f"a-closed-tab-{is_known}", "/settings/webhooks"
    somebody = signed_in(accounts.workspace("Somebody else")) if is_known else ""

    async def story() -> None:
        async with tab(web, cookie) as control:
            await _open(control, path)
            async with tab(web, cookie, token=token) as page:
                await _open(page, path)
            while True:  # until the server has noticed that the tab is closed
                async with tab(web, somebody, token=token) as taker:
                    if not await _was_renamed(taker):
                        control.forget()
                        with db.transaction(write=True) as session:
                            webhooks.update(session, actor=owner, webhook_id=webhook_id, changes={"name": f"{_MARK} once more"})
                        queue.publish(owner.workspace_id, "webhooks")
                        await control.until(lambda seen: "once more" in str(seen.deltas))
                        assert _MARK not in str(taker.updates)
                        await taker.send(f"{STATE}.hydrate")
                        await taker.until(lambda seen: seen.was_told("sessionStorage.removeItem"))
                        assert _MARK not in str(taker.updates)
                        return

    asyncio.run(story())


async def _send_as_ascii(page: Tab, event: Any) -> None:
    """Send what may hold half a surrogate pair, which JSON can write and UTF-8 cannot."""
    await page.client.eio.send(f"2{NAMESPACE},{json.dumps(['event', event])}")


def test_what_a_client_follows_by_hand_ends_with_its_tab(web: Web) -> None:
    owner = accounts.workspace()
    webhook_id, cookie, load = _webhook(owner), signed_in(owner), find("webhooks_state.load")
    tokens = [f"followed-by-hand-{number}" for number in range(3)]

    def change(name: str) -> None:
        with db.transaction(write=True) as session:
            webhooks.update(session, actor=owner, webhook_id=webhook_id, changes={"name": name})
        queue.publish(owner.workspace_id, "webhooks")

    async def story() -> None:
        for token in tokens:
            async with tab(web, cookie, token=token) as page:
                await page.send(find("webhooks_state.follow"), path="/settings/webhooks")
                await page.send(load, path="/settings/webhooks")
                await page.until(lambda seen: _MARK in str(seen.deltas))
        async with tab(web, cookie) as control:
            await _open(control, "/settings/webhooks")
            for name in ("first change", "second change"):
                change(name)
                await control.until(lambda seen, name=name: name in str(seen.deltas))

    asyncio.run(story())
    assert not [token for token in tokens if token in web.log.read_text()]


async def _open(page: Tab, path: str) -> None:
    """Open a page as a browser does: it loads, and follows what changes."""
    await page.send(f"{STATE}.hydrate_and_load", {"vars": {}, "hashes": []}, path=path)
    await page.until(lambda seen: "https://" in str(seen.deltas))


async def _was_renamed(page: Tab) -> bool:
    renamed: list[str] = []
    page.client.on("new_token", renamed.append, namespace=NAMESPACE)
    pong = asyncio.Event()
    page.client.on("ping", lambda *_: pong.set(), namespace=NAMESPACE)
    await page.client.emit("ping", namespace=NAMESPACE)
    await asyncio.wait_for(pong.wait(), 10)
    return bool(renamed)


def _webhook(owner: Any) -> str:
    with db.transaction(write=True) as session:
        made, _ = webhooks.create(session, actor=owner, input=WebhookInput(url="https://x.example.com/h", name=_MARK, events=["*"]))
    return made.id


def _nothing_secret_in_the_log(web: Web, cookie: str) -> None:
    assert httpx.get(f"{web.address}/ping").status_code == 200
    log = web.log.read_text()
    assert cookie.partition("=")[2] not in log
    assert "xds_" not in log.replace("xds_…", "")
    for line in log.splitlines():  # nobody writes past our log, which takes out what is secret
        assert "event" in json.loads(line)
        assert len(line) < 30_000


async def _fence(page: Tab) -> None:
    """Wait until everything that was sent before has been dealt with: events of a tab run one after another."""
    mark = f"/fence/{len(page.updates)}/{id(page)}"
    await page.send(find("door_state.load"), path=f"/login?next={mark}")
    await page.until(lambda seen: mark in str(seen.deltas))
