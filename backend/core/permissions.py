"""What an actor may do: one table of permissions, each with the scope a key needs and the least role a user needs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from backend.core.actor import Actor, ActorKind, Role
from backend.core.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Permission:
    """`scope` is what a key must hold (None: users only); `role` the least role of a user.

    Of a call with the path parameter `resource`, its value is a resource too, by which a key may hold the action: `contacts:read`
    where `records:read` is needed. `also` are further scopes of which each would do.
    """

    name: str
    scope: str | None
    role: Role
    resource: str | None = None
    also: tuple[str, ...] = ()

    def of(self, resource: str) -> Permission:
        """The same permission on one resource by its name."""
        return _on(self, resource)


# Names by which older clients hold scopes on the records of these modules.
_OLDER_RESOURCES = {"gl_entries": "gl", "workflows": "workflow"}


@lru_cache(maxsize=4096)
def _on(permission: Permission, resource: str) -> Permission:
    general = permission.scope or ""
    action = general.partition(":")[2]
    older = _OLDER_RESOURCES.get(resource)
    also = (general, f"{older}:{action}") if older else (general,)
    return Permission(f"{resource}:{action}", f"{resource}:{action}", permission.role, also=also)


SIGNED_IN = Permission("signed_in", None, Role.VIEWER)

API_KEYS_READ = Permission("api_keys:read", "api_keys:read", Role.VIEWER)
API_KEYS_WRITE = Permission("api_keys:write", "api_keys:write", Role.ADMIN)
API_KEYS_DELETE = Permission("api_keys:delete", "api_keys:delete", Role.ADMIN)
EVENTS_READ = Permission("events:read", "events:read", Role.VIEWER)
EVENTS_WRITE = Permission("events:write", "events:write", Role.ADMIN)
EVENTS_DELETE = Permission("events:delete", "events:delete", Role.ADMIN)
WEBHOOKS_READ = Permission("webhooks:read", "webhooks:read", Role.VIEWER)
WEBHOOKS_WRITE = Permission("webhooks:write", "webhooks:write", Role.ADMIN)
WEBHOOKS_DELETE = Permission("webhooks:delete", "webhooks:delete", Role.ADMIN)
WEBHOOKS_OPERATE = Permission("webhooks:operate", "webhooks:write", Role.SUPPORT)
MODULES_READ = Permission("modules:read", "modules:read", Role.VIEWER)
MODULES_WRITE = Permission("modules:write", "modules:write", Role.ADMIN)
MODULES_DELETE = Permission("modules:delete", "modules:delete", Role.ADMIN)
RECORDS_READ = Permission("records:read", "records:read", Role.VIEWER, resource="module")
RECORDS_WRITE = Permission("records:write", "records:write", Role.ADMIN, resource="module")
RECORDS_DELETE = Permission("records:delete", "records:delete", Role.ADMIN, resource="module")
ORDERS_READ = Permission("orders:read", "orders:read", Role.VIEWER)
ORDERS_WRITE = Permission("orders:write", "orders:write", Role.ADMIN)
INCOMING_READ = Permission("incoming:read", "incoming:read", Role.VIEWER)
INCOMING_WRITE = Permission("incoming:write", "incoming:write", Role.ADMIN)
INCOMING_DELETE = Permission("incoming:delete", "incoming:delete", Role.ADMIN)
INCOMING_OPERATE = Permission("incoming:operate", "incoming:write", Role.SUPPORT)
INTEGRATIONS_READ = Permission("integrations:read", "integrations:read", Role.VIEWER)
INTEGRATIONS_WRITE = Permission("integrations:write", "integrations:write", Role.ADMIN)
INTEGRATIONS_DELETE = Permission("integrations:delete", "integrations:delete", Role.ADMIN)
INTEGRATIONS_OPERATE = Permission("integrations:operate", "integrations:write", Role.SUPPORT)
LOGS_READ = Permission("logs:read", "logs:read", Role.VIEWER)
LOGS_KEEP = Permission("logs:keep", None, Role.ADMIN)
AUDIT_READ = Permission("audit:read", None, Role.ADMIN)
METRICS_READ = Permission("metrics:read", "metrics:read", Role.VIEWER)
MEMBERS_READ = Permission("members:read", None, Role.ADMIN)
MEMBERS_WRITE = Permission("members:write", None, Role.OWNER)
ENCRYPTION_READ = Permission("encryption:read", None, Role.OWNER)
ENCRYPTION_WRITE = Permission("encryption:write", None, Role.OWNER)
INSTANCE_READ = Permission("instance:read", None, Role.SUPER_ADMIN)
INSTANCE_WRITE = Permission("instance:write", None, Role.SUPER_ADMIN)


def allows(actor: Actor, permission: Permission) -> bool:
    """Whether `actor` has `permission` in its workspace."""
    if actor.kind is ActorKind.SYSTEM:
        return True
    if actor.kind is ActorKind.USER:
        return actor.role is not None and actor.role.rank >= permission.role.rank
    return permission.scope is not None and any(holds(actor.scopes, scope) for scope in (permission.scope, *permission.also))


def holds(scopes: frozenset[str], needed: str) -> bool:
    """Whether a set of scopes includes `needed`; `<resource>:manage` includes every action on the resource."""
    return needed in scopes or f"{needed.partition(':')[0]}:manage" in scopes


def require(actor: Actor, permission: Permission) -> None:
    """Raise `Forbidden`, naming what would do, unless `actor` has `permission`."""
    if allows(actor, permission):
        return
    if actor.kind is ActorKind.KEY and permission.scope is not None:
        needed = (permission.scope, *permission.also)
        scopes = tuple(one for scope in needed for one in (scope, f"{scope.partition(':')[0]}:manage"))
        raise Forbidden(
            f"This needs the scope {permission.scope}, which the key does not hold. Use a key that has it, or add it.",
            scopes,
            reason="scope",
        )
    if actor.kind is ActorKind.KEY:
        raise Forbidden("API keys cannot do this; sign in as a user.", reason="users_only")
    raise Forbidden(f"This needs the role {permission.role}; yours is {actor.role}. Ask an owner of the workspace.", reason="role")
