"""What may be done to a value on its way into a field: a fixed set of functions, no expressions of users. Pure."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any, Final, cast

from backend.core import clock, jsjson
from backend.core.errors import FieldError
from backend.incoming import paths

MAX_TRANSFORMS: Final = 8
MAX_LOOKUP: Final = 500
MAX_TEXT: Final = 100_000
MAX_TEMPLATE: Final = 10_000
MAX_HOLES: Final = 50
_TRUE: Final = frozenset({"true", "1", "yes", "y", "on", "t"})
_FALSE: Final = frozenset({"false", "0", "no", "n", "off", "f", ""})
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_GROUPED: Final = {
    mark: re.compile(rf"[+-]?[0-9]{{1,3}}(?:{re.escape(mark)}[0-9]{{2,3}})*{re.escape(mark)}[0-9]{{3}}", re.ASCII) for mark in ",."
}
_FORMS: Final = ("unix", "unix_ms", "iso")
_VALUES: Final = frozenset({"value", "otherwise"})
# Of a template: `{{` and `}}` are braces, `{path}` is what is there.
_HOLE: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
_MISSING: Final = paths.MISSING


class Unfit(Exception):
    """A value that a transform cannot work on: what it is, and what to do."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message, self.fix = message, fix


@dataclass(frozen=True, slots=True)
class Transform:
    """One function with its settings."""

    name: str
    options: Mapping[str, Any]

    def apply(self, value: Any, payload: Any) -> Any:
        """The value it makes of `value`, which may be absent; `payload` is the whole. Raises `Unfit`."""
        return _FUNCTIONS[self.name](value, self.options, payload)

    def places(self) -> list[paths.Path]:
        """Where in the payload it takes further values from."""
        named = [*self.options.get("with", ()), *(hole[1] for hole in _HOLE.finditer(str(self.options.get("text", ""))) if hole[1])]
        return [paths.of(place) for place in named]

    def document(self) -> dict[str, Any]:
        """As it is stored and answered."""
        return {"name": self.name, **self.options}


def parse(given: Any, path: str, errors: list[FieldError]) -> tuple[Transform, ...]:
    """The transforms that `{"name": "date", …}`, a list of them, or bare names mean; mistakes go to `errors`."""
    if given in (None, "", []):
        return ()
    entries = cast("list[Any]", given) if isinstance(given, list) else [given]
    if len(entries) > MAX_TRANSFORMS:
        errors.append(FieldError(path, f"has {len(entries)} transforms.", f"Use at most {MAX_TRANSFORMS}."))
        return ()
    found: list[Transform] = []
    for index, entry in enumerate(entries):
        place = f"{path}[{index}]" if isinstance(given, list) else path
        document: Any = {"name": entry} if isinstance(entry, str) else entry
        if not isinstance(document, dict) or not isinstance(name := cast("dict[str, Any]", document).get("name"), str):
            errors.append(FieldError(place, "is no transform.", 'Send {"name": "trim"}, or a list of such.'))
            continue
        given_options = {key: value for key, value in cast("dict[str, Any]", document).items() if key != "name"}
        # Null is as good as leaving a setting out, but for those that say which value is to be taken.
        options = {key: value for key, value in given_options.items() if value is not None or key in _VALUES}
        if name not in _OPTIONS:
            errors.append(FieldError(place, f"{name[:40]!r} is no transform.", f"Use one of {', '.join(_OPTIONS)}."))
            continue
        if unknown := options.keys() - _OPTIONS[name].keys():
            known = ", ".join(_OPTIONS[name]) or "none"
            errors.append(FieldError(place, f"{min(unknown)[:40]!r} is no setting of {name}.", f"It takes {known}."))
            continue
        wrong = [told for key, check in _OPTIONS[name].items() if (told := check(options.get(key)))]
        errors += [FieldError(place, told, "Correct it.") for told in wrong]
        if not wrong:
            found.append(Transform(name, options))
    return tuple(found)


def _text_of(value: Any, what: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value) if not isinstance(value, int) or abs(value) < 10**40 else format(Decimal(value), "e")
    raise Unfit(f"is {kind(value)}, which {what} cannot take.", "Choose another source, or leave the transform out.")


def _each(value: Any, change: Callable[[str], str], what: str) -> Any:
    """A text changed, or each text of a list."""
    if value is _MISSING or value is None:
        return value
    if isinstance(value, list):
        return [change(_text_of(item, what)) for item in cast("list[Any]", value)]
    return change(_text_of(value, what))


