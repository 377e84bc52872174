"""Every table of Crossdock, SQLModel classes only; importing this package registers all of them."""

from backend.models.accounts import InstanceSetting, Invitation, Membership, SignInFailure, User, UserSession, Workspace
from backend.models.api_keys import ApiKey, ApiKeyNotice, ApiKeySecret
from backend.models.deliveries import Attempt, AttemptBody, Delivery, WorkerRun
from backend.models.events import Event, EventType, IdempotencyRecord, SearchTerm
from backend.models.incoming import IncomingRequest, IncomingRollup, IncomingSeen, IncomingShape, IncomingToken, IncomingWebhook
from backend.models.integrations import (
    Integration,
    IntegrationCredential,
    IntegrationEvent,
    IntegrationLink,
    IntegrationSettings,
    IntegrationState,
    IntegrationSync,
    IntegrationSyncError,
    KeyRotation,
)
from backend.models.logs import AuditEntry, AuditHead, ErrorEntry, RequestLog, UnknownRequest
from backend.models.orders import Order, OrderChange, OrderItem
from backend.models.receiver import ReceiverInbox, ReceiverRequest
from backend.models.records import Module, Record, RecordDue, RecordUnique, RecordValue
from backend.models.replays import Replay, ReplayItem
from backend.models.rollups import LATENCY_BOUNDS_MS, DeliveryRollup, ProviderRollup, RequestRollup
from backend.models.routing import Route, RouteLane, RouteRun
from backend.models.sandbox import SandboxAccount, SandboxGrant, SandboxItem, SandboxToken
from backend.models.webhooks import Lane, Webhook, WebhookChange

__all__ = [
    "LATENCY_BOUNDS_MS",
    "ApiKey",
    "ApiKeyNotice",
    "ApiKeySecret",
    "Attempt",
    "AttemptBody",
    "AuditEntry",
    "AuditHead",
    "Delivery",
    "DeliveryRollup",
    "ErrorEntry",
    "Event",
    "EventType",
    "IdempotencyRecord",
    "IncomingRequest",
    "IncomingRollup",
    "IncomingSeen",
    "IncomingShape",
    "IncomingToken",
    "IncomingWebhook",
    "InstanceSetting",
    "Integration",
    "IntegrationCredential",
    "IntegrationEvent",
    "IntegrationLink",
    "IntegrationSettings",
    "IntegrationState",
    "IntegrationSync",
    "IntegrationSyncError",
    "Invitation",
    "KeyRotation",
    "Lane",
    "Membership",
    "Module",
    "Order",
    "OrderChange",
    "OrderItem",
    "ProviderRollup",
    "ReceiverInbox",
    "ReceiverRequest",
    "Record",
    "RecordDue",
    "RecordUnique",
    "RecordValue",
    "Replay",
    "ReplayItem",
    "RequestLog",
    "RequestRollup",
    "Route",
    "RouteLane",
    "RouteRun",
    "SandboxAccount",
    "SandboxGrant",
    "SandboxItem",
    "SandboxToken",
    "SearchTerm",
    "SignInFailure",
    "UnknownRequest",
    "User",
    "UserSession",
    "Webhook",
    "WebhookChange",
    "WorkerRun",
    "Workspace",
]
