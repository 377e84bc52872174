"""What the forms of integrations send, as the service takes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from backend.integrations.entry import Auth
from backend.integrations.values import IntegrationInput
from console import inputs

# Before the names of what the catalogue asks for, and of scopes, so that neither meets a control of ours.
PREFIX: Final = "f:"
SCOPE: Final = "scope:"


def new(form: Mapping[str, Any], provider: str, auth: Auth) -> IntegrationInput:
    """A new integration."""
    return IntegrationInput(
        provider=provider,
        name=inputs.text(form, "name"),
        description=inputs.text(form, "description"),
        auth=auth.id,
        credentials=_entered(form),
        scopes=_scopes(form) if auth.oauth is not None else None,
    )


def changes(form: Mapping[str, Any], auth: Auth) -> dict[str, Any]:
    """What is changed of an integration; a secret that is left empty stays."""
    secret = {each.name for each in auth.fields if each.secret}
    entered = _entered(form)
    found: dict[str, Any] = {
        "name": inputs.text(form, "name"),
        "description": inputs.text(form, "description"),
        "config": {name: value for name, value in entered.items() if name not in secret},
        "credentials": {name: value for name, value in entered.items() if name in secret and value},
    }
    return found | ({"scopes": _scopes(form)} if auth.oauth is not None else {})


def _entered(form: Mapping[str, Any]) -> dict[str, str]:
    return {name.removeprefix(PREFIX): inputs.text(form, name) for name in form if name.startswith(PREFIX)}


def _scopes(form: Mapping[str, Any]) -> list[str]:
    picked = [name.removeprefix(SCOPE) for name in form if name.startswith(SCOPE)]
    return picked + inputs.text(form, "further_scopes").replace(",", " ").split()
