"""`/api/v1/integrations/{id}`: messages, calendar events and mail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, cast

from fastapi import Query, Response
from pydantic import Field

from backend.core import permissions, web
from backend.core.actor import Actor
from backend.core.web import Body, ListOut, Out
from backend.idempotency import answers
from backend.idempotency.answers import KeyHeader
from backend.integrations import actions
from backend.integrations.messages import MAX_TEXT, MessageKind

router = web.Router(prefix="/integrations/{integration_id}", tags=["integrations"])


class MessageSend(Body):
    """A message to a channel: a text of your own, or one that is made from data."""

    kind: MessageKind = MessageKind.TEXT
    text: str | None = Field(default=None, max_length=MAX_TEXT, description="What it says; below the data for the other kinds.")
    data: dict[str, Any] | None = Field(default=None, description="For new_lead, new_ticket and failing_webhook: what is shown.")
    channel: str | None = Field(default=None, max_length=80, description="The one of the settings if left out.")


class CalendarEventCreate(Body):
    """An event, or one from a record of the module `tasks`."""

    summary: str | None = Field(default=None, max_length=400)
    description: str | None = Field(default=None, max_length=8000)
    start: Any = Field(default=None, description="A time, or an object with `dateTime`.")
    end: Any = Field(default=None, description="Half an hour after start if left out.")
    attendees: list[Any] = Field(default_factory=list[Any], description="Mail addresses, or objects with `email`.")
    task_id: str | None = Field(default=None, max_length=64, description="The id of a task; it gives what is left out.")

    @property
    def addresses(self) -> list[str]:
        """The attendees as addresses."""
        objects = (cast("dict[str, Any]", each) if isinstance(each, dict) else {"email": each} for each in self.attendees)
        return [str(each.get("email", "")) for each in objects]


class EmailSend(Body):
    """A mail from the connected account."""

    to: list[str] = Field(examples=[["grace@example.com"]])
    cc: list[str] = Field(default_factory=list[str])
    subject: str = Field(max_length=400, examples=["Your order"])
    # Written as 12 bytes each, as JSON may have characters, these still fit in a body of 1 MiB.
    text: str = Field(max_length=80_000, examples=["It is on its way."])


class SentOut(Out):
    """What was done at the provider."""

    id: str = Field(description="The provider's id of it; empty where it gives none.", examples=["1760000000.000100"])
    message: str = Field(examples=["The message was sent."])
    data: dict[str, Any] = Field(examples=[{"channel": "C0001"}])


class EmailOut(Out):
    """A mail in a list."""

    id: str = Field(examples=["18f0c2d4"])
    subject: str = Field(examples=["Your order"])
    sender: str = Field(examples=["grace@example.com"])
    recipients: str = Field(examples=["ada@example.com"])
    received_at: str = Field(examples=["2026-01-31T09:30:00Z"])
    preview: str = Field(examples=["It is on its way."])


class EmailList(ListOut[EmailOut]):
    """One page, newest first."""


@router.post("/messages", **web.needs(permissions.INTEGRATIONS_WRITE))
async def send_integration_message(
    integration_id: str, body: MessageSend, actor: web.CurrentActor, response: Response, idempotency_key: KeyHeader = None
) -> SentOut:
    """Send a message: your own text, a new lead, a new ticket, or a webhook that fails."""
    told = {"kind": body.kind, "text": body.text, "data": body.data, "channel": body.channel}
    act = _Act(actor, integration_id, "messages", response, idempotency_key)
    return await act.once(body, actions.send_message, told)


@router.post("/calendar-events", **web.needs(permissions.INTEGRATIONS_WRITE))
async def create_calendar_event(
    integration_id: str, body: CalendarEventCreate, actor: web.CurrentActor, response: Response, idempotency_key: KeyHeader = None
) -> SentOut:
    """Make an event in the connected calendar, also from a task; a task gives the same event only once."""
    told = body.model_dump(exclude={"attendees"}) | {"attendees": body.addresses}
    act = _Act(actor, integration_id, "calendar-events", response, idempotency_key)
    return await act.once(body, actions.create_event, told)


@router.get("/emails", **web.needs(permissions.INTEGRATIONS_READ))
async def list_emails(
    integration_id: str,
    actor: web.CurrentActor,
    q: Annotated[str, Query(max_length=200, description="What to look for, in the provider's own words.", examples=["invoice"])] = "",
    limit: Annotated[int, Query(description="How many at most, 1 to 50.", examples=[20])] = 20,
    cursor: str | None = None,
) -> EmailList:
    """Mails of the connected mailbox, newest first."""
    page = await web.outside(actions.list_emails, actor=actor, integration_id=integration_id, q=q, limit=limit, cursor=cursor)
    data = [EmailOut.model_validate(each) for each in page.data]
    return EmailList(data=data, next_cursor=page.cursor, has_more=page.cursor is not None)


@router.post("/emails", **web.needs(permissions.INTEGRATIONS_WRITE))
async def send_email(
    integration_id: str, body: EmailSend, actor: web.CurrentActor, response: Response, idempotency_key: KeyHeader = None
) -> SentOut:
    """Send a mail as the connected account."""
    act = _Act(actor, integration_id, "emails", response, idempotency_key)
    return await act.once(body, actions.send_email, body.model_dump())


@dataclass(frozen=True, slots=True)
class _Act:
    """One request to do something, which a key makes once."""

    actor: Actor
    integration_id: str
    name: str
    response: Response
    key: str | None

    async def once(self, body: Body, action: Callable[..., Any], told: Mapping[str, Any]) -> SentOut:
        """What the action did, or did when this key first came."""

        async def work() -> SentOut:
            return SentOut.model_validate(await web.outside(action, actor=self.actor, integration_id=self.integration_id, **told))

        route = f"POST /api/v1/integrations/{self.integration_id[:64]}/{self.name}"
        return await answers.once_outside(
            actor=self.actor, route=route, key=self.key, body=body, response=self.response, work=work, answer=SentOut
        )
