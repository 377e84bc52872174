"""The words of messages and mails that integrations send. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from email.policy import SMTP
from enum import StrEnum
from typing import Any, Final

from backend.core.errors import FieldError, Invalid

MAX_TEXT: Final = 3000  # what Slack shows of one section
_ESCAPED: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_SHOWN: Final = 12


class MessageKind(StrEnum):
    """What a message is about."""

    TEXT = "text"
    NEW_LEAD = "new_lead"
    NEW_TICKET = "new_ticket"
    FAILING_WEBHOOK = "failing_webhook"


_TITLES: Final = {
    MessageKind.NEW_LEAD: "New lead",
    MessageKind.NEW_TICKET: "New ticket",
    MessageKind.FAILING_WEBHOOK: "A webhook is failing",
}
_FIRST: Final = {
    MessageKind.NEW_LEAD: ("full_name", "first_name", "last_name", "email", "company_name", "source", "status", "score"),
    MessageKind.NEW_TICKET: ("subject", "priority", "status", "email", "description"),
    MessageKind.FAILING_WEBHOOK: ("name", "url", "error", "reason", "failing_since", "disables_at", "consecutive_failures"),
}


def shown_first(kind: MessageKind) -> tuple[str, ...]:
    """The names of data that such a message shows before all others."""
    return _FIRST[kind]


def compose(kind: MessageKind, text: str | None, data: Mapping[str, Any] | None) -> tuple[str, list[dict[str, Any]] | None]:
    """A message as plain text, and as Slack's blocks where it is more than a text. Raises `Invalid`."""
    if kind is MessageKind.TEXT:
        if not text or not text.strip():
            raise Invalid(FieldError("text", "is required.", "Send what the message says."))
        if len(text) > MAX_TEXT:
            raise Invalid(FieldError("text", f"has {len(text):,} characters.", f"Send at most {MAX_TEXT:,}."))
        return text, None
    title, rows = _TITLES[kind], _rows(kind, data or {})
    if not rows:
        raise Invalid(FieldError("data", "is empty.", f"Send at least one of {', '.join(_FIRST[kind])}."))
    plain = "\n".join([title, *(f"{label}: {value}" for label, value in rows), *([text] if text else [])])
    fields = [{"type": "mrkdwn", "text": f"*{escape(label)}*\n{escape(value)}"} for label, value in rows[:10]]
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": title}},
        {"type": "section", "fields": fields},
    ]
    if text:
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": escape(text[:MAX_TEXT])}})
    return plain[:MAX_TEXT], blocks


def escape(text: str) -> str:
    """`text` with the three characters that mean something to Slack escaped, so that no payload can mention or link."""
    return text.translate(_ESCAPED)


def mime(*, to: Sequence[str], subject: str, text: str, cc: Sequence[str] = ()) -> str:
    """A mail as base64url of its MIME text, as Gmail takes it. Raises `Invalid` for an address or subject with a line break."""
    message = EmailMessage(policy=SMTP)
    try:
        message["To"] = ", ".join(to)
        if cc:
            message["Cc"] = ", ".join(cc)
        message["Subject"] = subject
    except ValueError:
        raise Invalid(FieldError("to", "or the subject holds a line break.", "Take it out.")) from None
    message.set_content(text)
    return base64.urlsafe_b64encode(message.as_bytes()).decode()


def _rows(kind: MessageKind, data: Mapping[str, Any]) -> list[tuple[str, str]]:
    first = [name for name in _FIRST[kind] if name in data or camel(name) in data]
    rest = [name for name in data if name not in _FIRST[kind] and name not in {camel(each) for each in _FIRST[kind]}]
    found = [(name.replace("_", " ").capitalize(), data.get(name, data.get(camel(name)))) for name in [*first, *rest]]
    return [(label, str(value)[:400]) for label, value in found if isinstance(value, str | int | float) and value != ""][:_SHOWN]


def camel(name: str) -> str:
    """`full_name` as `fullName`, as some events have it."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
