"""Every column that holds sealed values, with what each value is bound to. Whoever adds one adds it here: a test compares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from backend.integrations import vault
from backend.models import (
    ApiKeySecret,
    IncomingRequest,
    IncomingToken,
    IncomingWebhook,
    IntegrationCredential,
    IntegrationState,
    UserSession,
    Webhook,
)
from backend.models.base import Row
from backend.webhooks import secrets as webhook_secrets


@dataclass(frozen=True, slots=True)
class Sealed:
    """A column of sealed values; `context` is what the value of a row is bound to."""

    model: type[Row]
    column: str
    context: Callable[[Any], str]

    @property
    def name(self) -> str:
        """For people: `webhook.secret_encrypted`."""
        return f"{self.model.__tablename__}.{self.column}"

    @property
    def field(self) -> Any:
        """The column as a query names it."""
        return getattr(self.model, self.column)


def _of_webhook(column: str) -> Sealed:
    return Sealed(Webhook, column, lambda row: f"{webhook_secrets.CONTEXTS[column]}:{row.id}")


# In this order they are gone through; a rotation under way counts on it.
COLUMNS: Final = (
    *(_of_webhook(column) for column in webhook_secrets.CONTEXTS),
    Sealed(IntegrationCredential, "sealed", vault.context),
    Sealed(IntegrationState, "verifier_sealed", vault.verifier_context),
    Sealed(IncomingWebhook, "secrets_encrypted", lambda row: f"incoming_webhook.secrets:{row.id}"),
    Sealed(IncomingRequest, "sealed", lambda row: f"incoming_request:{row.id}"),
)
# Tables of compared secrets: a row is re-hashed when its secret is next used, and refers to its key until then.
COMPARED: Final[tuple[type[Row], ...]] = (ApiKeySecret, UserSession, IncomingToken)
