"""The forms that are generated from the catalogue, and what they send."""

from __future__ import annotations

import asyncio

import pytest

from backend.core import clock, db
from backend.integrations import catalogue, plans
from backend.integrations import service as integrations
from backend.integrations.directions import Choice
from backend.integrations.entry import Auth, Entry
from backend.integrations.service import Offered
from backend.models import Integration
from console.pages.integrations import forms, offers, sync_forms
from console.pages.integrations.rows import integration_detail, mark
from tests.console.conftest import Web, signed_in, tab
from tests.console.handlers import find
from tests.factories import accounts

WAYS = [pytest.param(entry, auth, id=f"{entry.id}-{auth.id}") for entry in catalogue.entries().values() for auth in entry.auth]


@pytest.mark.parametrize(("entry", "auth"), WAYS)
def test_every_way_to_authenticate_has_a_form_that_shows_no_secret(entry: Entry, auth: Auth) -> None:
    row = _stored(entry, auth)
    shown = offers.field_rows(auth, row=row)
    assert [each.name for each in shown] == [each.name for each in auth.fields]
    for each, asked in zip(shown, auth.fields, strict=True):
        assert (each.value, each.hint) == (("", "••••1234") if asked.secret else ("as stored", ""))
        assert not asked.secret or each.kind == "secret"
    assert not {each.name for each in offers.address_rows(entry, auth)} & {each.name for each in auth.fields}
    assert offers.offer_detail(Offered(entry, is_connected=False, has_own_client=False), auth).can_test != offers.signs_in(auth)


def test_a_secret_that_is_left_empty_is_not_sent_and_what_else_is_emptied_is() -> None:
    auth = catalogue.get("custom").auth_of("api_key")
    form = {"name": "Ours", "f:test_address": "", "f:api_key": " "}
    assert forms.changes(form, auth) == {"name": "Ours", "description": "", "config": {"test_address": ""}, "credentials": {}}
    assert forms.changes({**form, "f:api_key": "another"}, auth)["credentials"] == {"api_key": "another"}


def test_scopes_are_those_that_are_checked_and_those_typed() -> None:
    auth = catalogue.get("sandbox").auth[0]
    sent = forms.new({"scope:profile": "on", "further_scopes": "calendar, messages"}, "sandbox", auth)
    assert sent.scopes == ["profile", "calendar", "messages"]


def test_only_what_needs_no_entering_is_connected_by_one_press() -> None:
    assert offers.is_ready(catalogue.get("sandbox"), has_client=True)
    assert offers.is_ready(catalogue.get("slack"), has_client=True)
    assert not offers.is_ready(catalogue.get("slack"), has_client=False)
    assert not offers.is_ready(catalogue.get("google_analytics"), has_client=True)  # asks for a property
    assert not offers.is_ready(catalogue.get("stripe"), has_client=True)  # a key is its first way


def test_where_sign_ins_may_return_is_set_line_by_line_and_a_wrong_line_is_told(web: Web) -> None:
    owner = accounts.workspace()

    async def story() -> None:
        async with tab(web, signed_in(owner)) as page:
            lines = "https://app.example.com/done\n\n http://localhost:3000/done \n"
            await page.send(find("redirects_state.save"), {"form": {"redirect_uris": lines}})
            await page.until(lambda seen: seen.was_told("Saved."))
            await page.send(find("redirects_state.save"), {"form": {"redirect_uris": "https://app.example.com\nhttp://app.example.com"}})
            await page.until(lambda seen: "Line 2 is no address" in str(seen.deltas))

    asyncio.run(story())
    with db.transaction() as session:
        found = integrations.redirect_uris(session, actor=owner)
    assert found == ["https://app.example.com/done", "http://localhost:3000/done"]


def test_a_provider_is_marked_by_its_letters() -> None:
    assert [mark(name) for name in ("Google Calendar", "Slack")] == ["GC", "Sl"]


@pytest.mark.parametrize("direction", ["pull", "both"])
def test_what_writing_begins_with_is_told_where_something_is_written(direction: str) -> None:
    entry = catalogue.get("sandbox")
    row = _stored(entry, entry.auth[0])
    row.sync_direction = direction
    ways, columns = plans.directions(entry, row.auth), plans.columns(entry)
    choice = Choice(plans.of(row), ways, entry.sync, entry.push, columns, is_shared=True, missing_scope="")
    assert bool(sync_forms.form_of(choice, entry.name, []).first) == (direction == "both")


def test_one_that_was_disconnected_does_not_say_that_it_never_was_connected() -> None:
    entry = catalogue.get("sandbox")
    assert integration_detail(_stored(entry, entry.auth[0])).sentence == "Not connected to Sandbox."


def _stored(entry: Entry, auth: Auth) -> Integration:
    return Integration(
        id="int_1",
        workspace_id="ws_1",
        type=entry.categories[0],
        name=entry.name,
        created_by="usr_1",
        updated_at=clock.now(),
        provider=entry.id,
        auth=auth.id,
        config={each.name: "as stored" for each in auth.fields if not each.secret},
        hints={each.name: "••••1234" for each in auth.fields if each.secret},
        requested_scopes=[],
    )
