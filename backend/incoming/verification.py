"""Whether a request comes from its source: step by step, with a sentence for the step that fails. Pure.

Nothing here raises on hostile input: every header and body is a stranger's. The body is verified as it arrived, never parsed before.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from backend.incoming.received import Received
from backend.incoming.schemes import Scheme, Signature, Verification

_DIGITS: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_PLACEHOLDER: Final = re.compile(r"\{(body|form|timestamp|id|url|method|header:[A-Za-z0-9_-]+)\}", re.ASCII)
_BYTES: Final = {"sha1": 20, "sha256": 32, "sha512": 64}
_MAX_ENTRIES: Final = 32
_MAX_FORM_FIELDS: Final = 1000
# The escapes that HubSpot decodes before it signs an address.
_HUBSPOT: Final = {f"%{ord(char):02X}": char for char in ":/?@!$'()*,;"}


@dataclass(frozen=True, slots=True)
class Step:
    """The outcome of one step of a request's way, as a sentence that says what to do when it failed."""

    name: str
    ok: bool
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """All steps that were made, in order."""

    steps: tuple[Step, ...]

    @property
    def failed(self) -> Step | None:
        """The step that failed, or None if the request is the source's."""
        last = self.steps[-1] if self.steps else None
        return last if last is not None and not last.ok else None


def verify(verification: Verification, secrets: Sequence[str], request: Received) -> Verdict:
    """Judge a request by a scheme; each of `secrets` will do."""
    if verification.scheme is Scheme.NONE:
        return Verdict((Step("signature", ok=True, text="Nothing but the token in the address is asked for."),))
    if not secrets:
        return Verdict((Step("secret", ok=False, text="No secret is stored for this source. Add the one that it signs with."),))
    if verification.scheme is Scheme.BASIC:
        return Verdict(tuple(_basic(verification, secrets, request)))
    if verification.scheme is Scheme.HEADER:
        return Verdict(tuple(_header(verification, secrets, request)))
    assert verification.signature is not None  # noqa: S101 - every other scheme has one
    return Verdict(tuple(_signed(verification.scheme, verification.signature, secrets, _aliased(verification.signature, request))))


def _aliased(rule: Signature, request: Received) -> Received:
    """The request with the headers of a scheme under their main names."""
    names = dict(rule.aliases)
    if not any(name in names for name, _ in request.headers):
        return request
    headers = tuple((names.get(name, name), value) for name, value in request.headers)
    return Received(request.method, request.urls, headers, request.body, request.at)


def _signed(scheme: Scheme, rule: Signature, secrets: Sequence[str], request: Received) -> Iterator[Step]:
    """The steps of a signature; ends with the first that fails."""
    needed = [rule.header, *([rule.timestamp_header] if rule.timestamp_header else []), *_headers_in(rule)]
    yield (step := _present(needed, request))
    if not step.ok:
        return
    entries = _entries(rule, request.header(rule.header))
    timestamp = ""
    if rule.is_timed:
        timestamp = request.header(rule.timestamp_header) if rule.timestamp_header else _entry(entries, rule.timestamp_entry)
        for step in _timely(rule, timestamp, request.at):
            yield step
            if not step.ok:
                return
    given, step = _digests(rule, entries)
    yield step
    if not given:
        return
    yield _matching(scheme, rule, secrets, request, timestamp, given)


def _headers_in(rule: Signature) -> list[str]:
    """The further headers that are part of what is signed."""
    named = [found[7:] for found in _PLACEHOLDER.findall(rule.signed) if found.startswith("header:")]
    return named + ([rule.id_header] if "{id}" in rule.signed and rule.id_header else [])


def _present(names: Sequence[str], request: Received) -> Step:
    """Each of these headers exactly once, with a value."""
    for name in dict.fromkeys(each.lower() for each in names):
        values = request.values(name)
        if not values or not values[0].strip():
            told = f"The header {name} is missing" if not values else f"The header {name} is empty"
            return Step("headers", ok=False, text=f"{told}. Check that the source signs, and that no proxy drops it.")
        if len(values) > 1:
            return Step(
                "headers",
                ok=False,
                text=f"The header {name} is there {len(values)} times; a proxy on the way repeats it. Exactly one is sent.",
            )
    return Step("headers", ok=True, text="The headers of the signature are there.")


def _entries(rule: Signature, value: str) -> list[str]:
    if not rule.separator:
        return [value.strip()]
    parts = value.split() if rule.separator == " " else value.split(rule.separator)
    return [part.strip() for part in parts[:_MAX_ENTRIES]]


def _entry(entries: Sequence[str], prefix: str) -> str:
    return next((entry[len(prefix) :] for entry in entries if entry.startswith(prefix)), "")


