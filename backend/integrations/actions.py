"""What integrations do at their providers: messages, calendar events, mail. Called with no transaction open."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from typing import Any, Final, cast

from backend.core import clock, db, permissions
from backend.core.actor import Actor
from backend.core.egress_calls import Reply
from backend.core.errors import Conflict, CrossdockError, FieldError, Invalid, RateLimited, Unavailable
from backend.integrations import calls, failures, flows, messages, queries, refreshing, templates, timeline
from backend.integrations.connection import Connection
from backend.integrations.entry import Call
from backend.integrations.failures import Failure, Kind, ProviderFailed
from backend.integrations.messages import MessageKind
from backend.integrations.values import Sent
from backend.records import service as records

MAX_EMAILS: Final = 50
MAX_ATTENDEES: Final = 100
_MEETING: Final = timedelta(minutes=30)
# What somebody wrote is a value of a template, never a template: else it could name a credential.
_HOOK: Final = Call.model_validate({"method": "POST", "url": "{webhook_url}", "json": {"text": "{text}", "blocks": "{blocks}"}})
_HEADERS: Final = ("From", "To", "Subject", "Date")


@dataclass(frozen=True, slots=True)
class Email:
    """A mail in a list."""

    id: str
    subject: str
    sender: str
    recipients: str
    received_at: str
    preview: str


@dataclass(frozen=True, slots=True)
class Emails:
    """A page of mails; `cursor` is for the next one."""

    data: list[Email]
    cursor: str | None


def send_message(
    *,
    actor: Actor,
    integration_id: str,
    kind: str = MessageKind.TEXT,
    text: str | None = None,
    data: Mapping[str, Any] | None = None,
    channel: str | None = None,
) -> Sent:
    """Send a message to a channel. Raises `Invalid`, `Conflict` where it cannot or the provider refuses, `RateLimited`, `Unavailable`."""
    permissions.require(actor, permissions.INTEGRATIONS_WRITE)
    plain, blocks = messages.compose(MessageKind(kind), text, data)

    def work(found: Connection) -> Sent:
        values = {"text": plain, "blocks": blocks, "channel": channel or found.config.get("channel")}
        if found.auth.kind == "webhook_url":
            _ask(found, found.call("message", _HOOK), values)
            return Sent("", "The message was sent.", {"channel": channel or ""})
        call = _action(found, "message")
        if "channel" in templates.names(call.json_body) and found.entry.id == "slack" and not values["channel"]:
            raise Invalid(FieldError("channel", "is required.", "Send it, or set a channel in the integration's settings."))
        answer = _ask(found, call, values).json()
        return Sent(
            templates.dig_first(answer, ("ts", "id")), "The message was sent.", {"channel": templates.dig_first(answer, ("channel",))}
        )

    return _do(actor, integration_id, "message", work)


def create_event(
    *,
    actor: Actor,
    integration_id: str,
    summary: str | None = None,
    description: str | None = None,
    start: Any = None,
    end: Any = None,
    attendees: Sequence[str] = (),
    task_id: str | None = None,
    key: str | None = None,
) -> Sent:
    """Make a calendar event, or one from a record of `tasks`; of a task, and under a `key`, the same event only once.

    Raises as `send_message`.
    """
    permissions.require(actor, permissions.INTEGRATIONS_WRITE)
    if task_id is not None:
        with db.transaction() as session:
            task = records.get(session, actor=actor, module="tasks", record_id=task_id).document
        summary, description = summary or task.get("subject"), description or task.get("description")
        start = start or task.get("due_at")
        if not start:
            raise Invalid(FieldError("task_id", "is a task without a due date.", "Give it one, or send start and end."))
    begins, ends = plan_event(summary, start, end, attendees)
    once = hashlib.sha256(f"{integration_id}:{task_id or key}".encode()).hexdigest()[:40] if task_id or key else None
    values = {
        "event_id": f"xd{once}" if once else None,  # Google takes the characters of base32hex
        "summary": summary,
        "description": description,
        "start": {"dateTime": begins.isoformat()},
        "end": {"dateTime": ends.isoformat()},
        "attendees": [{"email": email} for email in attendees] or None,
    }

    def work(found: Connection) -> Sent:
        reply = _ask(found, _action(found, "event"), values, fine=(409,) if once else ())
        if reply.status == 409:
            return Sent(f"xd{once}", "The event is there already.", {})
        answer = reply.json()
        return Sent(templates.dig_first(answer, ("id",)), "The event was made.", {"link": templates.dig_first(answer, ("htmlLink",))})

    return _do(actor, integration_id, "event", work)


def list_emails(*, actor: Actor, integration_id: str, q: str = "", limit: int = 20, cursor: str | None = None) -> Emails:
    """A page of mails, newest first. Raises as `send_message`."""
    permissions.require(actor, permissions.INTEGRATIONS_READ)
    if not 1 <= limit <= MAX_EMAILS:
        raise Invalid(FieldError("limit", f"{limit} is out of range.", f"Use 1 to {MAX_EMAILS}."))
    values = {"limit": limit, "q": q or None, "page": cursor}

    def work(found: Connection) -> Emails:
        if found.entry.id == "microsoft_outlook":
            values["q"] = '"' + q.replace('"', "") + '"' if q else None
            answer = _ask(found, _action(found, "list"), values).json()
            skipped = int(cursor) if cursor and cursor.isascii() and cursor.isdigit() and len(cursor) < 10 else 0
            rows = list(templates.dig_all(answer, "value.*"))
            more = str(skipped + limit) if templates.dig(answer, "@odata~nextLink") else None
            return Emails([_of_outlook(row) for row in rows], more)
        answer = _ask(found, _action(found, "list"), values).json()
        read = _action(found, "read")
        rows = [_ask(found, read, {"message_id": each}).json() for each in templates.dig_all(answer, "messages.*.id")]
        return Emails([_of_gmail(row) for row in rows], templates.dig_first(answer, ("nextPageToken",)) or None)

    return _do(actor, integration_id, "list", work, is_noted=False)


def send_email(*, actor: Actor, integration_id: str, to: Sequence[str], subject: str, text: str, cc: Sequence[str] = ()) -> Sent:
    """Send a mail as the connected account. Raises as `send_message`."""
    permissions.require(actor, permissions.INTEGRATIONS_WRITE)
    check_email(to, cc, subject)

    def work(found: Connection) -> Sent:
        call = _action(found, "send")
        if found.entry.id == "microsoft_outlook":
            message = {
                "subject": subject,
                "body": {"contentType": "Text", "content": text},
                "toRecipients": [{"emailAddress": {"address": each}} for each in to],
                "ccRecipients": [{"emailAddress": {"address": each}} for each in cc],
            }
            _ask(found, call, {"message": message})
            return Sent("", "The mail was sent.", {})
        answer = _ask(found, call, {"raw": messages.mime(to=to, subject=subject, text=text, cc=cc)}).json()
        return Sent(templates.dig_first(answer, ("id",)), "The mail was sent.", {})

    return _do(actor, integration_id, "send", work)


def plan_event(summary: str | None, start: Any, end: Any, attendees: Sequence[str]) -> tuple[datetime, datetime]:
    """When an event begins and ends: half an hour later unless an end is given. Raises `Invalid`."""
    begins, ends = _when(start, "start"), _when(end, "end") if end else None
    ends = ends or begins + _MEETING
    _check_event(summary, begins, ends, attendees)
    return begins, ends


def failure_of(error: CrossdockError) -> Failure | None:
    """What failed at the provider, of an error that an action raised; None if it was not asked."""
    return error.__cause__.failure if isinstance(error.__cause__, ProviderFailed) else None


def error_of(failure: Failure) -> CrossdockError:
    """A provider's failure as an error of ours, with what to do."""
    told = f"{failure.cause} {failure.next_step}".strip()
    if failure.kind is Kind.RATE_LIMITED:
        return RateLimited(told, int(failure.retry_after or 5))
    return Unavailable(told, retry_after=int(failure.retry_after or 30)) if failure.passes else Conflict(told)


