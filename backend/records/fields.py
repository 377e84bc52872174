"""The fields of a module: which types there are, and what is wrong with a definition, every mistake at once. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, cast

from backend.core import texts
from backend.core.errors import FieldError
from backend.records import names

MAX_FIELDS: Final = 200
MAX_OPTIONS: Final = 200
MAX_OPTION: Final = 100
MAX_LABEL: Final = 100
DEFAULT_LENGTH: Final = 10_000
LONGEST: Final = 100_000


class FieldType(StrEnum):
    """What values a field takes."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    EMAIL = "email"
    URL = "url"
    PHONE = "phone"
    SELECT = "select"
    MULTI_SELECT = "multi-select"
    REFERENCE = "reference"
    JSON = "json"


CHOICES: Final = frozenset({FieldType.SELECT, FieldType.MULTI_SELECT})
# Types by whose values records are found and sorted; all but json.
SORTABLE: Final = frozenset(FieldType) - {FieldType.JSON, FieldType.MULTI_SELECT}
UNIQUE: Final = SORTABLE - {FieldType.BOOLEAN}
SIZED: Final = frozenset({FieldType.TEXT, FieldType.EMAIL, FieldType.URL, FieldType.PHONE})
SEARCHED: Final = SIZED | {FieldType.SELECT}
# Of types whose values are texts of the same form, any may become text.
_LIKE_TEXT: Final = frozenset({FieldType.EMAIL, FieldType.URL, FieldType.PHONE, FieldType.SELECT})
_PARTS: Final = frozenset(
    {"key", "name", "label", "type", "required", "unique", "default", "options", "max_length", "pii", "module", "description"}
)


@dataclass(frozen=True, slots=True)
class Field:
    """A field. `key` stays when its name changes; `module` is where a reference points to."""

    key: str
    name: str
    label: str
    type: FieldType
    required: bool = False
    unique: bool = False
    default: Any = None
    options: tuple[str, ...] = ()
    max_length: int | None = None
    pii: bool = False
    module: str | None = None
    description: str = ""

    def document(self) -> dict[str, Any]:
        """As it is stored and answered."""
        return {
            "key": self.key,
            "name": self.name,
            "label": self.label,
            "type": self.type.value,
            "required": self.required,
            "unique": self.unique,
            "default": self.default,
            "options": list(self.options),
            "max_length": self.max_length,
            "pii": self.pii,
            "module": self.module,
            "description": self.description,
        }


def stored(document: Mapping[str, Any]) -> Field:
    """A field from what `document` made of it."""
    parts: dict[str, Any] = {**document, "type": FieldType(document["type"]), "options": tuple(document["options"])}
    return Field(**parts)


def may_become(old: FieldType, new: FieldType) -> bool:
    """Whether values of one type are values of the other as they are."""
    return old is new or (new is FieldType.TEXT and old in _LIKE_TEXT)


def parse_all(
    documents: Sequence[Mapping[str, Any]], known: Sequence[Field] = (), used: Sequence[str] = ()
) -> tuple[list[Field], list[FieldError]]:
    """The fields that `documents` define, and every mistake in them; defaults are still to be checked against their fields.

    A field of `known` is meant by its key, else by its name. `used` are the keys that no new field may have.
    """
    found: list[Field] = []
    errors: list[FieldError] = []
    if len(documents) > MAX_FIELDS:
        return [], [FieldError("fields", f"has {len(documents)} items.", f"Use at most {MAX_FIELDS}.")]
    by_key, by_name = {field.key: field for field in known}, {field.name: field for field in known}
    taken = set(by_key) | set(used)
    for index, document in enumerate(documents):
        path = f"fields[{index}]"
        field, wrong = _parse(document, path, by_key, by_name)
        errors += wrong
        if field is None:
            continue
        if any(names.camel(field.name) == names.camel(other.name) for other in found):
            errors.append(FieldError(f"{path}.name", f"{field.name!r} is there twice.", "Give each field a name of its own."))
            continue
        if not field.key:
            field = _with_key(field, taken)
        elif any(field.key == other.key for other in found):
            errors.append(FieldError(f"{path}.key", "is there twice.", "Leave the key of a new field out."))
            continue
        taken.add(field.key)
        found.append(field)
    return found, errors


def _with_key(field: Field, taken: set[str]) -> Field:
    key, number = field.name, 2
    while key in taken:
        key, number = f"{field.name}~{number}", number + 1
    return stored({**field.document(), "key": key})


