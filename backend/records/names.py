"""How modules and fields are named: snake_case, found by camelCase too. Pure."""

from __future__ import annotations

import re
from typing import Final

MAX_NAME: Final = 60
# Parameters and fields of every record, which no field of a module may be named.
RESERVED: Final = frozenset(
    {"id", "module", "created_at", "updated_at", "previous", "limit", "cursor", "sort", "q", "filter", "api_key", "confirm"}
)
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_WORD_BREAK: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_TAIL: Final = re.compile(r"_([a-z0-9])")
# Words whose plural is not made by the rules below.
_SINGULARS: Final = {"people": "person", "children": "child", "news": "news", "series": "series", "analyses": "analysis"}


def is_name(text: str) -> bool:
    """Whether `text` is a name for a module or field: words of lower-case letters and digits joined by underscores."""
    return len(text) <= MAX_NAME and _NAME.fullmatch(text) is not None


def snake(text: str) -> str:
    """`firstName` as `first_name`; what is in snake_case stays as it is."""
    return text if text.islower() else _WORD_BREAK.sub("_", text).lower()


def camel(name: str) -> str:
    """`first_name` as `firstName`."""
    return _TAIL.sub(lambda match: match[1].upper(), name)


def label(name: str) -> str:
    """`first_name` as `First name`."""
    return name.replace("_", " ").capitalize()


def singular(name: str) -> str:
    """The singular of a plural name by the common rules: `opportunities` is `opportunity`, `gl_entries` is `gl_entry`."""
    head, underscore, word = name.rpartition("_")
    if word in _SINGULARS:
        word = _SINGULARS[word]
    elif word.endswith("ies") and len(word) > 4:
        word = f"{word[:-3]}y"
    elif word.endswith(("ches", "shes", "sses", "xes", "zes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    return f"{head}{underscore}{word}"