def _do(actor: Actor, integration_id: str, name: str, work: Any, *, is_noted: bool = True) -> Any:
    """Do something with the connection, refreshed once more if the provider no longer takes its token; told on the timeline."""
    with db.transaction() as session:
        row = queries.one(session, actor.workspace_id, integration_id)
        if row.disabled_at is not None:
            raise Conflict(f"{row.name} is disabled. Enable it first.")
    found: Connection | None = None
    try:
        found = flows.connected(actor.workspace_id, integration_id)
        done = calls.retrying(found, work, refreshing.again)
    except ProviderFailed as error:
        failure = found.scrubbed(error) if found is not None else error.failure
        with db.transaction(write=True) as session:
            row = queries.one(session, actor.workspace_id, integration_id, lock=True)
            timeline.note(session, row, "action_failed", failure.cause, actor=actor, failure=failure, detail={"action": name})
            timeline.hold(row, failure)
            if failure.ends:
                timeline.ail(session, row, failure)
        raise error_of(failure) from ProviderFailed(failure)
    if is_noted:
        with db.transaction(write=True) as session:
            row = queries.one(session, actor.workspace_id, integration_id, lock=True)
            if not flows.is_parted(session, row, found):
                timeline.well(row)
            timeline.note(session, row, "action_done", done.message, actor=actor, detail={"action": name, "id": done.id})
    return done