def _number(value: Any, options: Mapping[str, Any], _payload: Any) -> Any:
    if value is _MISSING or value is None or value == "":
        return None if value == "" else value
    if isinstance(value, bool):
        number = Decimal(int(value))
    elif isinstance(value, int | float | str):
        text = str(value).strip() if not isinstance(value, int) or abs(value) < 10**40 else ""
        if isinstance(value, str):
            text = _plain(text, options.get("decimal", "."))
        if _NUMBER.fullmatch(text) is None:
            raise Unfit(f"is {kind(value)} that is no number.", "Choose another source, or give a default.")
        number = Decimal(text)
    else:
        raise Unfit(f"is {kind(value)}, no number.", "Choose a source that holds one.")
    try:
        number = number * Decimal(str(options.get("multiply_by", 1))) / Decimal(str(options.get("divide_by", 1)))
    except (InvalidOperation, ArithmeticError):
        raise Unfit("is a number out of every range.", "Choose another source.") from None
    if "round" in options:
        with contextlib.suppress(InvalidOperation):  # it has more digits than are kept, and none behind that place
            number = Decimal(round(number, int(options["round"])))
    if abs(number) > Decimal("1e300"):
        raise Unfit("is a number out of every range.", "Choose another source.")
    return int(number) if number == number.to_integral_value() and abs(number) < 2**53 else float(number)


def _plain(text: str, mark: str) -> str:
    """A number without what groups its digits by thousands; nothing, which is no number, if that groups something else."""
    text = re.sub(r"[\s\u00a0']", "", text)
    whole, point, rest = text.partition(mark)
    other = "," if mark == "." else "."
    if other in whole:
        if _GROUPED[other].fullmatch(whole) is None:
            return ""
        whole = whole.replace(other, "")
    return whole + point.replace(mark, ".") + rest


def _boolean(value: Any, _options: Mapping[str, Any], _payload: Any) -> Any:
    if value is _MISSING or value is None or isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int | float) else "?"
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise Unfit(f"is {kind(value)} that means neither true nor false.", "Use lookup to say which words mean what.")


def _date(value: Any, options: Mapping[str, Any], _payload: Any) -> Any:
    if value is _MISSING or value is None or value == "":
        return None if value == "" else value
    moment = _moment(value, options.get("from"))
    return moment.date().isoformat() if options.get("to", "datetime") == "date" else clock.rfc3339(moment)


def _moment(value: Any, form: str | None) -> datetime:
    try:
        if form in {"unix", "unix_ms"} or (form is None and not isinstance(value, str)):
            number = float(value) if not isinstance(value, bool | list | dict) else math.nan
            divided = number / 1000 if form == "unix_ms" or (form is None and number > 1e11) else number
            return datetime.fromtimestamp(divided, UTC)
        text = str(value).strip()
        if form not in (None, "iso"):
            return _aware(datetime.strptime(text, form))  # noqa: DTZ007 - what has no zone is meant in UTC
        if re.match(r"[A-Za-z]{3}, ", text):
            return _aware(parsedate_to_datetime(text))
        return _aware(datetime.fromisoformat(text))
    except (ValueError, OverflowError, OSError, TypeError, re.error):
        raise Unfit(f"is {kind(value)} that is no time.", 'Say how it is written: {"name": "date", "from": "%d.%m.%Y"}.') from None


def _aware(moment: datetime) -> datetime:
    return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).astimezone(UTC)


def _default(value: Any, options: Mapping[str, Any], _payload: Any) -> Any:
    return options.get("value") if value is _MISSING or value in (None, "") else value


def _constant(_value: Any, options: Mapping[str, Any], _payload: Any) -> Any:
    return options.get("value")


def _join(value: Any, options: Mapping[str, Any], payload: Any) -> Any:
    """The items of a list, or the value and what is `with` it, as one text; what is absent or empty is left out."""
    parts = cast("list[Any]", value) if isinstance(value, list) else [value]
    parts = [*parts, *(paths.of(place).read(payload) for place in options.get("with", ()))]
    found = [_text_of(part, "join") for part in parts if part is not _MISSING and part not in (None, "")]
    text = str(options.get("separator", " ")).join(found)
    if len(text) > MAX_TEXT:
        raise Unfit(f"comes to {len(text):,} characters.", "Join fewer.")
    return text if found else _MISSING


def _split(value: Any, options: Mapping[str, Any], _payload: Any) -> Any:
    if value is _MISSING or value is None:
        return value
    text, separator = _text_of(value, "split"), str(options.get("separator", " "))
    parts: list[str] = [part.strip() for part in (text.split() if separator == " " else text.split(separator))]
    if "index" not in options:
        return parts
    index = int(options["index"])
    return parts[index] if -len(parts) <= index < len(parts) else _MISSING


def _lookup(value: Any, options: Mapping[str, Any], _payload: Any) -> Any:
    if value is _MISSING:
        return value
    table = cast("Mapping[str, Any]", options["table"])
    key = {True: "true", False: "false", None: "null"}.get(value) if isinstance(value, bool) or value is None else None
    word = key or (_text_of(value, "lookup") if not isinstance(value, list | dict) else "")
    folded = {name.lower(): each for name, each in table.items()}
    if word.lower() in folded:
        return folded[word.lower()]
    if "otherwise" in options:
        return options["otherwise"]
    known = ", ".join(list(table)[:8])
    raise Unfit(f"is {kind(value)} that the table does not have.", f"Add it, or say `otherwise`. The table has {known}.")


