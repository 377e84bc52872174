"""Social media: posts, mentions, messages, conversations, alerts, campaigns."""

from __future__ import annotations

from typing import Final

from backend.records.definitions import CAMEL, ModuleInput
from backend.records.starters.kit import StarterSet, becomes, changes, created, field, reference, select, text

_PLATFORMS: Final = ("INSTAGRAM", "FACEBOOK", "X", "LINKEDIN", "TIKTOK", "YOUTUBE", "PINTEREST", "THREADS")

SOCIAL: Final = StarterSet(
    "social",
    "Social media",
    "Posts, mentions, messages, conversations, alerts and campaigns. Publishes POST_SCHEDULED, POST_PUBLISHED, MENTION_RECEIVED and more.",
    (
        ModuleInput(
            name="posts",
            label="Posts",
            description="Posts to be published. At `scheduled_at` one with content and platforms is published, another fails.",
            event_names=CAMEL,
            fields=(
                text("content"),
                field("platforms", "multi-select", options=list(_PLATFORMS)),
                field("media", "json"),
                field("scheduled_at", "datetime"),
                field("published_at", "datetime"),
                select("status", "draft", "scheduled", "published", "failed", default="draft"),
                select("approval", "none", "requested", "approved", "rejected", default="none"),
                text("requested_by", pii=True, max_length=240),
                text("error", max_length=1000),
                text("campaign", max_length=240),
            ),
            rules=(
                changes("scheduled_at", "POST_SCHEDULED"),
                {
                    "when": "due",
                    "field": "scheduled_at",
                    "publish": "POST_PUBLISHED",
                    "requires": ["content", "platforms"],
                    "set": {"status": "published", "published_at": "now", "error": None},
                    "otherwise": "POST_FAILED",
                    "otherwise_set": {"status": "failed", "error": "A post needs content and a platform."},
                },
                becomes("approval", "requested", "APPROVAL_REQUESTED"),
                becomes("approval", "approved", "APPROVAL_COMPLETED"),
                becomes("approval", "rejected", "APPROVAL_COMPLETED"),
            ),
        ),
        ModuleInput(
            name="mentions",
            label="Mentions",
            description="Where the brand was mentioned.",
            event_names=CAMEL,
            fields=(
                text("mention_id", max_length=120),
                text("platform", max_length=60),
                text("author", pii=True, max_length=240),
                text("text"),
                field("url", "url"),
                select("sentiment", "positive", "neutral", "negative"),
            ),
            rules=(created("MENTION_RECEIVED"),),
        ),
        ModuleInput(
            name="conversations",
            label="Conversations",
            description="Exchanges with one person.",
            event_names=CAMEL,
            fields=(
                text("conversation_id", max_length=120),
                text("platform", max_length=60),
                text("customer", pii=True, max_length=240),
                text("assigned_to", pii=True, max_length=240),
                select("status", "open", "closed", default="open"),
            ),
            rules=(changes("assigned_to", "CONVERSATION_ASSIGNED"),),
        ),
        ModuleInput(
            name="messages",
            label="Messages",
            description="Messages that arrived.",
            event_names=CAMEL,
            fields=(
                text("message_id", max_length=120),
                text("platform", max_length=60),
                text("from", pii=True, max_length=240),
                text("text", pii=True),
                reference("conversation", "conversations"),
            ),
            rules=(created("MESSAGE_RECEIVED"),),
        ),
        ModuleInput(
            name="alerts",
            label="Alerts",
            description="What listening found.",
            event_names=CAMEL,
            fields=(
                text("alert_id", max_length=120),
                text("keyword", max_length=240),
                field("mentions", "number"),
                field("threshold", "number"),
                select("status", "triggered", "seen", "closed", default="triggered"),
            ),
            rules=(becomes("status", "triggered", "ALERT_TRIGGERED"),),
        ),
        ModuleInput(
            name="campaigns",
            label="Campaigns",
            description="Posts with one aim.",
            event_names=CAMEL,
            fields=(
                text("campaign_id", max_length=120),
                text("name", required=True, max_length=240),
                select("status", "planned", "started", "completed", "cancelled", default="planned"),
                field("started_at", "datetime"),
                field("completed_at", "datetime"),
                field("budget", "number"),
                field("posts", "number"),
            ),
            rules=(becomes("status", "started", "CAMPAIGN_STARTED"), becomes("status", "completed", "CAMPAIGN_COMPLETED")),
        ),
    ),
)