def _timely(rule: Signature, timestamp: str, now: float) -> Iterator[Step]:
    where = rule.timestamp_header or f"the entry {rule.timestamp_entry} of {rule.header}"
    unit = "milliseconds" if rule.timestamp_unit == "ms" else "seconds"
    if _DIGITS.fullmatch(timestamp.strip()) is None or timestamp != timestamp.strip():
        yield Step("timestamp", ok=False, text=f"There is no whole number of {unit} since 1970 in {where}. Pass it on as it was sent.")
        return
    yield Step("timestamp", ok=True, text=f"There is a number of {unit} in {where}.")
    late = now - int(timestamp) / (1000 if rule.timestamp_unit == "ms" else 1)
    if abs(late) <= rule.tolerance:
        yield Step("freshness", ok=True, text=f"It was signed within {rule.tolerance} seconds of now.")
    elif late > 0:
        told = f"It was signed {late:,.0f} seconds ago; {rule.tolerance} are allowed. It was held up or is repeated, or a clock is wrong."
        yield Step("freshness", ok=False, text=told)
    else:
        told = (
            f"It was signed {-late:,.0f} seconds in the future; {rule.tolerance} are allowed. The source's clock is ahead, or ours behind."
        )
        yield Step("freshness", ok=False, text=told)


def _digests(rule: Signature, entries: Sequence[str]) -> tuple[list[bytes], Step]:
    """The digests in the header, and what is to be said of it."""
    form = f"{rule.prefix}<{rule.encoding} of {_BYTES[rule.algorithm]} bytes>"
    texts = [entry[len(rule.prefix) :] for entry in entries if entry.startswith(rule.prefix)]
    if not texts:
        return [], Step("format", ok=False, text=f"{rule.header} has no entry that begins with {rule.prefix}; its form is {form}.")
    found = [digest for text in texts if (digest := _decoded(text, rule)) is not None]
    if found:
        return found, Step("format", ok=True, text=f"{len(found)} signature(s) of the form {form} are there.")
    hint = ""
    for other in ("hex", "base64"):
        if other != rule.encoding and any(_decode(text, other, _BYTES[rule.algorithm]) is not None for text in texts):
            hint = f" It is written in {other}."
    return [], Step(
        "format", ok=False, text=f"{rule.header} is not of the form {form}.{hint} It was cut off, changed, or made by another scheme."
    )


def _decoded(text: str, rule: Signature) -> bytes | None:
    return _decode(text, rule.encoding, _BYTES[rule.algorithm])


def _decode(text: str, encoding: str, length: int) -> bytes | None:
    if not text.isascii() or len(text) > 2 * length + 4:
        return None
    try:
        if encoding == "hex":
            found = bytes.fromhex(text) if len(text) == 2 * length else b""
        elif encoding == "base64":
            found = base64.b64decode(text, validate=True)
        else:
            found = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return found if len(found) == length else None


def _matching(scheme: Scheme, rule: Signature, secrets: Sequence[str], request: Received, timestamp: str, given: Sequence[bytes]) -> Step:
    messages = list(_messages(scheme, rule, request, timestamp))
    if scheme is Scheme.TWILIO and (told := _twilio_body(request)):
        return Step("signature", ok=False, text=told)
    for secret in secrets:
        key = _key(secret, rule.key)
        if key is None:
            continue
        # Every entry is compared, so that the time says nothing about which of them matched.
        if sum(_matches(rule, key, message, given) for message in messages):
            return Step("signature", ok=True, text="The signature matches.")
    if all(_key(secret, rule.key) is None for secret in secrets):
        return Step("secret", ok=False, text=f"The stored secret is not written in {rule.key}. Copy it again as the source shows it.")
    return Step("signature", ok=False, text=_why(rule, secrets, request, messages, given))


def _matches(rule: Signature, key: bytes, message: bytes, given: Sequence[bytes]) -> bool:
    """Whether one of the digests is that of a message, which is hashed once, however many a stranger sends."""
    digest = hmac.digest(key, message, rule.algorithm)
    return sum(hmac.compare_digest(digest, each) for each in given) > 0


def _messages(scheme: Scheme, rule: Signature, request: Received, timestamp: str) -> Iterator[bytes]:
    """What may have been signed: one text for each way in which the address may have been written."""
    urls = request.urls if rule.is_of_url else ("",)
    for url in dict.fromkeys([*urls, *(_hubspot(each) for each in urls if scheme is Scheme.HUBSPOT)]):
        parts = _PLACEHOLDER.split(rule.signed)
        yield b"".join(
            _part(part, rule, request, url, timestamp) if index % 2 else part.encode("utf-8", "surrogatepass")
            for index, part in enumerate(parts)
        )


def _part(name: str, rule: Signature, request: Received, url: str, timestamp: str) -> bytes:
    if name == "body":
        return request.body
    if name == "form":
        return _twilio_form(request)
    texts = {"timestamp": timestamp, "url": url, "method": request.method, "id": request.header(rule.id_header)}
    text = texts[name] if name in texts else request.header(name[7:])
    return text.encode("utf-8", "surrogatepass")


