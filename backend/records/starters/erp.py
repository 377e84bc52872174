"""The ERP: forms, invoices, general ledger entries, workflows, approvals."""

from __future__ import annotations

from typing import Final

from backend.records.definitions import CAMEL, ModuleInput
from backend.records.starters.kit import StarterSet, becomes, changes, created, field, select, text

ERP: Final = StarterSet(
    "erp",
    "ERP",
    "Forms, invoices, ledger entries, workflows and approvals. Publishes form.submitted, workflow.transitioned, gl.posted and more.",
    (
        ModuleInput(
            name="forms",
            label="Forms",
            description="Forms that were filled in, and what was decided about them.",
            event_names=CAMEL,
            fields=(
                text("form_id", required=True, max_length=120),
                text("record_id", max_length=120),
                field("amount", "number"),
                text("currency", max_length=3),
                select("status", "draft", "submitted", "approved", "rejected", default="draft"),
                text("submitted_by", pii=True, max_length=240),
                text("approved_by", pii=True, max_length=240),
                text("rejected_by", pii=True, max_length=240),
                text("reason", max_length=2000),
                field("content", "json"),
            ),
            rules=(
                becomes("status", "submitted", "form.submitted"),
                becomes("status", "approved", "form.approved"),
                becomes("status", "rejected", "form.rejected"),
            ),
        ),
        ModuleInput(
            name="invoices",
            label="Invoices",
            description="Invoices to customers.",
            event_names=CAMEL,
            fields=(
                text("number", required=True, unique=True, max_length=60),
                text("customer_name", pii=True, max_length=240),
                field("customer_email", "email", pii=True),
                field("amount", "number", required=True),
                text("currency", max_length=3),
                select("status", "draft", "sent", "paid", "overdue", "void", default="draft"),
                field("issued_on", "date"),
                field("due_on", "date"),
                field("paid_at", "datetime"),
                field("lines", "json"),
            ),
        ),
        ModuleInput(
            name="gl_entries",
            label="Ledger entries",
            description="Entries of the general ledger. One that becomes posted publishes gl.posted.",
            event_names=CAMEL,
            fields=(
                text("entry_id", max_length=120),
                text("debit", required=True, max_length=60),
                text("credit", required=True, max_length=60),
                field("amount", "number", required=True),
                text("currency", max_length=3),
                text("description", max_length=1000),
                field("posted_on", "date"),
                select("status", "draft", "posted", "reversed", default="draft"),
            ),
            rules=(becomes("status", "posted", "gl.posted"),),
        ),
        ModuleInput(
            name="workflows",
            label="Workflows",
            description="Where things stand. Another state publishes workflow.transitioned.",
            event_names=CAMEL,
            fields=(
                text("workflow_id", max_length=120),
                text("name", required=True, max_length=240),
                text("record_id", max_length=120),
                text("state", required=True, max_length=60),
                text("assigned_to", max_length=240),
            ),
            rules=(changes("state", "workflow.transitioned"),),
        ),
        ModuleInput(
            name="approvals",
            label="Approvals",
            description="What somebody is asked to approve.",
            event_names=CAMEL,
            fields=(
                text("approval_id", max_length=120),
                text("record_id", max_length=120),
                text("approver", required=True, pii=True, max_length=240),
                text("requested_by", pii=True, max_length=240),
                select("status", "requested", "approved", "rejected", default="requested"),
                text("comment", max_length=2000),
            ),
            rules=(created("approval.requested"),),
        ),
    ),
)