def _template(_value: Any, options: Mapping[str, Any], payload: Any) -> Any:
    """A text with values of the payload in it; what is absent or empty leaves nothing."""
    try:
        text = _HOLE.sub(lambda hole: hole[0][0] if hole[1] is None else _written(paths.of(hole[1]).read(payload)), str(options["text"]))
    except jsjson.NotJson:
        raise Unfit("names something that cannot be written as a text.", "Name places that hold texts and numbers.") from None
    if len(text) > MAX_TEXT:
        raise Unfit(f"comes to {len(text):,} characters.", "Name fewer places, or shorter ones.")
    return text


def _written(value: Any) -> str:
    """A value as a part of a text: a list by its items, an object as JSON."""
    if value is _MISSING or value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(_written(item) for item in cast("list[Any]", value))
    return value if isinstance(value, str) else jsjson.stringify(value)


def kind(value: Any) -> str:
    """What a value is, in words; never the value."""
    if value is _MISSING:
        return "absent"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    kinds: dict[type, str] = {str: "a text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return kinds.get(cast("type", value.__class__), "of another kind")


_FUNCTIONS: Final[Mapping[str, Callable[[Any, Mapping[str, Any], Any], Any]]] = {
    "trim": lambda value, _options, _payload: _each(value, str.strip, "trim"),
    "lower": lambda value, _options, _payload: _each(value, str.lower, "lower"),
    "upper": lambda value, _options, _payload: _each(value, str.upper, "upper"),
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "default": _default,
    "constant": _constant,
    "join": _join,
    "split": _split,
    "lookup": _lookup,
    "text": lambda value, _options, _payload: _each(value, str, "text"),
    "template": _template,
}

Check = Callable[[Any], str]


def _any(_value: Any) -> str:
    return ""


def _short_text(value: Any) -> str:
    return "" if value is None or (isinstance(value, str) and 0 < len(value) <= 60) else "has a setting that is no short text."


def _factor(value: Any) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 < abs(value) <= 1e9
    return "" if value is None or is_number else "has a factor that is no number above 0."


def _whole(value: Any) -> str:
    is_whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 1000
    return "" if value is None or is_whole else "has a setting that is no whole number."


def _mark(value: Any) -> str:
    return "" if value in (None, ".", ",") else "has a decimal mark that is neither . nor ,"


def _reads_back(form: str) -> bool:
    """Whether a time that is written by a form can be read by it."""
    try:
        datetime.strptime(datetime(2024, 11, 22, tzinfo=UTC).strftime(form), form)  # noqa: DTZ007 - only whether it can be read
    except (ValueError, re.error):
        return False
    return True


def _form(value: Any) -> str:
    if value is None or value in _FORMS:
        return ""
    is_form = isinstance(value, str) and "%" in value and len(value) <= 60 and _reads_back(value)
    return "" if is_form else "has a form that is none: use unix, unix_ms, iso, or such as %d.%m.%Y."


def _target(value: Any) -> str:
    return "" if value in (None, "date", "datetime") else "makes neither a date nor a datetime."


def _table(value: Any) -> str:
    if not isinstance(value, dict) or not 0 < len(cast("dict[Any, Any]", value)) <= MAX_LOOKUP:
        return f"has no table of 1 to {MAX_LOOKUP} words."
    return ""


def _holes(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEMPLATE:
        return f"has no text of 1 to {MAX_TEMPLATE:,} characters."
    if "{" in (rest := _HOLE.sub("", value)) or "}" in rest:
        return "has a brace without its other half; write {{ or }} for a brace itself."
    holes = list(_HOLE.finditer(value))
    if len(holes) > MAX_HOLES:
        return f"names {len(holes)} places; at most {MAX_HOLES} are taken."
    for hole in holes:
        try:
            paths.of(hole[1] or "")
        except paths.BadPath as error:
            return f"names {hole[1][:60]!r}, which {error}."
        if hole[1] is not None and not hole[1].strip():
            return "has braces with nothing in them."
    return ""


def _places(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, list) or len(cast("list[Any]", value)) > 10:
        return "has no list of at most 10 paths under `with`."
    for place in cast("Sequence[Any]", value):
        try:
            if not isinstance(place, str):
                return "has something under `with` that is no path."
            paths.of(place)
        except paths.BadPath as error:
            return f"has a path under `with` that {error}."
    return ""


_OPTIONS: Final[Mapping[str, Mapping[str, Check]]] = {
    "trim": {},
    "lower": {},
    "upper": {},
    "number": {"decimal": _mark, "multiply_by": _factor, "divide_by": _factor, "round": _whole},
    "boolean": {},
    "date": {"from": _form, "to": _target},
    "default": {"value": _any},
    "constant": {"value": _any},
    "join": {"separator": lambda value: "" if value == "" else _short_text(value), "with": _places},
    "split": {"separator": _short_text, "index": _whole},
    "lookup": {"table": _table, "otherwise": _any},
    "text": {},
    "template": {"text": _holes},
}
NAMES: Final = tuple(_OPTIONS)
