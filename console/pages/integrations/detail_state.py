"""Owns one integration's page: its health, its timeline, its syncs, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Final

import reflex as rx
from sqlmodel import Session

from backend.core import clock, permissions
from backend.core.actor import Actor
from backend.core.errors import CrossdockError, NotFound
from backend.integrations import catalogue, directions, flows
from backend.integrations import service as integrations
from backend.integrations.values import Disconnected, Tested
from backend.models import IntegrationEvent
from backend.records import modules
from console import bridge, urls
from console.auth import needs
from console.pages.integrations import forms, offers, sync_forms
from console.pages.integrations.offers import FieldRow
from console.pages.integrations.paths import PATH
from console.pages.integrations.rows import (
    FailedItem,
    IntegrationDetail,
    MomentRow,
    ScopeRow,
    SyncRow,
    failed_items,
    integration_detail,
    moment_row,
    scope_rows,
    sync_row,
)
from console.pages.integrations.sync_forms import SyncForm
from console.states import Managed
from console.urls import query, with_query

TABS: Final = ("timeline", "syncs", "actions", "settings")
_LATEST: Final = 20
_CAME_BACK: Final = {"connected": ("connected", "reconnected"), "failed": ("connect_failed",)}


class IntegrationState(Managed, rx.State):
    """One integration."""

    READS: ClassVar = permissions.INTEGRATIONS_READ
    ASKS: ClassVar = ("disconnect", "delete")
    integration: IntegrationDetail = IntegrationDetail()
    rows: list[MomentRow] = []  # noqa: RUF012 - the framework copies it
    scopes: list[ScopeRow] = []  # noqa: RUF012
    syncs: list[SyncRow] = []  # noqa: RUF012
    sync: SyncRow = SyncRow()
    items: list[FailedItem] = []  # noqa: RUF012
    chosen: SyncRow = SyncRow()
    fields: list[FieldRow] = []  # noqa: RUF012
    addresses: list[FieldRow] = []  # noqa: RUF012
    choices: list[ScopeRow] = []  # noqa: RUF012
    further: str = ""
    revision: int = 0
    sync_form: SyncForm = SyncForm()
    sync_errors: dict[str, str] = {}  # noqa: RUF012
    sync_revision: int = 0
    syncs_older: str = ""
    syncs_newest: str = ""
    tab: str = TABS[0]
    doing: str = ""
    told: str = ""
    tone: str = ""
    link: str = ""
    older: str = ""
    newest: str = ""
    total: str = ""
    is_first: bool = True
    _has_returned: bool = False

    @rx.event
    @needs(permissions.INTEGRATIONS_WRITE)
    async def connect(self) -> Any:
        """Go to the provider to sign in, in this tab; what was connected before stays until it is done."""
        begun = await bridge.call(self, integrations.begin_consent, write=True, integration_id=self.integration.id, in_browser=True)
        yield urls.leave_for(begun.authorization_url)

    @rx.event(background=True)
    @needs(permissions.INTEGRATIONS_OPERATE)
    async def test(self) -> None:
        """Ask the provider which account is connected."""
        await _ask(self, "test", flows.test, _of_test)

    @rx.event(background=True)
    @needs(permissions.INTEGRATIONS_WRITE)
    async def refresh(self) -> None:
        """Ask for a new access token now."""
        await _ask(self, "refresh", flows.refresh, lambda _: ("The access token was refreshed.", "good"))

    @rx.event
    @needs(permissions.INTEGRATIONS_WRITE)
    async def start_sync(self, full: bool) -> None:  # noqa: FBT001 - a handler's arguments come by place
        """Bring what changed, or everything."""
        self._tell("", "")
        await self._do(integrations.start_sync, full=full)

    @rx.event
    @needs(permissions.INTEGRATIONS_OPERATE)
    async def cancel_sync(self) -> Any:
        """Stop the sync under way."""
        await self._do(integrations.cancel_sync, sync_id=self.sync.id)
        yield rx.toast.info("Cancelled. What it stored stays.")

    @rx.event
    @needs(permissions.INTEGRATIONS_WRITE)
    async def switch(self) -> Any:
        """Disable it, or enable it again."""
        is_off = self.integration.is_disabled
        await self._do(integrations.enable if is_off else integrations.disable)
        yield rx.toast.info("Enabled." if is_off else "Disabled. Its credentials stay.")

    @rx.event
    @needs(permissions.INTEGRATIONS_WRITE)
    async def save(self, form: dict[str, Any]) -> Any:
        """Save what was changed."""
        self._begin()
        yield
        with self._saving():
            auth = await bridge.read(self, partial(_auth_of, wanted=self.integration.id))
            await self._do(integrations.update, changes=forms.changes(form, auth))
            self.revision += 1
            yield rx.toast.info(f"Saved {self.integration.name}.")

    @rx.event
    @needs(permissions.INTEGRATIONS_WRITE)
    async def save_sync(self, form: dict[str, Any]) -> Any:
        """Save how it syncs."""
        self.sync_errors = {}
        try:
            await self._do(directions.change, changes=sync_forms.changes(form))
        except CrossdockError as error:
            self.sync_errors = bridge.field_errors(error)
            return
        self.sync_revision += 1
        self.revision += 1  # a scope may be asked for now
        yield rx.toast.info("Saved how it syncs.")

    @rx.event(background=True)
    @needs(permissions.INTEGRATIONS_WRITE)
    async def disconnect(self, form: dict[str, Any]) -> None:  # noqa: ARG002 - a form's handler takes the form
        """Revoke the grant where that can be done, forget the tokens, and say what became of it."""
        parted = await _part(self, flows.disconnect)
        if parted is not None:
            async with self:
                self._tell(f"Disconnected. {parted.message}", "good" if parted.revoked else "wait", parted.link)
                await self._fetch()

    @rx.event(background=True)
    @needs(permissions.INTEGRATIONS_DELETE)
    async def delete(self, form: dict[str, Any]) -> Any:
        """The same, and delete it, if its name was typed."""
        async with self:
            is_meant = self._is_named(form, self.integration.name)
        parted = await _part(self, flows.delete) if is_meant else None
        if parted is not None:
            yield rx.redirect(PATH)
            yield rx.toast.info(f"Deleted. {parted.message}")

    def _open(self, *, anew: bool) -> None:
        super()._open(anew=anew)
        given = query(self, "tab", "cursor")
        self.tab = given["tab"] if given["tab"] in TABS else TABS[0]
        self.is_first, self.newest = not given["cursor"], f"{PATH}/{self._wanted()}"
        self.doing = ""
        self._tell("", "")
        self._has_returned = True
        if anew:
            self.integration, self.rows, self.syncs, self.sync = IntegrationDetail(), [], [], SyncRow()
        self.revision += 1

    def _tell(self, told: str, tone: str, link: str = "") -> None:
        """Say what came of something, unless the state of the integration says the same."""
        is_said = tone == "bad" and told.startswith(self.integration.sentence)
        self.told, self.tone, self.link, self._has_returned = "" if is_said else told, tone, link, False

    async def _do(self, action: Any, **kwargs: Any) -> None:
        await bridge.call(self, action, write=True, integration_id=self.integration.id, **kwargs)
        await self._fetch()

    def _reader(self) -> Callable[[Session, Actor, str], Any]:
        return partial(_read, **query(self, "cursor", "sync", "before"))

    def _show(self, found: tuple[Any, ...]) -> None:
        row, events, syncs, latest, chosen, errors, form = found
        entry, now = catalogue.get(row.provider), clock.now()
        what = entry.sync.label if entry.sync is not None else "items"
        self.integration = integration_detail(row)
        self.scopes = scope_rows(row)
        self.rows = [moment_row(event) for event in events.data]
        self.older = with_query(f"{PATH}/{row.id}", cursor=events.next_cursor) if events.next_cursor else ""
        self.syncs = [sync_row(each, what, now) for each in syncs.data]
        self.sync = sync_row(latest, what, now) if latest is not None else SyncRow()
        here = f"{PATH}/{row.id}"
        self.syncs_older = with_query(here, tab="syncs", before=syncs.next_cursor) if syncs.next_cursor else ""
        self.syncs_newest = with_query(here, tab="syncs") if query(self, "before")["before"] else ""
        self.sync_form = form
        self.chosen = sync_row(chosen, what, now) if chosen is not None else SyncRow()
        self.items = failed_items(errors, chosen)
        self._came_back(events.data)
        if self.tab == "settings":
            auth = entry.auth_of(row.auth)
            self.fields, self.addresses = offers.field_rows(auth, row=row), offers.address_rows(entry, auth, row)
            self.choices, self.further = offers.scope_choices(auth, row), offers.further_scopes(auth, row)

    def _came_back(self, events: list[IntegrationEvent]) -> None:
        """Say what the sign-in came to from which the browser returned, as the address has it."""
        given = query(self, *_CAME_BACK)
        kinds = next((kinds for name, kinds in _CAME_BACK.items() if given[name]), ())
        event = next((each for each in events if each.kind in kinds), None)
        if event is not None and self._has_returned:
            tone = "bad" if not event.ok else "wait" if event.detail.get("missing") else "good"
            self._tell(f"{event.summary} {event.next_step}".strip(), tone)


def _read(session: Session, actor: Actor, wanted: str, *, cursor: str, sync: str, before: str) -> tuple[Any, ...]:
    """An integration, a page of its timeline and of its syncs, the latest of these, what the chosen one could not store, how it syncs.

    Raises `NotFound`.
    """
    row = integrations.get(session, actor=actor, integration_id=wanted)
    events = integrations.list_events(session, actor=actor, integration_id=wanted, cursor=cursor or None)
    syncs = integrations.list_syncs(session, actor=actor, integration_id=wanted, limit=_LATEST, cursor=before or None)
    first = integrations.list_syncs(session, actor=actor, integration_id=wanted, limit=1) if before else syncs
    chosen, errors = None, []
    if sync:
        try:
            chosen = integrations.get_sync(session, actor=actor, integration_id=wanted, sync_id=sync)
            errors = integrations.sync_errors(session, actor=actor, integration_id=wanted, sync_id=sync).data
        except NotFound:
            chosen = None
    choice = directions.read(session, actor=actor, integration_id=wanted)
    all_modules = modules.all_modules(session, actor=actor) if permissions.allows(actor, permissions.MODULES_READ) else []
    form = sync_forms.form_of(choice, catalogue.get(row.provider).name, all_modules)
    return row, events, syncs, first.data[0] if first.data else None, chosen, errors, form


def _auth_of(session: Session, actor: Actor, *, wanted: str) -> Any:
    row = integrations.get(session, actor=actor, integration_id=wanted)
    return catalogue.get(row.provider).auth_of(row.auth)


def _of_test(found: Tested) -> tuple[str, str]:
    return (f"{found.message} {found.failure.next_step}", "bad") if found.failure is not None else (found.message, "good")


async def _ask(state: Any, doing: str, flow: Callable[..., Any], say: Callable[[Any], tuple[str, str]]) -> None:
    """Ask the provider, with the page free meanwhile, and say what came of it."""
    async with state:
        if state.doing:
            return
        state.doing, wanted = doing, state.integration.id
        state._tell("", "")  # noqa: SLF001 - of the same page
    told = ("", "")
    try:
        told = say(await bridge.ask(state, flow, integration_id=wanted))
    except CrossdockError as error:
        told = (error.detail, "bad")
    finally:
        async with state:
            state.doing = ""
            if state.integration.id == wanted:
                await state._fetch()  # noqa: SLF001
                state._tell(*told)  # noqa: SLF001


async def _part(state: Any, flow: Callable[..., Disconnected]) -> Disconnected | None:
    """Disconnect or delete, with the page free meanwhile; None where that failed, which the dialog says."""
    async with state:
        state.busy, state.ask_error, wanted = True, "", state.integration.id
    try:
        parted = await bridge.ask(state, flow, integration_id=wanted)
    except CrossdockError as error:
        async with state:
            state.busy, state.ask_error = False, error.detail
        return None
    async with state:
        state.busy, state.ask = False, ""
    return parted
