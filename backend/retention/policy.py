"""How many days each kind of row is kept, and what may be chosen. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.core.errors import FieldError, Invalid
from backend.core.validation import from_framework

_MOST: Final = 3650
Days = Annotated[int, Field(strict=True, ge=1, le=_MOST)]
# What the charts of a month read must be there.
_ChartDays = Annotated[int, Field(strict=True, ge=31, le=_MOST)]


class _Days(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")


Model = TypeVar("Model", bound=_Days)


class Retention(_Days):
    """What a workspace decides, in days. Audit entries are kept for good; events as long as deliveries.

    An attempt is kept no longer than deliveries are, what went out and came back no longer than the attempt.
    """

    requests: Days = 30
    deliveries: Days = 90
    attempts: Days = 90
    attempt_bodies: Days = 90
    errors: Days = 90
    incoming: Days = 30
    integrations: Days = 90


class InstanceRetention(_Days):
    """What the operator decides for the whole installation, in days. Sessions and runs of workers are counted from their end."""

    unknown_requests: Days = 30
    errors: Days = 90
    sign_in_failures: Days = 90
    sessions: Days = 30
    worker_runs: Days = 30
    minute_figures: Days = 7
    hour_figures: _ChartDays = 400


def change(current: Retention, changes: Mapping[str, Any]) -> Retention:
    """`current` with `changes`; what nobody asked to keep longer than what it belongs to ends with that. Raises `Invalid`."""
    wanted = _validated(Retention, {**current.model_dump(), **changes})
    problems = [
        FieldError(
            name, f"cannot be kept longer than {of.replace('_', ' ')}.", f"Use at most {getattr(wanted, of)} days, or keep {of} longer."
        )
        for name, of in (("attempts", "deliveries"), ("attempt_bodies", "attempts"))
        if name in changes and getattr(wanted, name) > getattr(wanted, of)
    ]
    if problems:
        raise Invalid(*problems)
    attempts = min(wanted.attempts, wanted.deliveries)
    return wanted.model_copy(update={"attempts": attempts, "attempt_bodies": min(wanted.attempt_bodies, attempts)})


def change_instance(current: InstanceRetention, changes: Mapping[str, Any]) -> InstanceRetention:
    """`current` with `changes`. Raises `Invalid`."""
    try:
        return _validated(InstanceRetention, {**current.model_dump(), **changes})
    except Invalid as error:
        raise Invalid(*(FieldError(f"instance.{each.path}", each.message, each.fix) for each in error.errors)) from None


def _validated(model: type[Model], values: Mapping[str, Any]) -> Model:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problem = from_framework(error.errors(), known=model.model_fields)
        raise problem if isinstance(problem, Invalid) else error from None
