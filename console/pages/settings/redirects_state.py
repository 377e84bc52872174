"""Owns the addresses to which sign-ins begun over the API may return."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx

from backend.core import permissions
from backend.core.errors import FieldError, Invalid
from backend.integrations import connection
from backend.integrations import service as integrations
from backend.settings import settings
from console import bridge, inputs
from console.auth import needs
from console.states import Form, Page


class RedirectsState(Form, Page, rx.State):
    """The addresses, one a line; our own beside them."""

    READS: ClassVar = permissions.INTEGRATIONS_READ
    own: str = ""
    uris: str = ""

    @rx.event
    @needs(permissions.INTEGRATIONS_READ)
    async def load(self) -> None:
        """Read them."""
        self.errors = {}
        await self._fetch()
        self.saved += 1

    @rx.event
    @needs(permissions.INTEGRATIONS_WRITE)
    async def save(self, form: dict[str, Any]) -> Any:
        """Replace them by what the form has."""
        self._begin()
        yield
        with self._saving():
            uris = [line for each in inputs.text(form, "redirect_uris").splitlines() if (line := each.strip())]
            try:
                await bridge.call(self, integrations.set_redirect_uris, write=True, uris=uris)
            except Invalid as error:
                raise Invalid(*(_placed(each) for each in error.errors)) from None
            await self._fetch()
            yield rx.toast.info("Saved. Sign-ins begun from now on may return there.")

    async def _fetch(self) -> None:
        found = await self._found(lambda session, actor: integrations.redirect_uris(session, actor=actor))
        self.own = settings().public_url + connection.CALLBACK
        self.uris = "\n".join(found or [])


def _placed(error: FieldError) -> FieldError:
    """An error with the number of its line, where it is about one."""
    name, _, index = error.path.removesuffix("]").partition("[")
    return FieldError(name, f"line {int(index) + 1} {error.message}", error.fix) if index else error
