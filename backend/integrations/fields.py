"""What is entered for an integration: known by any of its names, checked, and parted into what is secret and what is not. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic.alias_generators import to_camel

from backend.core import lenience, texts
from backend.core.errors import FieldError, Invalid
from backend.integrations import templates
from backend.integrations.entry import Auth, Entry, FormField

DOTS: Final = "••••"
MOST: Final = 4000  # characters of one value
# Addresses of the catalogue that an integration may have of its own: for regions, sandboxes, and providers that move.
_ADDRESSES: Final = ("authorization_url", "token_url", "revocation_url", "test_url", "sync_url")
_URL: Final = re.compile(r"https?://[^\s/?#]+[^\s]*")
_HOST: Final = re.compile(r'https?://([^/?#"]*)')
_HINT_FROM: Final = 12  # of a shorter secret nothing is shown


@dataclass(frozen=True, slots=True)
class Entered:
    """What was entered, under our names; the secrets are for the vault alone."""

    config: dict[str, Any]
    secrets: dict[str, str] = field(repr=False)


def addresses(entry: Entry) -> tuple[str, ...]:
    """The names of the addresses that an integration with this provider may have of its own."""
    return (*_ADDRESSES, *(f"{name}_url" for name in entry.actions))


def host(value: object) -> str:
    """The host and port of a value that is an address; empty for any other."""
    return urlsplit(value).netloc.rpartition("@")[2].lower() if isinstance(value, str) and _URL.fullmatch(value) else ""


def host_parts(entry: Entry, auth: Auth) -> set[str]:
    """The names of what is entered freely and decides to which host this provider's calls go."""
    hosts = _HOST.findall(entry.model_dump_json())
    used = {name for host in hosts for name in templates.variables(host)}
    return {each.name for each in auth.fields if each.name in used and not each.options}


def sort_out(entry: Entry, auth: Auth, *given: Mapping[str, Any], needs_client: bool = True, is_whole: bool = True) -> Entered:
    """Everything in `given`, later ones first in doubt, parted by what the catalogue says is secret, wherever it was sent.

    Without `is_whole` what is required may be missing, though not emptied: a change, not a creation. Raises `Invalid` with every mistake.
    """
    found = Entered({}, {})
    errors: list[FieldError] = []
    by_name = {name: each for each in auth.fields for name in _names(each)}
    for document in given:
        for name, value in document.items():
            _take(entry, by_name, name, value, found, errors)
    if is_whole:
        wrong = {error.path for error in errors}
        lacking = (each for each in auth.fields if each.name not in wrong)
        errors += [_missing(each) for each in lacking if _is_missing(each, found, needs_client=needs_client)]
    else:
        emptied = (each for each in auth.fields if each.name in found.config and not each.secret)
        errors += [_missing(each) for each in emptied if each.default is None and _is_missing(each, found, needs_client=needs_client)]
    if errors:
        raise Invalid(*errors)
    return found


def known_names(auth: Auth, *given: Mapping[str, Any]) -> list[str]:
    """Our names of what is given, as far as this way to authenticate has them."""
    by_name = {name: each.name for each in auth.fields for name in _names(each)}
    return [by_name[name] for document in given for name in document if name in by_name]


def hint(secret: str) -> str:
    """What may be shown of a secret: dots, and the last four characters of a long one."""
    return DOTS + secret[-4:] if len(secret) >= _HINT_FROM else DOTS


def _names(each: FormField) -> set[str]:
    return {form for name in (each.name, *each.older) for form in (name, to_camel(name))}


def _take(entry: Entry, by_name: Mapping[str, FormField], name: str, value: Any, found: Entered, errors: list[FieldError]) -> None:
    each = by_name.get(name)
    if each is not None:
        _keep(each, value, found, errors)
        return
    address = next((one for one in addresses(entry) if name in {one, to_camel(one)}), None)
    if address is not None:
        if value in (None, ""):
            found.config[address] = None
        elif isinstance(value, str) and len(value) <= 2000 and _URL.fullmatch(value):
            found.config[address] = value
        else:
            errors.append(FieldError(address, "is not an address.", "Begin it with https://."))
        return
    if not lenience.ignores_unknown_fields():
        offered = ", ".join(sorted({one.name for one in by_name.values()}))
        told = f"is nothing that {entry.name} takes here."
        errors.append(FieldError(texts.readable(str(name)[:80]), told, f"It takes: {offered or 'nothing'}."))


def _keep(each: FormField, value: Any, found: Entered, errors: list[FieldError]) -> None:
    if isinstance(value, bool | int | float):
        value = str(value)
    if value is not None and not isinstance(value, str):
        errors.append(FieldError(each.name, "is no text.", "Send it as text."))
        return
    text = (value or "").strip()
    if each.secret and text.startswith(DOTS):
        return  # shown as dots and sent back: it stays
    if not text:
        found.config[each.name] = None
        return
    wrong = _wrong(each, text)
    if wrong is not None:
        errors.append(wrong)
    elif each.secret:
        found.secrets[each.name] = text
    else:
        found.config[each.name] = text


def _wrong(each: FormField, text: str) -> FieldError | None:
    if len(text) > MOST or not texts.is_storable(text) or any(ord(char) < 32 for char in text):
        return FieldError(each.name, "is too long, or holds characters that cannot be stored.", "Paste it again, without line breaks.")
    if each.options and text not in each.options:
        return FieldError(each.name, "is none of its values.", f"Use one of: {', '.join(each.options)}.")
    if each.pattern is not None and re.fullmatch(each.pattern, text) is None:
        example = f" One looks like {each.example}." if each.example else ""
        return FieldError(each.name, f"does not look like one.{example}", "Copy it once more.")
    return None


def _is_missing(each: FormField, found: Entered, *, needs_client: bool) -> bool:
    if not each.required or (each.name in {"client_id", "client_secret"} and not needs_client):
        return False
    return not found.config.get(each.name) and not found.secrets.get(each.name)


def _missing(each: FormField) -> FieldError:
    return FieldError(each.name, "is required.", f"{each.help or 'Send ' + each.label + '.'}")
