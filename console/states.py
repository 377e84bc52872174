"""Owns what the states of pages have in common: following changes, the address of a list, the dialogs of a detail, the outcome of a form."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.core.actor import Actor
from backend.core.errors import CrossdockError, Forbidden, NotFound
from backend.core.pagination import Page as Found
from backend.core.permissions import Permission
from console import auth, bridge, live, words
from console.auth import needs
from console.urls import last_part, query, with_query


class Page(rx.State, mixin=True):
    """A page that reads what it shows, and reads it again when something has changed. A class of it names what its readers need."""

    READS: ClassVar[Permission]
    POLL: ClassVar[float] = live.POLL_SECONDS
    loading: bool = True
    denied: str = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Mark the shared handlers of a page's class, which are copies of its own, with what the class reads."""
        super().__init_subclass__(**kwargs)
        for handler in cls.event_handlers.values():
            if auth.mark_of(handler.fn) is auth.PAGE:
                needs(cls.READS)(handler.fn)

    @rx.event(background=True)
    @needs(auth.PAGE)
    async def follow(self) -> None:
        """Keep it up to date while it is open."""
        async for _ in live.changes(self, poll=self.POLL):
            async with self:
                if self._is_followed():
                    await self._fetch()

    def _is_followed(self) -> bool:
        """Whether changes are shown as they come."""
        return True

    async def _fetch(self) -> None:
        """Read what the address names, and show it."""
        raise NotImplementedError

    async def _found(self, read: Callable[[Session, Actor], Any]) -> Any:
        """What `read` finds in a thread; None, with the reason in `denied`, where the role does not allow it."""
        self.denied = ""
        try:
            return await bridge.read(self, read)
        except Forbidden as error:
            self.denied = error.detail
            return None
        finally:
            self.loading = False


class Listing(Page, mixin=True):
    """A list at `PATH`: the address holds its filters and the cursor, so that a view can be shared and gone back to."""

    PATH: ClassVar[str]
    FILTERS: ClassVar[tuple[str, ...]] = ("status", "q")
    STATUSES: ClassVar[tuple[str, ...]] = ()
    status: str = ""
    q: str = ""
    counts: dict[str, str] = {}  # noqa: RUF012 - the framework copies it
    tabs: dict[str, str] = {}  # noqa: RUF012
    total: str = ""
    newest: str = ""
    older: str = ""
    is_first: bool = True
    is_filtered: bool = False
    _listed: str = ""

    @rx.event
    @needs(auth.PAGE)
    async def load(self) -> None:
        """Read the address, then the page of the list that it names."""
        given = self._given()
        self.is_first = not given.pop("cursor")
        self.is_filtered = any(given.values())
        for name, value in given.items():
            setattr(self, name, value)
        here = self._here()
        if here != self._listed:
            self._listed = here
            self._enter()
        self.newest = with_query(here, **given)
        self.tabs = {status or "all": with_query(here, **{**given, "status": status}) for status in ("", *self.STATUSES)}
        self.loading = True
        await self._fetch()

    @rx.event
    @needs(auth.PAGE)
    def search(self, form: dict[str, Any]) -> rx.event.EventSpec:
        """Search the list."""
        return self._go(q=str(form.get("q", "")).strip())

    @rx.event
    @needs(auth.PAGE)
    def pick(self, name: str, value: str) -> Any:
        """Set one filter."""
        return self._go(**{name: value}) if name in self.FILTERS else None

    def _go(self, **changes: str) -> rx.event.EventSpec:
        kept = {name: str(getattr(self, name)) for name in self.FILTERS} | changes
        return rx.redirect(with_query(self._here(), **kept))

    def _here(self) -> str:
        """The list's path."""
        return self.PATH

    def _enter(self) -> None:
        """Prepare for a list that is not the one shown before; for states whose path varies."""

    def _given(self) -> dict[str, str]:
        """The filters and the cursor of the address."""
        return query(self, *self.FILTERS, "cursor")

    async def _fetch(self) -> None:
        given, read = self._given(), self._read
        found = await self._found(lambda session, actor: read(session, actor, given))
        if found is not None:
            self._show(found)

    @staticmethod
    def _read(session: Session, actor: Actor, given: dict[str, str]) -> Any:
        """What the list shows for the filters and cursor `given`; runs in a thread."""
        raise NotImplementedError

    def _show(self, found: Any) -> None:
        """Put what was read on the page."""
        raise NotImplementedError

    def _paged(self, page: Found[Any], counts: Mapping[str, Any]) -> None:
        """The tabs' counts (of each status and under `all`; none of what is not counted), and the way to older rows."""
        given = {**self._given(), "cursor": page.next_cursor or ""}
        self.counts = {name: words.count(count) for name, count in counts.items()}
        self.total = self.counts.get(given.get("status") or "all", "0" if counts else "")
        self.older = with_query(self._here(), **given) if page.next_cursor else ""


