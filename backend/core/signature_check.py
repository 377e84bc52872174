"""The check of one signed request, step by step: what a receiver would find, and which step is wrong.

Nothing here raises on hostile input. Every header, body and secret is somebody else's text.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from backend.core import jsjson, signing

TOLERANCE_SECONDS: Final = 300
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_HEX_DIGEST: Final = re.compile(r"(?:sha256=)?([0-9a-fA-F]{64})", re.ASCII)
_STANDARD: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")
_SVIX: Final = {name.replace("webhook-", "svix-"): name for name in _STANDARD}
_OLDER: Final = "x-webhook-signature"


class Step(StrEnum):
    """The steps of a check, in their order."""

    SECRET = "secret"  # noqa: S105 - the name of a step
    HEADERS = "headers"
    TIMESTAMP = "timestamp"
    FRESHNESS = "freshness"
    FORMAT = "format"
    SIGNATURE = "signature"
    OLDER_SIGNATURE = "older_signature"


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one step, as a sentence that says what to do when it failed."""

    step: Step
    ok: bool
    text: str


@dataclass(frozen=True, slots=True)
class Verification:
    """All steps that were made, in order. `ok` is what a careful receiver would decide."""

    ok: bool
    findings: tuple[Finding, ...]

    @property
    def wrong(self) -> Finding | None:
        """The first step that failed, or None."""
        return next((finding for finding in self.findings if not finding.ok), None)


def verify(
    *,
    secret: str,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    now: float,
    tolerance: int = TOLERANCE_SECONDS,
    sent_body: bytes | None = None,
) -> Verification:
    """Check a request as a receiver does; `now` in unix seconds, `tolerance` in seconds either way (300 passes).

    `headers` are pairs as they arrived, in any case; `svix-*` names count as `webhook-*`.
    The Standard Webhooks headers decide when any of them is there; a right `X-Webhook-Signature` never rescues a wrong
    `webhook-signature`. `sent_body` is the body that Crossdock stored, if it is known: with it a changed body is told
    from a wrong secret.
    """
    try:
        parsed = signing.parse_secret(secret.strip())
    except signing.BadWebhookSecret as error:
        return Verification(ok=False, findings=(Finding(Step.SECRET, ok=False, text=str(error)),))
    found, repeated = _collect(headers)
    findings = [Finding(Step.SECRET, ok=True, text="The secret is well formed.")]
    if repeated:
        text = f"{repeated[0]} is there more than once; a proxy on the way repeats it. Exactly one is sent."
        return Verification(ok=False, findings=(*findings, Finding(Step.HEADERS, ok=False, text=text)))
    if any(name in found for name in _STANDARD):
        findings += _check_standard(parsed, found, body, now, tolerance, sent_body)
        decisive = all(finding.ok for finding in findings)
    elif _OLDER in found:
        text = "Only X-Webhook-Signature is there. It carries no time, so an old request can be repeated."
        findings.append(Finding(Step.HEADERS, ok=True, text=text))
        decisive = _matches_older(parsed, found[_OLDER], body)
    else:
        text = "No signature header is there. Check that your framework or proxy keeps the webhook-* headers."
        return Verification(ok=False, findings=(*findings, Finding(Step.HEADERS, ok=False, text=text)))
    if _OLDER in found:
        findings.append(_check_older(parsed, found[_OLDER], body, sent_body, standard_ok=decisive))
    return Verification(ok=decisive, findings=tuple(findings))


def _collect(headers: Iterable[tuple[str, str]]) -> tuple[dict[str, str], list[str]]:
    """The signature headers by lower-case name (svix-* under webhook-*), and the names that occur more than once."""
    found: dict[str, str] = {}
    repeated: list[str] = []
    for name, value in headers:
        lower = name.strip().lower()
        lower = _SVIX.get(lower, lower)
        if lower not in _STANDARD and lower != _OLDER:
            continue
        if lower in found and found[lower] != value.strip():
            repeated.append(lower)
        found[lower] = value.strip()
    return found, repeated


def _check_standard(
    secret: signing.WebhookSecret,
    found: Mapping[str, str],
    body: bytes,
    now: float,
    tolerance: int,
    sent_body: bytes | None,
) -> list[Finding]:
    missing = [name for name in _STANDARD if not found.get(name)]
    if missing:
        text = f"{' and '.join(missing)} missing. All of {', '.join(_STANDARD)} are needed."
        return [Finding(Step.HEADERS, ok=False, text=text)]
    findings = [Finding(Step.HEADERS, ok=True, text="All three webhook-* headers are there.")]
    timestamp = found["webhook-timestamp"]
    if _TIMESTAMP.fullmatch(timestamp) is None:
        text = "webhook-timestamp is not a whole number of seconds since 1970. Pass the header on as it arrived."
        return [*findings, Finding(Step.TIMESTAMP, ok=False, text=text)]
    findings.append(Finding(Step.TIMESTAMP, ok=True, text="webhook-timestamp is a number of seconds since 1970."))
    late = now - int(timestamp)
    fresh = abs(late) <= tolerance
    findings.append(Finding(Step.FRESHNESS, ok=fresh, text=_freshness(late, tolerance)))
    given = _standard_digests(found["webhook-signature"])
    if not given:
        return [*findings, Finding(Step.FORMAT, ok=False, text=_why_unreadable(found["webhook-signature"]))]
    findings.append(Finding(Step.FORMAT, ok=True, text=f"{len(given)} signature(s) of version v1 are there."))
    event_id = found["webhook-id"]
    if _signed_by(secret.key, event_id, timestamp, body, given):
        return [*findings, Finding(Step.SIGNATURE, ok=True, text="The signature matches.")]
    text = next(_reasons(secret, found, body, given, sent_body))
    return [*findings, Finding(Step.SIGNATURE, ok=False, text=text)]


