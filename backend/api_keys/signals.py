"""When the use of a key is unusual: a burst of new networks, five times the usual rate, repeated denials. Pure."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from backend.logs.usage import Seen

NEW_NETWORKS: Final = 5
NETWORK_WINDOW: Final = timedelta(hours=1)
TIMES_USUAL: Final = 5
LEAST_REQUESTS: Final = 500  # fewer in an hour are nothing unusual, whatever was before
LEAST_HOURS: Final = 5  # with requests, else nobody knows what is usual
HISTORY: Final = timedelta(days=7)
DENIALS: Final = 20
DENIAL_WINDOW: Final = timedelta(minutes=30)
# Refusals that say that somebody tries what this key may not do; its limits have an event of their own.
_DENIED: Final = frozenset({"revoked", "disabled", "expired", "replaced", "ip", "scope", "users_only"})
_EXAMPLES: Final = 5


@dataclass(frozen=True, slots=True)
class Signal:
    """What is unusual, and the facts that say so."""

    name: str
    facts: dict[str, Any]


def new_networks(recent: Iterable[Seen], earlier: Sequence[Seen]) -> Signal | None:
    """Five or more networks (/24, of IPv6 /48) of the last hour from which none of the requests before came; nothing of a new key."""
    if not earlier:
        return None
    known = {network_of(seen.ip) for seen in earlier}
    fresh = sorted({network_of(seen.ip) for seen in recent if seen.refusal is None} - known - {""})
    if len(fresh) < NEW_NETWORKS:
        return None
    return Signal("new_networks", {"networks": len(fresh), "examples": fresh[:_EXAMPLES]})


def unusual_rate(requests: int, hours_before: Sequence[int]) -> Signal | None:
    """Five times as many requests in an hour as in the mean hour of the week before that had any."""
    if requests < LEAST_REQUESTS or len(hours_before) < LEAST_HOURS:
        return None
    usual = sum(hours_before) / len(hours_before)
    return Signal("unusual_rate", {"requests": requests, "usual": round(usual)}) if requests >= TIMES_USUAL * usual else None


def repeated_denials(recent: Iterable[Seen], now: datetime) -> Signal | None:
    """Twenty or more requests within half an hour that the key may not make."""
    denied = [seen for seen in recent if seen.refusal in _DENIED and now - seen.at <= DENIAL_WINDOW]
    if len(denied) < DENIALS:
        return None
    reason, address = Counter(seen.refusal for seen in denied), Counter(seen.ip for seen in denied)
    return Signal("repeated_denials", {"denials": len(denied), "reason": reason.most_common(1)[0][0], "ip": address.most_common(1)[0][0]})


def network_of(ip: str) -> str:
    """The /24 or /48 that an address is in; empty for what is none."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ""
    return str(ipaddress.ip_network(f"{address}/{24 if address.version == 4 else 48}", strict=False))
