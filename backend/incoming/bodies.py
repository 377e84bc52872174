"""What a body says: JSON, or a form, as one JSON value; and what its source calls the request and what happened. Pure."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import parse_qsl

import orjson

from backend.incoming import paths
from backend.incoming.received import Received
from backend.incoming.schemes import EVENT_HEADERS, Scheme, Verification

MAX_FORM_FIELDS: Final = 1000
MAX_EVENT: Final = 80
_FORM: Final = "application/x-www-form-urlencoded"
# orjson turns a whole number beyond 64 bits into an inexact one.
_LONG_NUMBER: Final = re.compile(rb"[0-9]{18}")
_NOT_OURS: Final = ("multipart/", "application/xml", "text/xml", "application/octet-stream")
# Where a source says which event it is, and what happened.
_IDS: Final[Mapping[Scheme, tuple[str, ...]]] = {
    Scheme.STRIPE: ("id",),
    Scheme.SLACK: ("event_id",),
    Scheme.TWILIO: ("MessageSid", "CallSid", "SmsSid"),
    Scheme.UBER_EATS: ("event_id",),
    Scheme.HUBSPOT: ("[0].eventId",),
}
_EVENTS: Final = ("type", "event_type", "event", "eventType", "[0].subscriptionType", "action")
_STATUSES: Final = ("MessageStatus", "CallStatus", "SmsStatus")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a body says nothing: the word for the log, and a sentence."""

    reason: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What the source calls this request ("" if nothing) and the kind of event; `challenge` is what it wants to hear back.

    A handshake is no event: it is answered and nothing is made of it.
    """

    source_id: str = ""
    event: str = ""
    challenge: str | None = None
    is_handshake: bool = False


def parse(request: Received) -> Any | Unreadable:
    """The body's JSON value. Of a name that is there twice the last counts; a form's repeated names are lists."""
    media = request.header("content-type").partition(";")[0].strip().lower()
    packed = request.header("content-encoding").strip().lower()
    if packed not in {"", "identity"}:
        return Unreadable("media", f"The body is compressed ({packed[:40]}). Send it as it is, without Content-Encoding.")
    if media.startswith(_NOT_OURS):
        return Unreadable("media", f"The body is {media[:60]}. Send JSON or a form ({_FORM}).")
    if media == _FORM:
        return _form(request.body)
    return _json(request.body)


def identify(verification: Verification, request: Received, value: Any) -> Identity:
    """What a verified request is called by its source."""
    scheme = verification.scheme
    event_header = EVENT_HEADERS.get(scheme)
    event = (request.header(event_header) if event_header else "") or _first(value, _EVENTS)
    challenge = _first(value, ("challenge",)) if scheme is Scheme.SLACK and _first(value, ("type",)) == "url_verification" else None
    is_handshake = challenge is not None or (scheme is Scheme.GITHUB and event == "ping")
    if scheme is Scheme.XERO:
        is_handshake = _found(value, "events") == []
    return Identity(_source_id(verification, request, value), event[:MAX_EVENT], challenge, is_handshake)


def _source_id(verification: Verification, request: Received, value: Any) -> str:
    dedupe, signature = verification.dedupe, verification.signature
    if dedupe.startswith("header:"):
        return request.header(dedupe[7:].strip())
    if dedupe:
        return _first(value, (dedupe,))
    in_header = ""
    if signature is not None and signature.id_header:
        names = [signature.id_header, *(alias for alias, name in signature.aliases if name == signature.id_header)]
        in_header = next((found for name in names if (found := request.header(name))), "")
    found = in_header or _first(value, _IDS.get(verification.scheme, ()))
    if found and verification.scheme is Scheme.TWILIO and not in_header:
        found = f"{found} {_first(value, _STATUSES)}".strip()  # one message has several states
    return found


def _first(value: Any, places: Sequence[str]) -> str:
    """The first of these places that holds a text or a whole number, as text."""
    for place in places:
        found = _found(value, place)
        if isinstance(found, str) or (isinstance(found, int) and not isinstance(found, bool)):
            text = str(found) if not isinstance(found, int) or abs(found) < 10**30 else ""
            if text:
                return text
    return ""


def _found(value: Any, place: str) -> Any:
    found = paths.of(place).read(value)
    return None if found is paths.MISSING else found


def _form(body: bytes) -> Any | Unreadable:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS, errors="strict")
    except UnicodeDecodeError:
        return Unreadable("encoding", "The form is not UTF-8. Send it in UTF-8.")
    except ValueError:
        return Unreadable("form", f"The form has more than {MAX_FORM_FIELDS:,} fields. Send fewer, or JSON.")
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    payload = found.get("payload")
    if len(found) == 1 and isinstance(payload, str) and payload.lstrip()[:1] in {"{", "["}:
        return _json(payload.encode("utf-8", "surrogatepass"))  # a form around JSON, as GitHub and Slack send it
    return found


def _json(body: bytes) -> Any | Unreadable:
    body = body.removeprefix(codecs.BOM_UTF8)
    if not body.strip():
        return Unreadable("empty", "There is no body. Send a JSON object.")
    try:
        is_long = _LONG_NUMBER.search(body) is not None
        value = json.loads(body.decode(), parse_constant=_no_constant) if is_long else orjson.loads(body)
    except UnicodeDecodeError:
        return Unreadable("encoding", "The body is not UTF-8. Send JSON in UTF-8.")
    except RecursionError:
        return Unreadable("depth", "The body is nested too deeply. Send a flatter one.")
    except ValueError as error:
        return _not_json(body, error)
    if isinstance(value, dict | list):
        return cast("Any", value)
    return Unreadable("shape", f"The body is {_kind(value)}. Send a JSON object, or a list of them.")


def _not_json(body: bytes, error: ValueError) -> Unreadable:
    try:
        body.decode()
    except UnicodeDecodeError:
        return Unreadable("encoding", "The body is not UTF-8. Send JSON in UTF-8.")
    if "depth" in str(error) or "recursion" in str(error):
        return Unreadable("depth", "The body is nested too deeply. Send a flatter one.")
    if "integer string conversion" in str(error):
        return Unreadable("number", "The body holds a number of thousands of digits. Send it as a text.")
    where = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
    return Unreadable("json", f'The body is not JSON{where}. Send an object such as {{"email": "ada@example.com"}}.')


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _kind(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return "a text" if isinstance(value, str) else "a number"
