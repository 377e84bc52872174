"""Where webhooks may be sent to in this installation."""

from __future__ import annotations

from dataclasses import replace

from backend.core import egress
from backend.core.egress import EgressPolicy
from backend.core.egress_rules import UrlRefused, parse_url
from backend.core.errors import FieldError, Invalid
from backend.settings import settings
from backend.webhooks.values import ResolvedAddress


def egress_policy() -> EgressPolicy:
    """The rules for URLs of webhooks: those of every outgoing call, and https only where the operator requires it."""
    return replace(EgressPolicy.from_settings(settings()), require_https=settings().require_https)


def resolve(url: str) -> list[ResolvedAddress]:
    """Every address that a URL leads to now, with the rule that decides on it. Raises `Invalid`."""
    rules = egress_policy()
    try:
        target = parse_url(url)
        own = rules.is_own(target)
        parse_url(url, require_https=rules.require_https and not own)
        found = egress.resolve(target.host, target.port, rules)
    except (UrlRefused, egress.HostNotFound) as error:
        raise Invalid(FieldError("url", str(error), "Check the address, or give another.")) from None
    if own:
        return [ResolvedAddress(each.address, allowed=True, rule="our own receiver") for each in found]
    return [ResolvedAddress(each.address, each.verdict.allowed, each.verdict.rule) for each in found]
