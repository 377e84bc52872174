"""Owns the setting up of an integration: the form that a provider's entry asks for, discovery, the test before it is saved."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.core.errors import CrossdockError
from backend.integrations import catalogue, discovery, flows
from backend.integrations import service as integrations
from backend.integrations.entry import Auth
from backend.integrations.service import IntegrationInput, Offered
from backend.integrations.values import Tested
from console import bridge, inputs, urls
from console.auth import needs
from console.pages.integrations import forms, offers
from console.pages.integrations.offers import FieldRow, OfferDetail
from console.pages.integrations.paths import PATH
from console.pages.integrations.rows import ScopeRow
from console.states import Detail, Form
from console.urls import query


class SetupState(Form, Detail, rx.State):
    """A provider of the catalogue, and what is entered for an integration with it."""

    READS: ClassVar = permissions.INTEGRATIONS_READ
    offer: OfferDetail = OfferDetail()
    ways: list[list[str]] = []  # noqa: RUF012 - the framework copies it
    fields: list[FieldRow] = []  # noqa: RUF012
    addresses: list[FieldRow] = []  # noqa: RUF012
    scopes: list[ScopeRow] = []  # noqa: RUF012
    further: str = ""
    asks_scopes: bool = False
    told: str = ""
    tone: str = ""
    discovering: bool = False
    discovery_error: str = ""
    discovered: str = ""
    intent: str = ""

    @rx.event
    @needs(permissions.INTEGRATIONS_OPERATE)
    def intend(self, intent: str) -> None:
        """What the form is sent for: `test`, or to be saved."""
        self.intent = intent

    @rx.event(background=True)
    @needs(permissions.INTEGRATIONS_OPERATE)
    async def submit(self, form: dict[str, Any]) -> Any:
        """Save what was entered, where the role may, and go on to sign in or test it; or only try it."""
        async with self:
            auth, intent = self._auth(), self.intent
            if auth is None or self.busy:
                return
            self._begin()
            self.told, self.tone = "", ""
            wanted, consents = forms.new(form, self.offer.id, auth), self.offer.signs_in and not self.offer.is_custom
        try:
            if intent == "test":
                tested = await bridge.ask(self, flows.test_unsaved, input=wanted)
                async with self:
                    self.told, self.tone = _found(tested), "good" if tested.success else "bad"
                return
            made, url = await bridge.call(self, _make, write=True, input=wanted, consents=consents)
            if not auth.signs_in:
                await bridge.ask(self, flows.test, integration_id=made)
            yield urls.leave_for(url) if url else rx.redirect(f"{PATH}/{made}")
        except CrossdockError as error:
            async with self:
                self.errors = bridge.field_errors(error)
        finally:
            async with self:
                self.busy, self.intent = False, ""

    @rx.event(background=True)
    @needs(permissions.INTEGRATIONS_WRITE)
    async def discover(self, form: dict[str, Any]) -> None:
        """Fill in what a provider says of itself."""
        async with self:
            self.discovering, self.discovery_error, self.discovered = True, "", ""
        try:
            found = await bridge.ask(self, discovery.discover, url=inputs.text(form, "issuer_url"))
        except CrossdockError as error:
            async with self:
                self.discovering, self.discovery_error = False, " ".join(bridge.field_errors(error).values())
            return
        async with self:
            self.discovering = False
            told = {name: str(value) for name, value in dataclasses.asdict(found).items() if isinstance(value, str) and value}
            self.fields = [dataclasses.replace(row, value=told.get(row.name, row.value)) for row in self.fields]
            known = f" Some scopes that it knows: {', '.join(found.scopes[:12])}." if found.scopes else ""
            self.discovered = f"The addresses of {found.issuer} were filled in.{known}"

    def _open(self, *, anew: bool) -> None:
        super()._open(anew=anew)
        self.errors, self.busy, self.intent = {}, False, ""
        self.told, self.tone, self.discovering, self.discovery_error, self.discovered = "", "", False, "", ""
        if anew:
            self.offer = OfferDetail()

    def _auth(self) -> Auth | None:
        """The way to authenticate that is shown; None before anything is."""
        if not self.offer.id:
            return None
        return catalogue.get(self.offer.id).auth_of(self.offer.way)

    def _reader(self) -> Callable[[Session, Actor, str], Any]:
        return partial(_read, way=query(self, "way")["way"])

    def _show(self, found: tuple[Offered, Auth]) -> None:
        offered, auth = found
        entry = offered.entry
        if (self.offer.id, self.offer.way) == (entry.id, auth.id) and self.fields:
            return  # what is being entered stays
        self.offer = offers.offer_detail(offered, auth)
        self.ways = [[each.id, each.label] for each in entry.auth]
        self.fields = offers.field_rows(auth, has_client=offered.has_own_client)
        self.addresses = offers.address_rows(entry, auth)
        self.scopes, self.further, self.asks_scopes = offers.scope_choices(auth), "", auth.oauth is not None


def _read(session: Session, actor: Actor, wanted: str, *, way: str) -> tuple[Offered, Auth]:
    """A provider and the way to authenticate that the address names, else its first. Raises `NotFound`."""
    entry = catalogue.get(wanted)
    offered = next(each for each in integrations.providers(session, actor=actor) if each.entry.id == entry.id)
    return offered, next((each for each in entry.auth if each.id == way), entry.auth[0])


def _make(session: Session, *, actor: Actor, input: IntegrationInput, consents: bool) -> tuple[str, str]:  # noqa: A002 - the service's word
    """Add it; its id, and where to sign in if the person goes there now."""
    row = integrations.create(session, actor=actor, input=input)
    if not consents:
        return row.id, ""
    return row.id, integrations.begin_consent(session, actor=actor, integration_id=row.id, in_browser=True).authorization_url


def _found(tested: Tested) -> str:
    step = tested.failure.next_step if tested.failure is not None else "Nothing was saved yet."
    return f"{tested.message} {step}".strip()