def _hubspot(url: str) -> str:
    for escape, char in _HUBSPOT.items():
        url = url.replace(escape, char).replace(escape.lower(), char)
    return url


def _is_form(request: Received) -> bool:
    return request.header("content-type").lower().startswith("application/x-www-form-urlencoded")


def _twilio_form(request: Received) -> bytes:
    """Names and values one after the other, sorted; of a name that is there several times each value once, sorted."""
    if not _is_form(request):
        return b""
    try:
        pairs = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MAX_FORM_FIELDS)
    except ValueError:
        return b""
    return "".join(name + value for name, value in sorted(set(pairs))).encode("utf-8", "surrogatepass")


def _twilio_body(request: Received) -> str:
    """Why the address's signature does not cover the body, "" if it does: as a form, or by the hash that the address carries."""
    query = urlsplit(request.urls[0]).query if request.urls else ""
    said = next((part[11:] for part in query.split("&") if part.startswith("bodySHA256=")), None)
    if said is None:
        is_covered = _is_form(request) or not request.body
        return "" if is_covered else "The body is no form, and the address carries no bodySHA256 of it: nothing signs it."
    if hmac.compare_digest(hashlib.sha256(request.body).hexdigest().encode(), said.lower().encode("utf-8", "replace")):
        return ""
    return "The body does not have the hash that bodySHA256 in the address says: it was changed on the way."


def _key(secret: str, form: str) -> bytes | None:
    """The bytes that a secret's text stands for; None if it is not written so."""
    try:
        if form == "text":
            return secret.encode()
        if form == "hex":
            return bytes.fromhex(secret)
        return base64.b64decode(secret.removeprefix("whsec_") if form == "whsec" else secret, validate=True) or None
    except (binascii.Error, ValueError):
        return None


def _why(rule: Signature, secrets: Sequence[str], request: Received, messages: Sequence[bytes], given: Sequence[bytes]) -> str:
    """Why no signature matches: the usual mistakes, tried one by one."""
    for secret in secrets:
        key = _key(secret, rule.key)
        for form in ("text", "base64", "whsec"):
            other = _key(secret, form) if form != rule.key else None
            if other is not None and any(_matches(rule, other, message, given) for message in messages):
                return (
                    f"This signature is made with the {'text' if form == 'text' else 'decoded bytes'} of the secret. Set `key` to {form}."
                )
        if key is None:
            continue
        if rule.signed != "{body}" and _matches(rule, key, request.body, given):
            return "This signature covers the body alone, so it is of another scheme or an older version of it."
        bare = request.body.strip()
        if request.body != bare and any(_matches(rule, key, message.replace(request.body, bare), given) for message in messages):
            return "The body was changed: it matches once white space around it is removed. A proxy on the way adds it."
    address = " or the address that the source calls is not the one that it signs" if rule.is_of_url else ""
    return f"The signature does not match: the secret is another one (or was rotated){address}, or the body was changed on the way."


def _basic(verification: Verification, secrets: Sequence[str], request: Received) -> Iterator[Step]:
    yield (step := _present(["authorization"], request))
    if not step.ok:
        return
    kind, _, text = request.header("authorization").strip().partition(" ")
    try:
        given = base64.b64decode(text.strip(), validate=True) if kind.lower() == "basic" and text.isascii() else b""
    except (binascii.Error, ValueError):
        given = b""
    if b":" not in given:
        yield Step("format", ok=False, text="Authorization is not `Basic` and the base64 of name:password (RFC 7617).")
        return
    yield Step("format", ok=True, text="Authorization is a name and a password.")
    wanted = [f"{verification.username}:{secret}".encode() for secret in secrets]
    if sum(hmac.compare_digest(_hash(given), _hash(each)) for each in wanted):
        yield Step("signature", ok=True, text="Name and password match.")
    else:
        yield Step("signature", ok=False, text="The name or the password is another one than is stored here.")


def _header(verification: Verification, secrets: Sequence[str], request: Received) -> Iterator[Step]:
    yield (step := _present([verification.header], request))
    if not step.ok:
        return
    value = request.header(verification.header).strip()
    if not value.startswith(verification.prefix):
        yield Step("format", ok=False, text=f"{verification.header} does not begin with {verification.prefix}.")
        return
    given = value[len(verification.prefix) :].strip().encode("utf-8", "surrogatepass")
    if sum(hmac.compare_digest(_hash(given), _hash(secret.encode())) for secret in secrets):
        yield Step("signature", ok=True, text=f"{verification.header} holds the secret.")
    else:
        yield Step("signature", ok=False, text=f"{verification.header} holds another value than the secret that is stored here.")


def _hash(value: bytes) -> bytes:
    """So that the time of a comparison does not depend on lengths."""
    return hashlib.sha256(value).digest()
