"""Which webhooks an event goes to: exact names, `order.*` and `*`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

EVERYTHING: Final = "*"

# What the product says about itself: only for webhooks that name it, so that a receiver of everything never gets reports on
# its own failures.
OPERATIONAL: Final = frozenset(
    {
        "webhook.failing",
        "webhook.disabled",
        "webhook.recovered",
        "delivery.exhausted",
        "api_key.expiring",
        "api_key.expired",
        "api_key.due",
        "api_key.unusual_activity",
        "rate_limit.exceeded",
        "integration.error",
        "integration.needs_reconnect",
        "sync.failed",
        "incoming.rejected",
    }
)


def matches(event_types: Iterable[str], name: str, *, by_star: bool = True) -> bool:
    """Whether a webhook with these event types takes the event `name`.

    `by_star=False` is for events that have a second, more specific one beside them: `*` takes only that.
    """
    return pattern_for(event_types, name, by_star=by_star) is not None


def pattern_for(event_types: Iterable[str], name: str, *, by_star: bool = True) -> str | None:
    """The entry of `event_types` that takes the event `name`, or None. `order.*` takes every name that begins with `order.`."""
    for pattern in event_types:
        if pattern == name:
            return pattern
        if pattern == EVERYTHING:
            if by_star and name not in OPERATIONAL:
                return pattern
        elif pattern.endswith(".*") and name.startswith(pattern[:-1]):
            return pattern
    return None


def explain(event_types: Sequence[str], name: str, *, by_star: bool = True) -> str:
    """In one sentence, whether and by which entry an event is subscribed to."""
    pattern = pattern_for(event_types, name, by_star=by_star)
    if pattern is not None:
        return f"Subscribed to {name}." if pattern == name else f"Subscribed to {name} by {pattern}."
    if EVERYTHING in event_types:
        if name in OPERATIONAL:
            return f"Not subscribed: * does not include {name}, which reports on the product itself and has to be named."
        return f"Not subscribed: * takes the more specific event that was published beside {name}."
    listed = ", ".join(event_types[:5]) + (", …" if len(event_types) > 5 else "")
    return f"Not subscribed to {name}: the webhook takes {listed or 'nothing'}."


def is_known(pattern: str, names: Iterable[str]) -> bool:
    """Whether an entry means anything: `*`, the name of a type, or `group.*` where a type of that group exists."""
    if pattern == EVERYTHING:
        return True
    if pattern.endswith(".*"):
        return len(pattern) > 2 and any(name.startswith(pattern[:-1]) for name in names)
    return pattern in names


def groups(names: Iterable[str]) -> set[str]:
    """Every `group.*` under which one of these names falls."""
    return {f"{name.rpartition('.')[0]}.*" for name in names if "." in name}
