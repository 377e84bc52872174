"""Owns the settings of the workspace: for how many days its logs are kept; those of the installation beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import reflex as rx

from backend.core import permissions
from backend.core.errors import FieldError, Invalid
from backend.retention import service as retention
from backend.retention.service import Decided
from console import bridge, inputs
from console.auth import needs
from console.states import Form, Page

PATH: Final = "/settings/workspace"
# What is kept, in words; of the installation under the same names with this before them.
INSTANCE: Final = "instance:"
_WORKSPACE: Final = {
    "requests": ("Requests", "Calls of the API."),
    "deliveries": ("Deliveries", "Finished ones, and events that have no delivery left."),
    "attempts": ("Attempts", "Each try of a delivery."),
    "attempt_bodies": ("Exchanges", "Headers and bodies of attempts."),
    "errors": ("Errors", "What went wrong."),
    "integrations": ("Integrations", "Timelines and syncs."),
}
_INSTANCE: Final = {
    "unknown_requests": ("Unknown callers", "Requests of nobody known."),
    "errors": ("Errors of the installation", "Failed jobs, and calls of nobody known."),
    "sign_in_failures": ("Failed sign-ins", ""),
    "sessions": ("Sessions", "Counted from their end."),
    "worker_runs": ("Runs of workers", "Counted from their end."),
    "minute_figures": ("Figures by minute", "What charts of hours are drawn from."),
    "hour_figures": ("Figures by hour", "What charts of days are drawn from; at least 31."),
}


@dataclass
class DaysRow:
    """For how many days something is kept."""

    name: str
    label: str
    about: str
    days: str


class WorkspaceState(Form, Page, rx.State):
    """The settings."""

    READS: ClassVar = permissions.LOGS_READ
    days: list[DaysRow] = []  # noqa: RUF012 - the framework copies it
    instance: list[DaysRow] = []  # noqa: RUF012
    can_keep: bool = False
    revision: int = 0

    @rx.event
    @needs(permissions.LOGS_READ)
    async def load(self) -> None:
        """Read them."""
        self.errors = {}
        await self._fetch()

    @rx.event
    @needs(permissions.LOGS_KEEP)
    async def save(self, form: dict[str, Any]) -> Any:
        """Keep logs for longer or shorter."""
        self._begin()
        yield
        try:
            changes, instance = _days(form, {row.name: row.days for row in (*self.days, *self.instance)})
            await bridge.call(self, retention.change, write=True, changes=changes, instance=instance)
            await self._fetch()
            yield rx.toast.info("Saved. What is older goes within an hour.")
        except Invalid as error:
            self.errors = bridge.field_errors(Invalid(*(_placed(each) for each in error.errors)))
        finally:
            self.busy = False

    async def _fetch(self) -> None:
        actor = await bridge.actor(self)
        found: Decided = await self._found(lambda session, actor: retention.read(session, actor=actor))
        self.can_keep = permissions.allows(actor, permissions.LOGS_KEEP)
        self.days = [_row(name, words, getattr(found.workspace, name)) for name, words in _WORKSPACE.items()]
        kept, self.revision = found.instance, self.revision + 1
        self.instance = [_row(INSTANCE + name, words, getattr(kept, name)) for name, words in _INSTANCE.items()] if kept else []


def _row(name: str, words: tuple[str, str], days: int) -> DaysRow:
    return DaysRow(name, *words, str(days))


def _days(form: dict[str, Any], shown: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What differs from what was shown, of the workspace and of the installation. Raises `Invalid` for what is no number.

    Days that are left alone end with those of what they belong to.
    """
    errors: list[FieldError] = []
    given = {name: inputs.whole(form, name, errors) for name, days in shown.items() if inputs.text(form, name) != days}
    missing = {error.path for error in errors}
    errors += [FieldError(name, "is missing.", "Use 1 to 3,650.") for name, days in given.items() if days is None and name not in missing]
    if errors:
        raise Invalid(*errors)
    ours = {name: days for name, days in given.items() if not name.startswith(INSTANCE)}
    return ours, {name.removeprefix(INSTANCE): days for name, days in given.items() if name.startswith(INSTANCE)}


def _placed(error: FieldError) -> FieldError:
    """An error under the name of its control."""
    return FieldError(error.path.replace("instance.", INSTANCE, 1), error.message, error.fix)
