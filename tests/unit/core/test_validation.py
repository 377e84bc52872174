"""What the framework found wrong, in our words: paths of a body's own names, and one error for a value of several kinds."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from backend.core import validation
from backend.core.errors import Invalid


def whole(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("is no whole number; send a whole number")  # noqa: TRY004 - what pydantic takes for a finding
    return value


class Limits(BaseModel):
    per_minute: int = Field(ge=1)


class Wish(BaseModel):
    limit: Annotated[int, BeforeValidator(whole)] | Limits | None = None
    names: list[str] | str = ""
    headers: dict[str, str] = {}


def told(body: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        Wish.model_validate(body)
    prefixed = [error | {"loc": ("body", *error["loc"])} for error in caught.value.errors()]
    found = validation.from_framework(prefixed)
    assert isinstance(found, Invalid)
    assert [error.path for error in found.errors] == list(dict.fromkeys(error.path for error in found.errors))
    return {error.path: f"{error.message} {error.fix}" for error in found.errors}


def test_a_value_of_no_possible_kind_is_one_error_at_its_own_path():
    assert told({"limit": True}) == {"limit": "is no whole number. Send a whole number, or send an object."}
    assert told({"names": 5}) == {"names": "is a number. Send a list, or send a text."}


def test_what_is_wrong_inside_one_kind_is_told_there_only():
    assert told({"limit": {"per_minute": 0}}) == {"limit.per_minute": "is out of range. Use at least 1."}


def test_names_that_the_sender_chose_stay_in_the_path():
    assert told({"headers": {"X-Partner": 5}}) == {"headers.X-Partner": "is a number. Send a text."}