def _action(found: Connection, name: str) -> Call:
    call = found.entry.actions.get(name)
    if call is None:
        can = ", ".join(sorted(found.entry.actions)) or "nothing"
        raise Conflict(f"{found.entry.name} cannot do this from here. It can do: {can}.")
    return found.call(name, call)


def _ask(found: Connection, call: Call, values: Mapping[str, Any], fine: tuple[int, ...] = ()) -> Reply:
    with calls.open_caller() as caller:
        reply = calls.ask(found, call, caller, values=values)
    wrong = failures.of_answer(found.entry, reply) if reply.status not in fine else None
    if wrong is not None:
        raise wrong
    return reply


def _when(told: Any, name: str) -> datetime:
    """A moment; as text, or as an object with `dateTime` as older clients send it. Raises `Invalid`."""
    text = cast("Mapping[str, Any]", told).get("dateTime") if isinstance(told, Mapping) else told
    try:
        found = text if isinstance(text, datetime) else datetime.fromisoformat(str(text))
        found = found if found.tzinfo is not None else found.replace(tzinfo=clock.now().tzinfo)
        _ = found.astimezone(UTC) + _MEETING  # it must lie within the calendar, and so must an end of its own
    except (ValueError, OverflowError):
        raise Invalid(FieldError(name, "is no time.", "Write it as 2026-01-31T09:30:00Z.")) from None
    return found


def _check_event(summary: str | None, begins: datetime, ends: datetime, attendees: Sequence[str]) -> None:
    errors: list[FieldError] = []
    if not summary or len(summary) > 400:
        errors.append(FieldError("summary", "is missing or too long.", "Use 1 to 400 characters."))
    if ends <= begins:
        errors.append(FieldError("end", "is not after start.", "Send a later end."))
    if len(attendees) > MAX_ATTENDEES or not all(_is_address(each) for each in attendees):
        errors.append(FieldError("attendees", "holds something that is no mail address.", f"Send at most {MAX_ATTENDEES} addresses."))
    if errors:
        raise Invalid(*errors)


def check_email(to: Sequence[str], cc: Sequence[str], subject: str) -> None:
    """Raise `Invalid` unless a mail can be sent like this."""
    errors: list[FieldError] = []
    for name, found in (("to", to), ("cc", cc)):
        if len(found) > MAX_ATTENDEES or not all(_is_address(each) for each in found) or (name == "to" and not found):
            errors.append(FieldError(name, "holds no mail address, or something else.", f"Send 1 to {MAX_ATTENDEES} addresses."))
    if not subject.strip() or len(subject) > 400 or "\n" in subject or "\r" in subject:
        errors.append(FieldError("subject", "is missing, too long, or has a line break.", "Use 1 to 400 characters."))
    if errors:
        raise Invalid(*errors)


def _is_address(text: str) -> bool:
    name, address = parseaddr(text)
    return not name and address == text and "@" in text and not any(char.isspace() for char in text)


def _of_gmail(row: Any) -> Email:
    found = {str(each.get("name")): str(each.get("value")) for each in templates.dig_all(row, "payload.headers.*")}
    sender, recipients, subject, date = (found.get(name, "")[:400] for name in _HEADERS)
    return Email(templates.dig_first(row, ("id",)), subject, sender, recipients, date, templates.dig_first(row, ("snippet",))[:400])


def _of_outlook(row: Any) -> Email:
    recipients = ", ".join(str(each) for each in templates.dig_all(row, "toRecipients.*.emailAddress.address"))[:400]
    sender = templates.dig_first(row, ("from.emailAddress.address",))
    received, preview = templates.dig_first(row, ("receivedDateTime",)), templates.dig_first(row, ("bodyPreview",))[:400]
    return Email(templates.dig_first(row, ("id",)), templates.dig_first(row, ("subject",))[:400], sender, recipients, received, preview)
