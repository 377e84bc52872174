"""Nothing in the console runs for who may not: over the real websocket, for every handler there is."""

from __future__ import annotations

import asyncio

import pytest
from reflex_base.registry import RegistrationContext
from socketio.exceptions import ConnectionError as Refused
from sqlmodel import select

from backend.accounts import service as accounts_service
from backend.core import db, permissions
from backend.core.actor import Role
from backend.models import Membership
from console import auth
from tests.console import handlers
from tests.console.conftest import Tab, Web, signed_in, tab
from tests.console.handlers import STATE, find, payload
from tests.factories import accounts


def test_every_handler_says_what_it_needs() -> None:
    unmarked = [handlers.short(name) for name in handlers.of_the_console() if auth.permission_of(name) in (None, auth.PAGE)]
    assert not unmarked, f"put @needs(…) below @rx.event of {unmarked}"


def test_what_strangers_may_send_is_this_and_nothing_else() -> None:
    handlers.of_the_console()
    known = RegistrationContext.get().event_handlers
    assert {handlers.short(name) for name in handlers.of_the_console() if handlers.is_public(name)} == {"door_state.load"}
    assert not [name for name in known if name.endswith(".setvar") and auth.is_framework_event(name)]
    assert not [name for name in known if ".console___" in name and auth.is_framework_event(name)]


def test_a_stranger_reaches_no_handler(web: Web) -> None:
    async def story() -> None:
        async with tab(web) as stranger:
            for name in handlers.of_the_console():
                if handlers.is_public(name):
                    continue
                stranger.forget()
                await stranger.send(name, payload(name), path="/settings/webhooks/whk_x")
                await stranger.until(lambda seen: seen.was_sent_to("/login"))
                assert not stranger.deltas, handlers.short(name)

    asyncio.run(story())


def test_a_viewer_is_told_the_role_that_would_do_and_changes_nothing(web: Web) -> None:
    viewer = accounts.workspace(role=Role.VIEWER)
    beyond = [
        name for name in handlers.of_the_console() if not permissions.allows(viewer, auth.permission_of(name) or permissions.INSTANCE_READ)
    ]
    assert len(beyond) > 15

    async def story() -> None:
        async with tab(web, signed_in(viewer)) as page:
            for name in beyond:
                page.forget()
                await page.send(name, payload(name))
                await page.until(lambda seen: seen.was_told("This needs the role"))
                assert not page.deltas, handlers.short(name)

    asyncio.run(story())


@pytest.mark.parametrize("method", ["setvar", "_fetch", "reset", "get_state"])
def test_what_is_no_handler_of_ours_is_refused(web: Web, method: str) -> None:
    owner = accounts.workspace()
    state = find("key_state.load").rpartition(".")[0]

    async def story() -> None:
        async with tab(web, signed_in(owner)) as page:
            await page.send(f"{state}.{method}", {"var_name": "missing", "value": True})
            await _fence(page)
            assert "missing" not in str(page.deltas)

    asyncio.run(story())


def test_a_tab_of_somebody_else_starts_over_and_shows_nothing(web: Web) -> None:
    ours, theirs = accounts.workspace("Ours only"), accounts.workspace("Theirs")
    load = find("session_state.load")

    async def story() -> None:
        token = "a-token-both-know"
        async with tab(web, signed_in(ours), token=token) as page:
            await page.send(load)
            await page.until(lambda seen: "Ours only" in str(seen.deltas))
        for cookie in (signed_in(theirs), ""):
            async with tab(web, cookie, token=token) as page:
                await page.send(f"{STATE}.hydrate")
                await page.until(lambda seen: seen.was_told("sessionStorage.removeItem"))
                assert "Ours only" not in str(page.updates)

    asyncio.run(story())


def test_a_session_that_is_ended_elsewhere_ends_here(web: Web) -> None:
    owner = accounts.workspace()
    load = find("session_state.load")

    async def story() -> None:
        async with tab(web, signed_in(owner)) as page:
            await page.send(load)
            await page.until(lambda seen: seen.deltas)
            with db.transaction(write=True) as session:
                accounts_service.sign_out_everywhere(session, actor=owner)
            async with asyncio.timeout(10):
                while not page.was_told("sessionStorage.removeItem"):
                    await page.send(load)
                    await asyncio.sleep(0.05)

    asyncio.run(story())


def test_another_sites_page_cannot_open_the_websocket(web: Web) -> None:
    cookie = signed_in(accounts.workspace())

    async def story() -> None:
        with pytest.raises(Refused):
            async with tab(web, cookie, origin="https://elsewhere.example"):
                pass

    asyncio.run(story())


def test_an_unknown_event_writes_neither_itself_nor_the_cookie_into_the_log(web: Web) -> None:
    cookie = signed_in(accounts.workspace())

    async def story() -> None:
        async with tab(web, cookie) as page:
            await page.send(f"{STATE}.there_is_no_such_handler")
            await _fence(page)

    asyncio.run(story())
    assert "there_is_no_such_handler" not in web.log.read_text()
    assert cookie.partition("=")[2] not in web.log.read_text()


def test_a_new_keys_secret_travels_once_and_is_in_no_state(web: Web) -> None:
    cookie, token = signed_in(accounts.workspace()), "a-tab-that-comes-back"

    async def story() -> str:
        async with tab(web, cookie, token=token) as page:
            await page.send(find("new_key_state.create"), {"form": {"name": "Shop", "scope:events:write": "on"}})
            await page.until(lambda seen: seen.was_told("xdk_"))
            secret = str(page.events).partition("xdk_")[2][:52]
            assert sum(secret in str(update) for update in page.updates) == 1
            assert secret not in str(page.deltas)
        async with tab(web, cookie, token=token) as page:
            await page.send(f"{STATE}.hydrate")
            await page.until(lambda seen: "Shop" in str(seen.deltas))
            assert secret not in str(page.updates)
        return secret

    assert asyncio.run(story()) not in web.log.read_text()


async def _fence(page: Tab) -> None:
    """Wait until everything that was sent before has been dealt with: events of a tab run one after another."""
    await page.send(find("door_state.load"), path="/login?next=/fence")
    await page.until(lambda seen: "/fence" in str(seen.deltas))


def test_a_changed_role_shows_at_the_next_page(web: Web) -> None:
    viewer = accounts.workspace(role=Role.VIEWER)
    load = find("session_state.load")

    async def story() -> None:
        async with tab(web, signed_in(viewer)) as page:
            await page.send(load)
            await page.until(lambda seen: "'viewer'" in str(seen.deltas))
            with db.transaction(write=True) as session:
                session.exec(select(Membership).where(Membership.user_id == viewer.id)).one().role = Role.ADMIN
            async with asyncio.timeout(10):
                while "'admin'" not in str(page.deltas):
                    await page.send(load)
                    await asyncio.sleep(0.05)
            assert any(name.endswith("can_write_rx_state_") and value is True for name, value in page.deltas.items())

    asyncio.run(story())
