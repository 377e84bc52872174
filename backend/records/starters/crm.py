"""The CRM: contacts, leads, opportunities, tasks, tickets."""

from __future__ import annotations

from typing import Final

from backend.records.definitions import CAMEL, ModuleInput
from backend.records.starters.kit import StarterSet, becomes, field, reference, select, text

_PERSON: Final = (
    text("first_name", pii=True, max_length=120),
    text("last_name", pii=True, max_length=120),
    text("full_name", pii=True, max_length=240),
)

CRM: Final = StarterSet(
    "crm",
    "CRM",
    "Contacts, leads, opportunities, tasks and tickets. Publishes contact.created, lead.created, task.completed and more.",
    (
        ModuleInput(
            name="contacts",
            label="Contacts",
            description="People that the company knows.",
            event_names=CAMEL,
            fields=(
                *_PERSON,
                field("email", "email", unique=True, pii=True),
                field("phone", "phone", pii=True),
                text("company_name", label="Company", max_length=240),
                text("job_title", max_length=120),
                text("address", pii=True, max_length=1000),
                text("source", max_length=120),
                text("notes"),
            ),
        ),
        ModuleInput(
            name="leads",
            label="Leads",
            description="People who may become customers.",
            event_names=CAMEL,
            fields=(
                *_PERSON,
                field("email", "email", pii=True),
                field("phone", "phone", pii=True),
                text("company_name", label="Company", max_length=240),
                text("source", max_length=120),
                select("status", "New", "Contacted", "Qualified", "Unqualified", "Converted", default="New"),
                field("score", "number"),
                reference("contact", "contacts"),
                text("notes"),
            ),
        ),
        ModuleInput(
            name="opportunities",
            label="Opportunities",
            description="Deals that may be won.",
            event_names=CAMEL,
            fields=(
                text("name", required=True, max_length=240),
                field("amount", "number"),
                text("currency", max_length=3),
                select("stage", "Prospecting", "Qualification", "Proposal", "Negotiation", "Won", "Lost", default="Prospecting"),
                field("probability", "number"),
                field("close_date", "date"),
                reference("contact", "contacts"),
                text("owner", max_length=240),
                text("notes"),
            ),
        ),
        ModuleInput(
            name="tasks",
            label="Tasks",
            description="What is to be done. A task that becomes done publishes task.completed.",
            event_names=CAMEL,
            fields=(
                text("subject", required=True, max_length=400),
                text("description"),
                select("status", "open", "in_progress", "done", "cancelled", default="open"),
                select("priority", "Low", "Normal", "High", default="Normal"),
                field("due_at", "datetime"),
                field("completed_at", "datetime"),
                text("assigned_to", max_length=240),
                reference("contact", "contacts"),
            ),
            rules=(becomes("status", "done", "task.completed"),),
        ),
        ModuleInput(
            name="tickets",
            label="Tickets",
            description="Questions and complaints of customers.",
            event_names=CAMEL,
            fields=(
                text("subject", required=True, max_length=400),
                text("description"),
                select("status", "open", "pending", "solved", "closed", default="open"),
                select("priority", "Low", "Normal", "High", "Urgent", default="Normal"),
                text("assigned_to", max_length=240),
                field("email", "email", pii=True),
                reference("contact", "contacts"),
            ),
        ),
    ),
)