def _freshness(late: float, tolerance: int) -> str:
    if abs(late) <= tolerance:
        return f"The timestamp is within {tolerance} seconds."
    if late > 0:
        return (
            f"The timestamp is {late:.0f} seconds old; {tolerance} are allowed. The request was stored and sent on, "
            "or the receiver's clock is ahead."
        )
    return f"The timestamp is {-late:.0f} seconds in the future; {tolerance} are allowed. The receiver's clock is behind."


def _standard_digests(header: str) -> list[bytes]:
    """The 32-byte digests of the `v1` entries; other versions and damaged entries are left out."""
    digests: list[bytes] = []
    for entry in header.split()[:32]:
        version, _, text = entry.partition(",")
        if version != "v1" or not text.isascii():
            continue
        try:
            digest = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue
        if len(digest) == 32:
            digests.append(digest)
    return digests


def _why_unreadable(header: str) -> str:
    if _HEX_DIGEST.fullmatch(header):
        return "webhook-signature holds hex digits, which belong to X-Webhook-Signature. Its form is v1,<base64>."
    if "v1" in header and "," not in header:
        return "webhook-signature has no comma between version and signature. Its form is v1,<base64>."
    return "webhook-signature holds no entry of the form v1,<base64 of 32 bytes>. It was cut off or changed on the way."


def _signed_by(key: bytes, event_id: str, timestamp: str, body: bytes, given: list[bytes]) -> bool:
    data = event_id.encode("utf-8", "surrogatepass") + b"." + timestamp.encode() + b"." + body
    expected = hmac.digest(key, data, "sha256")
    # Every entry is compared, so that the time says nothing about which of them matched.
    return sum(hmac.compare_digest(expected, digest) for digest in given) > 0


def _reasons(
    secret: signing.WebhookSecret,
    found: Mapping[str, str],
    body: bytes,
    given: list[bytes],
    sent_body: bytes | None,
) -> Iterator[str]:
    """Why no signature matches, the surest explanation first: the usual mistakes of receivers, tried one by one."""
    event_id, timestamp = found["webhook-id"], found["webhook-timestamp"]
    if sent_body is not None and _signed_by(secret.key, event_id, timestamp, sent_body, given):
        yield "The secret is right, but the body is not the one that was sent. Verify the raw bytes, before parsing."
    for what, variant in _variants(body):
        if _signed_by(secret.key, event_id, timestamp, variant, given):
            yield f"The body was changed: it matches once {what}. Verify the raw bytes as they arrived, before parsing."
    if _signed_by(secret.text.encode(), event_id, timestamp, body, given):
        yield "This signature was made with the text of the secret. Decode the base64 after whsec_ and use its bytes."
    if any(hmac.compare_digest(hmac.digest(secret.key, body, "sha256"), digest) for digest in given):
        yield "This signature covers the body alone. What is signed is webhook-id, webhook-timestamp and body with dots."
    if _OLDER in found and _matches_older(secret, found[_OLDER], body):
        yield "Secret and body are right, so webhook-id or webhook-timestamp is not the one that was sent."
    if sent_body is not None and sent_body == body:
        yield "The body is right, so the secret is another webhook's or an older one; or the id or time was changed."
    yield (
        "The signature does not match. Either the secret is another webhook's (or was rotated), or the body was changed: "
        "parsed and written again, re-encoded, or trimmed."
    )


def _variants(body: bytes) -> Iterator[tuple[str, bytes]]:
    """What frameworks do to a body, undone."""
    if body != body.strip():
        yield "white space around it is removed", body.strip()
    else:
        yield "a line break is added", body + b"\n"
    if b"\r\n" in body:
        yield "Windows line ends are undone", body.replace(b"\r\n", b"\n")
    if body.startswith(b"\xef\xbb\xbf"):
        yield "its byte order mark is removed", body[3:]
    try:
        value = json.loads(body)
        yield "its JSON is written without spaces", jsjson.stringify_bytes(value)
        yield "its JSON is written with a space after commas and colons", json.dumps(value).encode()
    except (ValueError, RecursionError):
        return


def _matches_older(secret: signing.WebhookSecret, header: str, body: bytes) -> bool:
    match = _HEX_DIGEST.fullmatch(header)
    expected = signing.older_signature(secret.text, body)
    return match is not None and hmac.compare_digest(expected, match[1].lower())


def _check_older(secret: signing.WebhookSecret, header: str, body: bytes, sent_body: bytes | None, *, standard_ok: bool) -> Finding:
    """The step of `X-Webhook-Signature`; a failure beside a right standard signature is a rotation that overlaps."""
    if _matches_older(secret, header, body):
        return Finding(Step.OLDER_SIGNATURE, ok=True, text="X-Webhook-Signature matches too.")
    if _HEX_DIGEST.fullmatch(header) is None:
        text = "X-Webhook-Signature is not 64 hex digits, with or without sha256= before them."
    elif standard_ok:
        text = "X-Webhook-Signature is of another secret: until a rotation's overlap ends it keeps the previous one."
    elif sent_body is not None and _matches_older(secret, header, sent_body):
        text = "X-Webhook-Signature matches the body that was sent, not this one. Verify the raw bytes."
    elif hmac.compare_digest(hmac.digest(secret.key, body, "sha256").hex().encode(), header.lower().encode()[-64:]):
        text = "X-Webhook-Signature was made with the decoded bytes; its key is the whole text of the secret."
    else:
        text = "X-Webhook-Signature does not match: another secret, or a body that was changed."
    return Finding(Step.OLDER_SIGNATURE, ok=False, text=text)
