"""Every endpoint of the five older systems' documents, with the bodies that they give as examples, and what must come of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

INCOMING = "incoming webhooks are not built yet"
INTEGRATIONS = "integrations are not built yet"
LOGS = "this log is not served yet"
MONITORING = "this part of monitoring is not served yet"


@dataclass(frozen=True)
class Call:
    """One endpoint. `{name}` in a path is what an earlier call `saves`; `shows` are members of the answer, and their values where given.

    `by` names the credential: a user's token, or a saved key in one of the two headers. `not_yet` says why it answers 404 today.
    """

    document: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    status: int = 200
    shows: dict[str, Any] = field(default_factory=dict)
    saves: dict[str, str] = field(default_factory=dict)
    by: str = "user"
    not_yet: str = ""


ANY = object()
_CRM, _CLIENT, _NEXUS, _SOCIAL, _FOOD = "000", "001", "002", "003", "004"
PAGE = {"data": ANY}

CRM = (
    Call(
        _CRM,
        "POST",
        "/api/v1/api-keys",
        {"name": "My Integration", "scopes": ["read", "write"], "rate_limit": 1000},
        201,
        {"secret": ANY, "api_key": ANY, "rate_limit": {"per_minute": None, "per_hour": 1000, "per_day": None}},
        {"crm_key": "id", "crm_secret": "secret"},
    ),
    Call(_CRM, "GET", "/api/v1/api-keys", shows=PAGE),
    Call(_CRM, "GET", "/api/v1/api-keys/{crm_key}", shows={"stats": ANY}),
    Call(_CRM, "PUT", "/api/v1/api-keys/{crm_key}", {"name": "My Integration"}, shows={"name": "My Integration"}),
    Call(_CRM, "GET", "/api/v1/records/contacts", shows=PAGE, by="Authorization crm_secret"),
    Call(_CRM, "GET", "/api/v1/records/contacts", shows=PAGE, by="X-API-Key crm_secret"),
    Call(_CRM, "GET", "/api/v1/api-keys/{crm_key}/logs", shows=PAGE),
    Call(_CRM, "POST", "/api/v1/api-keys/{crm_key}/regenerate", shows={"secret": ANY}),
    Call(_CRM, "POST", "/api/v1/api-keys/{crm_key}/revoke", shows={"status": "revoked"}),
    Call(_CRM, "DELETE", "/api/v1/api-keys/{crm_key}", status=204),
    Call(
        _CRM,
        "POST",
        "/api/v1/webhooks",
        {
            "name": "Slack Notification",
            "url": "https://hooks.slack.com/...",
            "events": ["record.created", "record.updated"],
            "verify_ssl": True,
        },
        201,
        {"secret": ANY, "verify_ssl": True},
        {"crm_webhook": "id"},
    ),
    Call(_CRM, "GET", "/api/v1/webhooks", shows=PAGE),
    Call(_CRM, "GET", "/api/v1/webhooks/{crm_webhook}", shows={"stats": ANY}),
    Call(_CRM, "PUT", "/api/v1/webhooks/{crm_webhook}", {"verify_ssl": True}, shows={"verify_ssl": True}),
    Call(_CRM, "POST", "/api/v1/webhooks/{crm_webhook}/rotate-secret", shows={"secret": ANY}),
    Call(_CRM, "POST", "/api/v1/webhooks/{crm_webhook}/test", shows={"success": True}),
    Call(_CRM, "POST", "/api/v1/records/contacts", {"first_name": "Ada", "last_name": "Byron", "email": "ada@example.com"}, 201),
    Call(_CRM, "GET", "/api/v1/webhooks/{crm_webhook}/deliveries", shows=PAGE, saves={"crm_delivery": "data.0.id"}),
    Call(_CRM, "GET", "/api/v1/webhooks/{crm_webhook}/deliveries/{crm_delivery}", shows={"status": ANY}),
    Call(_CRM, "POST", "/api/v1/webhooks/{crm_webhook}/deliveries/{crm_delivery}/retry", status=202),
    Call(_CRM, "DELETE", "/api/v1/webhooks/{crm_webhook}", status=204),
    Call(_CRM, "GET", "/api/v1/incoming-webhooks", not_yet=INCOMING),
    Call(
        _CRM,
        "POST",
        "/api/v1/incoming-webhooks",
        {
            "name": "Form Submissions",
            "module_id": 1,
            "action": "create",
            "field_mapping": {"email": "email", "name": "full_name", "company": "company_name"},
        },
        201,
        not_yet=INCOMING,
    ),
    Call(_CRM, "GET", "/api/v1/incoming-webhooks/inc_1", not_yet=INCOMING),
    Call(_CRM, "PUT", "/api/v1/incoming-webhooks/inc_1", {"name": "Form Submissions"}, not_yet=INCOMING),
    Call(_CRM, "DELETE", "/api/v1/incoming-webhooks/inc_1", status=204, not_yet=INCOMING),
    Call(_CRM, "POST", "/api/v1/incoming-webhooks/inc_1/regenerate-token", not_yet=INCOMING),
    Call(_CRM, "GET", "/api/v1/incoming-webhooks/inc_1/logs", not_yet=INCOMING),
    Call(_CRM, "POST", "/api/v1/webhooks/incoming/token", {"email": "ada@example.com"}, by="nobody", not_yet=INCOMING),
)

CLIENT = (
    Call(
        _CLIENT,
        "POST",
        "/api/v1/webhooks",
        {
            "name": "Contact Notifications",
            "url": "https://example.com/webhook",
            "events": ["contact.created", "contact.updated"],
            "isActive": True,
        },
        201,
        {"name": "Contact Notifications", "events": ["contact.created", "contact.updated"], "secret": ANY, "isActive": True},
        {"client_webhook": "id"},
    ),
    Call(_CLIENT, "GET", "/api/v1/webhooks", shows=PAGE),
    Call(_CLIENT, "GET", "/api/v1/webhooks/{client_webhook}", shows={"isActive": True}),
    Call(
        _CLIENT,
        "POST",
        "/api/v1/contacts",
        {"firstName": "John", "lastName": "Doe", "email": "john@example.com"},
        201,
        {"id": ANY, "firstName": "John", "lastName": "Doe", "email": "john@example.com"},
        {"contact": "id"},
    ),
    Call(_CLIENT, "GET", "/api/v1/contacts", shows={"data": ANY, "hasMore": False}),
    Call(_CLIENT, "GET", "/api/v1/contacts/{contact}", shows={"firstName": "John"}),
    Call(_CLIENT, "GET", "/api/v1/webhooks/{client_webhook}/deliveries", shows=PAGE, saves={"client_delivery": "data.0.id"}),
    Call(_CLIENT, "POST", "/api/v1/webhooks/deliveries/{client_delivery}/retry", status=202),
    Call(_CLIENT, "PATCH", "/api/v1/webhooks/{client_webhook}", {"isActive": False}, shows={"isActive": False}),
    Call(_CLIENT, "DELETE", "/api/v1/webhooks/{client_webhook}", status=204),
    Call(
        _CLIENT,
        "POST",
        "/api/v1/integrations",
        {
            "provider": "slack",
            "name": "Sales Team Slack",
            "config": {},
            "credentials": {"webhookUrl": "https://hooks.slack.com/services/...", "channel": "#sales"},
            "isActive": True,
        },
        201,
        not_yet=INTEGRATIONS,
    ),
    Call(_CLIENT, "GET", "/api/v1/integrations", not_yet=INTEGRATIONS),
    Call(_CLIENT, "GET", "/api/v1/integrations/providers", not_yet=INTEGRATIONS),
    Call(_CLIENT, "POST", "/api/v1/integrations/int_1/test", not_yet=INTEGRATIONS),
    Call(_CLIENT, "POST", "/api/v1/integrations/int_1/sync", status=202, not_yet=INTEGRATIONS),
    Call(_CLIENT, "DELETE", "/api/v1/integrations/int_1", status=204, not_yet=INTEGRATIONS),
    Call(_CLIENT, "GET", "/api/docs", by="nobody", shows={"routes": ANY}),
)

NEXUS = (
    Call(_NEXUS, "GET", "/api/docs", by="nobody", shows={"title": ANY, "currentVersion": "v1", "baseURL": ANY, "routes": ANY}),
    Call(_NEXUS, "GET", "/api/docs/v1", by="nobody", shows={"routes": ANY}),
    Call(_NEXUS, "GET", "/api/docs/v9", by="nobody", status=404),
    Call(
        _NEXUS,
        "POST",
        "/api/keys",
        # The example's `expiresAt` is a day of the year after it was made; that day has passed.
        {
            "userId": "user123",
            "name": "Accounting Integration",
            "permissions": ["forms:read", "gl:write", "workflow:read"],
            "rateLimit": 5000,
            "expiresAt": "2095-01-01T00:00:00Z",
        },
        201,
        {"key": ANY, "rateLimit": 5000, "rateLimitPerMinute": 5000, "status": "ACTIVE", "createdAt": ANY, "isActive": True},
        {"nexus_key": "id", "nexus_secret": "key"},
    ),
    Call(
        _NEXUS,
        "POST",
        "/api/keys",
        {"name": "Partner Integration", "permissions": ["forms:read", "gl:read"], "expiresAt": "2025-01-01T00:00:00Z"},
        400,
        {"errors": ["expiresAt is not in the future. Give a later time, or leave it out for a key without end."]},
    ),
    Call(_NEXUS, "GET", "/api/keys", shows={"data": ANY, "nextCursor": None}),
    Call(_NEXUS, "GET", "/api/invoices", by="Authorization nexus_secret", status=403, shows={"message": ANY, "requiredScopes": ANY}),
    Call(_NEXUS, "GET", "/api/invoices", shows={"data": ANY}),
    Call(_NEXUS, "GET", "/api/forms", by="Authorization nexus_secret", shows={"data": ANY}),
    Call(_NEXUS, "POST", "/api/keys/{nexus_key}/revoke", shows={"status": "REVOKED", "isActive": False}),
    Call(
        _NEXUS,
        "POST",
        "/api/webhooks",
        {
            "id": "webhook-acme",
            "url": "https://acme.example.com/webhooks",
            "events": ["form.submitted", "form.approved"],
            "active": True,
            "retryPolicy": {"maxRetries": 3, "backoffMs": 1000},
        },
        201,
        {"secret": ANY, "externalRef": "webhook-acme", "isActive": True, "status": "ACTIVE", "maxAttempts": 4},
        {"nexus_webhook": "id"},
    ),
    Call(
        _NEXUS,
        "POST",
        "/api/webhooks",
        {"url": "https://acme.example.com/webhooks", "events": ["form.submitted"], "active": True, "secret": "whsec_xxx"},
        400,
        {"statusCode": 400, "errors": ANY},
    ),
    Call(_NEXUS, "GET", "/api/webhooks", shows={"data": ANY}),
    Call(_NEXUS, "GET", "/api/webhooks/{nexus_webhook}/events", shows={"data": ANY}),
    Call(
        _NEXUS,
        "POST",
        "/api/integrations",
        {
            "id": "stripe-prod",
            "name": "Stripe Production",
            "type": "payment",
            "provider": "stripe",
            "enabled": True,
            "apiKey": "sk_live_...",
            "webhookUrl": "https://api.nexusai.com/webhooks/stripe",
        },
        201,
        not_yet=INTEGRATIONS,
    ),
    Call(_NEXUS, "GET", "/api/integrations", not_yet=INTEGRATIONS),
    Call(_NEXUS, "POST", "/api/integrations/int_1/sync", status=202, not_yet=INTEGRATIONS),
)

SOCIAL = (
    Call(
        _SOCIAL,
        "POST",
        "/api/integrations/webhooks",
        {
            "name": "Post Published Webhook",
            "url": "https://yourapp.com/webhooks/post-published",
            "events": ["POST_PUBLISHED", "POST_FAILED"],
            "headers": {"X-Custom-Header": "value"},
            "retryConfig": {"maxRetries": 3, "backoffMultiplier": 2},
        },
        201,
        {"name": "Post Published Webhook", "secret": ANY, "events": ["POST_PUBLISHED", "POST_FAILED"], "status": "ACTIVE"},
        {"social_webhook": "id"},
    ),
    Call(_SOCIAL, "GET", "/api/integrations/webhooks", shows={"data": ANY}),
    Call(_SOCIAL, "GET", "/api/integrations/webhooks/{social_webhook}", shows={"maxAttempts": 4}),
    Call(
        _SOCIAL,
        "PUT",
        "/api/integrations/webhooks/{social_webhook}",
        {"events": ["POST_PUBLISHED", "POST_SCHEDULED", "POST_FAILED"]},
        shows={"events": ["POST_PUBLISHED", "POST_SCHEDULED", "POST_FAILED"]},
    ),
    Call(
        _SOCIAL,
        "POST",
        "/api/v1/events",
        {
            "type": "POST_PUBLISHED",
            "data": {
                "postId": "post_456",
                "platforms": ["INSTAGRAM", "FACEBOOK"],
                "content": "Check out our new product!",
                "publishedAt": "2024-01-13T12:00:00Z",
            },
        },
        202,
    ),
    Call(
        _SOCIAL,
        "GET",
        "/api/integrations/webhooks/{social_webhook}/deliveries",
        shows={"data": ANY},
        saves={"social_delivery": "data.0.id"},
    ),
    Call(
        _SOCIAL,
        "POST",
        "/api/integrations/webhooks/{social_webhook}/deliveries/{social_delivery}/retry",
        status=202,
        shows={"webhookId": ANY, "status": ANY},
    ),
    Call(_SOCIAL, "DELETE", "/api/integrations/webhooks/{social_webhook}", status=204),
    Call(
        _SOCIAL,
        "POST",
        "/api/integrations/api-keys",
        # The example's `expiresAt` has passed; this is seventy years later.
        {
            "name": "Production API Key",
            "scopes": ["posts:read", "posts:write", "analytics:read"],
            "rateLimitPerHour": 1000,
            "rateLimitPerDay": 10000,
            "expiresAt": "2095-12-31T23:59:59Z",
        },
        201,
        {
            "key": ANY,
            "scopes": ["analytics:read", "posts:read", "posts:write"],
            "status": "ACTIVE",
            "createdAt": ANY,
            "rateLimit": 1000,
            "rateLimitPerDay": 10000,
        },
        {"social_key": "id", "social_secret": "key"},
    ),
    Call(_SOCIAL, "POST", "/api/integrations/api-keys", {"name": "Test Key", "scopes": ["posts:read"]}, 201, {"rateLimit": 6000}),
    Call(_SOCIAL, "GET", "/api/integrations/api-keys", shows={"data": ANY}),
    Call(_SOCIAL, "GET", "/api/integrations/api-keys/{social_key}", shows={"stats": ANY}),
    Call(_SOCIAL, "GET", "/api/posts", by="Authorization social_secret", shows={"data": ANY, "hasMore": False}),
    Call(_SOCIAL, "GET", "/api/posts", by="X-API-Key social_secret", shows={"data": ANY}),
    Call(_SOCIAL, "POST", "/api/zapier/auth/test", by="X-API-Key social_secret", shows={"kind": "key", "workspaceId": ANY}),
    Call(_SOCIAL, "DELETE", "/api/integrations/api-keys/{social_key}", status=204),
    Call(_SOCIAL, "GET", "/api/posts", by="X-API-Key social_secret", status=401, shows={"statusCode": 401, "message": ANY}),
    Call(
        _SOCIAL,
        "POST",
        "/api/integrations",
        {
            "name": "Salesforce CRM",
            "type": "CRM",
            "provider": "salesforce",
            "description": "Sync contacts and leads with Salesforce",
            "scopes": ["read_contacts", "write_leads"],
            "config": {
                "authorizationUrl": "https://login.salesforce.com/services/oauth2/authorize",
                "tokenUrl": "https://login.salesforce.com/services/oauth2/token",
                "clientId": "your_client_id",
                "clientSecret": "your_client_secret",
            },
        },
        201,
        not_yet=INTEGRATIONS,
    ),
    Call(_SOCIAL, "GET", "/api/integrations?includePublic=true", not_yet=INTEGRATIONS),
    Call(_SOCIAL, "GET", "/api/integrations/int_1", not_yet=INTEGRATIONS),
    Call(_SOCIAL, "PUT", "/api/integrations/int_1", {"name": "Updated Name", "status": "ACTIVE"}, not_yet=INTEGRATIONS),
    Call(_SOCIAL, "DELETE", "/api/integrations/int_1", status=204, not_yet=INTEGRATIONS),
    Call(
        _SOCIAL,
        "POST",
        "/api/integrations/int_1/oauth/initiate",
        {"redirectUri": "https://yourapp.com/oauth/callback"},
        not_yet=INTEGRATIONS,
    ),
    Call(
        _SOCIAL,
        "POST",
        "/api/integrations/oauth/callback",
        {"code": "authorization_code", "state": "state_from_initiate"},
        by="nobody",
        not_yet=INTEGRATIONS,
    ),
    Call(_SOCIAL, "POST", "/api/integrations/int_1/oauth/refresh", not_yet=INTEGRATIONS),
)

_V1 = "/api/integration/v1"
FOOD = (
    Call(
        _FOOD,
        "POST",
        f"{_V1}/api-keys",
        {"name": "Production Integration", "scopes": ["orders:read", "orders:write"], "rateLimit": 100},
        201,
        {
            "key": ANY,
            "keyPrefix": ANY,
            "scopes": ["orders:read", "orders:write"],
            "rateLimit": 100,
            "rateLimitPerMinute": 100,
            "status": "ACTIVE",
        },
        {"food_key": "id", "food_secret": "key"},
    ),
    Call(_FOOD, "GET", f"{_V1}/api-keys", shows={"data": ANY}),
    Call(_FOOD, "GET", f"{_V1}/api-keys/{{food_key}}", shows={"rateLimit": 100}),
    Call(_FOOD, "PUT", f"{_V1}/api-keys/{{food_key}}", {"rateLimit": 1000}, shows={"rateLimit": 1000, "rateLimitPerHour": None}),
    Call(_FOOD, "GET", f"{_V1}/api-keys/{{food_key}}/usage", shows={"total": ANY, "clientError": ANY}),
    Call(
        _FOOD,
        "POST",
        f"{_V1}/webhooks/register",
        {
            "name": "Order Updates",
            "url": "https://partner.com/webhook",
            "events": ["order.created", "order.updated"],
            "maxRetries": 3,
        },
        201,
        {"secret": ANY, "status": "ACTIVE", "maxAttempts": 4},
        {"food_webhook": "id"},
    ),
    Call(_FOOD, "GET", f"{_V1}/webhooks", shows={"data": ANY}),
    Call(_FOOD, "GET", f"{_V1}/webhooks/{{food_webhook}}", shows={"failureCount": 0, "lastTriggeredAt": None}),
    Call(_FOOD, "PUT", f"{_V1}/webhooks/{{food_webhook}}", {"name": "Order Updates"}, shows={"name": "Order Updates"}),
    Call(_FOOD, "POST", f"{_V1}/webhooks/{{food_webhook}}/test", shows={"success": True, "statusCode": 200}),
    Call(_FOOD, "GET", f"{_V1}/webhooks/{{food_webhook}}/deliveries", shows={"data": ANY}),
    Call(
        _FOOD,
        "POST",
        f"{_V1}/orders",
        {
            "branchId": "branch-123",
            "orderType": "delivery",
            "items": [{"productId": "product-456", "quantity": 2, "modifiers": ["extra-cheese"]}],
            "customerName": "John Doe",
            "customerPhone": "+971501234567",
            "deliveryAddress": "123 Main St, Dubai",
        },
        201,
        {"id": ANY, "branchId": "branch-123", "orderType": "delivery", "status": "PENDING", "customerName": "John Doe"},
        {"order": "id"},
        by="X-API-Key food_secret",
    ),
    Call(
        _FOOD,
        "POST",
        f"{_V1}/orders",
        {"items": [], "orderType": "delivery"},
        400,
        {
            "statusCode": 400,
            "message": ANY,
            "errors": ["branchId is missing. Send it.", "items is out of range. Use at least 1 items."],
        },
        by="X-API-Key food_secret",
    ),
    Call(_FOOD, "GET", f"{_V1}/orders/{{order}}", shows={"status": "PENDING"}, by="X-API-Key food_secret"),
    Call(
        _FOOD,
        "PUT",
        f"{_V1}/orders/{{order}}/status",
        {"status": "CONFIRMED"},
        shows={"status": "CONFIRMED", "allowedStatuses": ANY},
        by="X-API-Key food_secret",
    ),
    Call(_FOOD, "GET", f"{_V1}/orders?status=CONFIRMED&branchId=branch-123", shows={"data": ANY}, by="X-API-Key food_secret"),
    Call(_FOOD, "GET", f"{_V1}/orders/{{order}}/events", shows={"data": ANY}, by="X-API-Key food_secret"),
    Call(_FOOD, "GET", f"{_V1}/orders/order-789", status=404, shows={"statusCode": 404, "message": ANY}, by="X-API-Key food_secret"),
    Call(_FOOD, "GET", f"{_V1}/webhooks", status=403, shows={"statusCode": 403, "requiredScopes": ANY}, by="X-API-Key food_secret"),
    Call(_FOOD, "GET", f"{_V1}/orders", status=401, shows={"statusCode": 401, "message": ANY}, by="nobody"),
    Call(_FOOD, "GET", f"{_V1}/logs/requests", shows={"data": ANY}),
    Call(_FOOD, "GET", f"{_V1}/logs/webhooks", shows={"data": ANY}, not_yet=LOGS),
    Call(_FOOD, "GET", f"{_V1}/logs/errors", shows={"data": ANY}, not_yet=LOGS),
    Call(_FOOD, "GET", f"{_V1}/monitoring/health", by="nobody", shows={"status": ANY}),
    Call(_FOOD, "GET", f"{_V1}/monitoring/metrics", shows={"requests": ANY}),
    Call(_FOOD, "GET", f"{_V1}/monitoring/providers", not_yet=MONITORING),
    Call(_FOOD, "GET", f"{_V1}/monitoring/rate-limits", not_yet=MONITORING),
    Call(_FOOD, "DELETE", f"{_V1}/webhooks/{{food_webhook}}", status=204),
    Call(_FOOD, "DELETE", f"{_V1}/api-keys/{{food_key}}", status=204),
)

CALLS = (*CRM, *CLIENT, *NEXUS, *SOCIAL, *FOOD)
