"""Every handler of the console for every role: exactly what its mark says, over the real websocket."""

from __future__ import annotations

import asyncio

import pytest

from backend.core import db
from backend.core.actor import Role
from console import auth
from tests.console import handlers
from tests.console.conftest import Web, signed_in, tab
from tests.console.handlers import find, payload, short
from tests.factories import accounts


@pytest.mark.timeout(240)
@pytest.mark.parametrize("role", list(Role))
def test_each_role_may_call_exactly_what_the_handlers_are_marked_with(web: Web, role: Role) -> None:
    owner = accounts.workspace()
    with db.transaction(write=True) as session:
        actor = accounts.member(session, owner.workspace_id, role)
    cookie = signed_in(actor)

    found = asyncio.run(_refused(web, cookie))

    declared = {name: auth.permission_of(name) for name in handlers.of_the_console()}
    assert found == {short(name) for name, needed in declared.items() if needed and needed.role.rank > role.rank}


async def _refused(web: Web, cookie: str) -> set[str]:
    """Which handlers are refused for the role; none may be refused for another reason."""
    refused: set[str] = set()
    async with tab(web, cookie) as page:
        for name in handlers.of_the_console():
            page.forget()
            await page.send(name, payload(name))
            mark = f"/after/{short(name)}"
            await page.send(find("door_state.load"), path=f"/login?next={mark}")
            await page.until(lambda seen, mark=mark: mark in str(seen.deltas))
            assert not page.was_told("not something the console can do"), name
            assert not page.was_sent_to("/login"), name
            if page.was_told("This needs the role"):
                refused.add(short(name))
    return refused