class Within(Listing, mixin=True):
    """A list of what belongs to the one that the address ends with; where there is none the page says so."""

    def _here(self) -> str:
        return f"{self.PATH}/{last_part(self)}"

    def _enter(self) -> None:
        self.rows = []

    async def _fetch(self) -> None:
        wanted, given, read = last_part(self), self._given(), self._read_of
        with contextlib.suppress(NotFound):
            found = await self._found(lambda session, actor: read(session, actor, wanted, given))
            if found is not None:
                self._show(found)

    @staticmethod
    def _read_of(session: Session, actor: Actor, wanted: str, given: dict[str, str]) -> Any:
        """What belongs to the one with the id `wanted`, for the filters and cursor `given`. Raises `NotFound`."""
        raise NotImplementedError


class Detail(Page, mixin=True):
    """One thing, named by the end of the address."""

    _subject: str = ""
    missing: bool = False

    @rx.event
    @needs(auth.PAGE)
    async def load(self) -> None:
        """Read what the address names."""
        wanted = self._wanted()
        is_another, self._subject, self.missing = self._subject != wanted, wanted, False
        self._open(anew=is_another)
        await self._fetch()

    def _open(self, *, anew: bool) -> None:
        """Prepare for what the address names; `anew` if another one was shown before."""
        self.loading = anew

    async def _fetch(self) -> None:
        wanted, read = self._wanted(), self._reader()
        try:
            found = await self._found(lambda session, actor: read(session, actor, wanted))
        except NotFound:
            self.missing = True
            return
        if found is not None:
            self._show(found)

    def _wanted(self) -> str:
        """What the address names: its last part."""
        return last_part(self)

    def _reader(self) -> Callable[[Session, Actor, str], Any]:
        """What reads it: `_read`, with what else the address says where that matters."""
        return self._read

    @staticmethod
    def _read(session: Session, actor: Actor, wanted: str) -> Any:
        """Everything about the one with the id `wanted`; runs in a thread. Raises `NotFound`."""
        raise NotImplementedError

    def _show(self, found: Any) -> None:
        """Put what was read on the page."""
        raise NotImplementedError


class Form(rx.State, mixin=True):
    """A form whose errors stand beside its fields, by their names."""

    busy: bool = False
    errors: dict[str, str] = {}  # noqa: RUF012
    saved: int = 0

    @contextlib.contextmanager
    def _saving(self, *, is_kept: bool = True) -> Iterator[None]:
        """Do what a form asks for; an error of ours ends the block and goes beside its field.

        What was typed counts as saved once the block ends well, unless it is not kept by it.
        """
        try:
            yield
            self.saved += is_kept
        except CrossdockError as error:
            self.errors = bridge.field_errors(error)
        finally:
            self.busy = False

    def _begin(self) -> None:
        self.busy, self.errors = True, {}


class Asking(Detail, mixin=True):
    """A detail that asks before what needs an answer."""

    ASKS: ClassVar[tuple[str, ...]] = ()
    ask: str = ""
    ask_error: str = ""
    busy: bool = False

    @rx.event
    @needs(auth.PAGE)
    def open_dialog(self, ask: str) -> None:
        """Ask before what needs an answer."""
        self.ask, self.ask_error = ask if ask in self.ASKS else "", ""

    @rx.event
    @needs(auth.PAGE)
    def close_dialog(self) -> None:
        """Leave things as they are."""
        self.ask = ""

    def _open(self, *, anew: bool) -> None:
        super()._open(anew=anew)
        self.busy, self.ask = False, ""

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        """Do what a dialog was answered with, then close it; an error of ours ends the block and is said in the dialog."""
        self.ask_error = ""
        try:
            yield
            self.ask = ""
        except CrossdockError as error:
            self.ask_error = error.detail
        finally:
            self.busy = False

    def _is_named(self, form: dict[str, Any], name: str) -> bool:
        """Whether the form has the `name` typed that it asks for; if not, the dialog says so."""
        right = str(form.get("typed_name", "")).strip() == name
        self.ask_error = "" if right else "That is not its name."
        return right


class Managed(Form, Asking, mixin=True):
    """A detail whose settings can be saved, and which may show a secret once."""

    revealing: str = ""

    @rx.event
    @needs(auth.PAGE)
    def stored(self) -> None:
        """The secret is stored."""
        self.revealing = ""

    def _open(self, *, anew: bool) -> None:
        super()._open(anew=anew)
        self.errors = {}
        if anew:
            self.revealing = ""


class Making(Form, mixin=True):
    """The making of something new, after which its secret is shown once; then on to its page."""

    created_id: str = ""
    created_name: str = ""

    def _anew(self) -> None:
        self.errors, self.busy, self.created_id, self.created_name = {}, False, "", ""