def _parse(
    document: Mapping[str, Any], path: str, by_key: Mapping[str, Field], by_name: Mapping[str, Field]
) -> tuple[Field | None, list[FieldError]]:
    parts = {names.snake(name): value for name, value in document.items()}
    errors = [_unknown(f"{path}.{name}", name) for name in sorted(parts.keys() - _PARTS)]
    given_name = parts.get("name")
    name = names.snake(given_name) if isinstance(given_name, str) else ""
    if (wrong := _wrong_name(given_name, name)) is not None:
        errors.append(FieldError(f"{path}.name", *wrong))
    key = parts.get("key")
    if key is not None and key not in by_key:
        errors.append(FieldError(f"{path}.key", "is no field of this module.", "Leave the key of a new field out."))
    known = by_key.get(str(key)) if key is not None else by_name.get(name)
    kind = parts.get("type")
    if kind not in list(FieldType):
        near = difflib.get_close_matches(str(kind).lower().replace("_", "-"), list(FieldType), n=1)
        told = "is missing." if kind is None else f"{str(kind)[:40]!r} is no type."
        errors.append(FieldError(f"{path}.type", told, f"Did you mean {near[0]}?" if near else f"Use one of {', '.join(FieldType)}."))
        return None, errors
    field_type = FieldType(kind)
    errors += _flags(parts, path)
    errors += _of_type(field_type, parts, path)
    if errors:
        return None, errors
    options = tuple(cast("list[str]", parts.get("options") or []))
    return Field(
        key=known.key if known is not None else "",
        name=name,
        label=(parts.get("label") or names.label(name)).strip(),
        type=field_type,
        required=bool(parts.get("required")),
        unique=bool(parts.get("unique")),
        default=parts.get("default"),
        options=options,
        max_length=parts.get("max_length"),
        pii=bool(parts.get("pii")),
        module=parts.get("module"),
        description=parts.get("description") or "",
    ), []


def _wrong_name(given: Any, name: str) -> tuple[str, str] | None:
    if given is None:
        return "is missing.", "Name the field, such as first_name."
    if name in names.RESERVED:
        return f"{name!r} is reserved.", "Use another name."
    if not names.is_name(name):
        return (
            f"{str(given)[:70]!r} is not a name for a field.",
            f"Use up to {names.MAX_NAME} lower-case letters, digits and _, such as first_name.",
        )
    return None


def _unknown(path: str, name: str) -> FieldError:
    near = difflib.get_close_matches(name, _PARTS, n=1)
    return FieldError(path, "is not part of a field.", f"Did you mean {near[0]}?" if near else "Leave it out.")


def _flags(parts: Mapping[str, Any], path: str) -> list[FieldError]:
    errors = [
        FieldError(f"{path}.{name}", "is neither true nor false.", "Send true or false.")
        for name in ("required", "unique", "pii")
        if not isinstance(parts.get(name, False), bool)
    ]
    for name, most in (("label", MAX_LABEL), ("description", 1000)):
        value = parts.get(name)
        if value is not None and not (isinstance(value, str) and len(value) <= most and texts.is_storable(value)):
            errors.append(FieldError(f"{path}.{name}", "is no text of that length.", f"Send at most {most} characters."))
    return errors


def _of_type(field_type: FieldType, parts: Mapping[str, Any], path: str) -> list[FieldError]:
    """What does not fit a field of this type."""
    errors: list[FieldError] = []
    options, length, module = parts.get("options"), parts.get("max_length"), parts.get("module")
    if field_type in CHOICES:
        errors += _options(options, f"{path}.options")
    elif options:
        errors.append(FieldError(f"{path}.options", f"do not belong to a {field_type} field.", "Leave them out, or use select."))
    if length is not None and (
        field_type not in SIZED or isinstance(length, bool) or not isinstance(length, int) or not 1 <= length <= LONGEST
    ):
        errors.append(FieldError(f"{path}.max_length", "is not usable.", f"Use 1 to {LONGEST:,}, on text, email, url and phone fields."))
    if field_type is FieldType.REFERENCE:
        if not isinstance(module, str) or not names.is_name(module):
            errors.append(FieldError(f"{path}.module", "is missing.", "Name the module that the field refers to, such as contacts."))
    elif module is not None:
        errors.append(FieldError(f"{path}.module", f"does not belong to a {field_type} field.", "Leave it out, or use reference."))
    if parts.get("unique") is True and field_type not in UNIQUE:
        errors.append(FieldError(f"{path}.unique", f"is not possible for a {field_type} field.", f"Use it on {', '.join(sorted(UNIQUE))}."))
    if parts.get("default") is not None and (parts.get("unique") is True or field_type is FieldType.REFERENCE):
        errors.append(FieldError(f"{path}.default", "cannot be given to a unique field or a reference.", "Leave it out."))
    return errors


def _options(options: Any, path: str) -> list[FieldError]:
    if not isinstance(options, list) or not 1 <= len(cast("list[Any]", options)) <= MAX_OPTIONS:
        return [FieldError(path, "is no list of options.", f"Send 1 to {MAX_OPTIONS} texts.")]
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, option in enumerate(cast("list[Any]", options)):
        if not isinstance(option, str) or not option.strip() or len(option) > MAX_OPTION or not texts.is_storable(option):
            errors.append(FieldError(f"{path}[{index}]", "is no option.", f"Send a text of 1 to {MAX_OPTION} characters."))
        elif option.lower() in seen:
            errors.append(FieldError(f"{path}[{index}]", "is there twice, whatever the case.", "Leave it out."))
        else:
            seen.add(option.lower())
    return errors
