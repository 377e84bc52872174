"""What a failed attempt leads to: the next one, giving up, or disabling the webhook. Pure: no clock, no database, no network."""

from __future__ import annotations

import email.utils
import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

MINUTE: Final = 60.0
HOUR: Final = 3600.0
DAY: Final = 86_400.0

# Standard Webhooks 1.0, "Deliverability and reliability": the first attempt at once, then these delays in seconds.
DEFAULT_SCHEDULE: Final = (5.0, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR)
DEFAULT_MAX_RETRIES: Final = 3
DEFAULT_INITIAL_DELAY: Final = 5.0
DEFAULT_MULTIPLIER: Final = 2.0
MAX_EXPONENTIAL_DELAY: Final = DAY
JITTER: Final = 0.1

MAX_RETRIES: Final = 20
MAX_DELAY: Final = 7 * DAY
MAX_MULTIPLIER: Final = 10.0

MAX_RETRY_AFTER: Final = DAY
THROTTLED_PAUSE: Final = 1.0  # for a lane whose receiver says 429 without saying until when
FAILING_AFTER: Final = 5
DISABLE_AFTER_FAILURES: Final = 20
RULE_USER: Final = "user"
RULE_GONE: Final = "gone"
RULE_FAILING: Final = "all_attempts_failed"
GONE: Final = "The receiver answered 410 Gone: it does not want this webhook any more."
_FAILED: Final = "Every attempt failed for "

_RETRY_AFTER_STATUSES: Final = frozenset({429, 503})
_SECONDS: Final = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)
_EXPONENTIAL_FIELDS: Final = ("max_retries", "initial_delay", "multiplier", "max_delay")
_LONGEST_DATE: Final = 64


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a retry policy: where, what, and what would be right."""

    path: str
    message: str
    fix: str


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The delays in seconds between attempts; one attempt more than there are delays."""

    delays: tuple[float, ...] = DEFAULT_SCHEDULE

    @property
    def max_attempts(self) -> int:
        """Attempts in all, the first included."""
        return len(self.delays) + 1


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again at `at`; until `block_lane_until` nothing at all goes to this receiver, for `block_reason`."""

    at: datetime
    block_lane_until: datetime | None = None
    block_reason: str | None = None  # retry_after | throttle


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The policy is exhausted: the delivery is dead. The receiver may still have asked for a pause."""

    reason: str
    block_lane_until: datetime | None = None
    block_reason: str | None = None


@dataclass(frozen=True, slots=True)
class DisableWebhook:
    """The receiver is gone for good (410): the delivery is dead and the webhook is disabled by `rule`."""

    reason: str
    rule: str = RULE_GONE


Decision = Retry | GiveUp | DisableWebhook


def is_delivered(status_code: int | None) -> bool:
    """Whether an answer means success: any 2xx, nothing else (Standard Webhooks 1.0)."""
    return status_code is not None and 200 <= status_code <= 299


def error_class(status_code: int) -> str | None:
    """The class of failure that an answer means: `redirect` (3xx, which is never followed), `status`, or None for a success."""
    if is_delivered(status_code):
        return None
    return "redirect" if 300 <= status_code <= 399 else "status"


def parse(document: Mapping[str, Any] | None) -> RetryPolicy:
    """The policy that a document means; an empty one or None is the default.

    `{"schedule": [seconds, …]}`, or exponential as soon as one of `max_retries`, `initial_delay`, `multiplier`, `max_delay` is
    there. Raises `ValueError` where `problems` finds any.
    """
    if not document:
        return RetryPolicy()
    found = problems(document)
    if found:
        raise ValueError(" ".join(f"{problem.path} {problem.message}" for problem in found))
    if "schedule" in document:
        return RetryPolicy(tuple(float(delay) for delay in document["schedule"]))
    retries, initial, multiplier, cap = _exponential(document)
    return RetryPolicy(tuple(min(initial * multiplier**step, cap) for step in range(retries)))


def complete(document: Mapping[str, Any] | None) -> dict[str, Any]:
    """The document with everything that it leaves to the defaults written out, as answers show it."""
    if not document:
        return {"schedule": list(DEFAULT_SCHEDULE)}
    if "schedule" in document:
        return {"schedule": [float(delay) for delay in document["schedule"]]}
    return dict(zip(_EXPONENTIAL_FIELDS, _exponential(document), strict=True))


def problems(document: Mapping[str, Any]) -> list[Problem]:
    """Everything that is wrong with a retry policy that somebody gave; none for an empty one."""
    return list(_problems(document))


def delay(policy: RetryPolicy, failure_count: int, rng: random.Random) -> float | None:
    """Seconds to wait after the `failure_count`-th failure (1-based), ±10 %; None when that was the last attempt."""
    if failure_count > len(policy.delays):
        return None
    return policy.delays[max(failure_count, 1) - 1] * rng.uniform(1 - JITTER, 1 + JITTER)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for: a number (fractions round up) or an HTTP-date (RFC 9110, sections 10.2.3, 5.6.7).

    Never negative, at most 24 h; None for a missing or malformed one.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return float(math.ceil(min(float(text), MAX_RETRY_AFTER)))
    if not text or len(text) > _LONGEST_DATE:
        return None
    try:
        moment = email.utils.parsedate_to_datetime(text)
        seconds = ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def decide(
    policy: RetryPolicy,
    *,
    failure_count: int,
    status_code: int | None,
    now: datetime,
    rng: random.Random,
    retry_after: str | None = None,
    error_class: str | None = None,
) -> Decision:
    """What follows a failed attempt. `failure_count` counts the failures since the policy last began, this one included.

    410 disables the webhook. 429 and 503 honour Retry-After (the raw header): nothing goes to the receiver before that, and this
    delivery not before its own schedule either. All else, network errors too, waits as the schedule says.
    """
    if status_code == 410:
        return DisableWebhook(GONE)
    until, reason = _lane_block(status_code, retry_after, now)
    wait = delay(policy, failure_count, rng)
    if wait is None:
        return GiveUp(_exhausted(policy, status_code, error_class), until, reason)
    at = now + timedelta(seconds=wait)
    return Retry(max(at, until) if until is not None else at, until, reason)


def is_failing(consecutive_failures: int) -> bool:
    """Whether a webhook counts as failing: its last 5 attempts failed."""
    return consecutive_failures >= FAILING_AFTER


def disables_at(failing_since: datetime, disable_after_days: int) -> datetime:
    """When a webhook whose attempts have all failed since `failing_since` is disabled, if they go on failing."""
    return failing_since + timedelta(days=disable_after_days)


def announced_at(failing_since: datetime, disable_after_days: int) -> datetime:
    """From when on people are told of that date: half-way."""
    return failing_since + timedelta(days=disable_after_days) / 2


def should_disable(
    *,
    auto_disable: bool,
    disable_after_days: int,
    failing_since: datetime | None,
    consecutive_failures: int,
    now: datetime,
) -> bool:
    """Whether the rule disables a webhook now: every attempt failed for so many days, and at least 20 of them."""
    if not auto_disable or failing_since is None or consecutive_failures < DISABLE_AFTER_FAILURES:
        return False
    return now >= disables_at(failing_since, disable_after_days)


def announcement(
    *,
    auto_disable: bool,
    disable_after_days: int,
    failing_since: datetime | None,
    consecutive_failures: int,
    now: datetime,
) -> datetime | None:
    """The date on which a webhook will be disabled, from the half-way point on; None before, or if the rule is off.

    With fewer than 20 failures the rule waits for the twentieth after that date.
    """
    if not auto_disable or failing_since is None or not is_failing(consecutive_failures):
        return None
    return disables_at(failing_since, disable_after_days) if now >= announced_at(failing_since, disable_after_days) else None


def disabled_reason(disable_after_days: int, consecutive_failures: int) -> str:
    """The sentence that the rule leaves on a webhook that it disabled."""
    days = "1 day" if disable_after_days == 1 else f"{disable_after_days} days"
    return f"{_FAILED}{days} ({consecutive_failures} in a row)."


def rule_of(reason: str | None) -> str:
    """The rule that left this sentence on a webhook: `gone` or `all_attempts_failed`."""
    return RULE_GONE if reason == GONE else RULE_FAILING


def rule_words(reason: str | None) -> str:
    """The rule that left this sentence on a webhook, as people call it: `410 Gone`, `failing for 5 days`."""
    if reason == GONE:
        return "410 Gone"
    return f"failing for {(reason or '').removeprefix(_FAILED).partition(' (')[0]}"


def _exponential(document: Mapping[str, Any]) -> tuple[int, float, float, float]:
    initial = float(document.get("initial_delay", DEFAULT_INITIAL_DELAY))
    return (
        int(document.get("max_retries", DEFAULT_MAX_RETRIES)),
        initial,
        float(document.get("multiplier", DEFAULT_MULTIPLIER)),
        float(document.get("max_delay", MAX_EXPONENTIAL_DELAY)),
    )


def _problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    known = ("schedule", *_EXPONENTIAL_FIELDS)
    for name in document:
        if name not in known:
            yield Problem(name, "is not a field of a retry policy.", f"Use schedule, or {', '.join(_EXPONENTIAL_FIELDS)}.")
    if "schedule" in document:
        if any(name in document for name in _EXPONENTIAL_FIELDS):
            yield Problem(
                "schedule",
                "cannot be given together with the fields of an exponential policy.",
                "Give one or the other.",
            )
        yield from _schedule_problems(document["schedule"])
        return
    retries = document.get("max_retries", DEFAULT_MAX_RETRIES)
    if not isinstance(retries, int) or isinstance(retries, bool) or not 0 <= retries <= MAX_RETRIES:
        yield Problem("max_retries", f"{_shown(retries)} is not a whole number of retries.", f"Use 0 to {MAX_RETRIES}.")
    for name, default, low, high in (
        ("initial_delay", DEFAULT_INITIAL_DELAY, 0.0, MAX_EXPONENTIAL_DELAY),
        ("multiplier", DEFAULT_MULTIPLIER, 1.0, MAX_MULTIPLIER),
        ("max_delay", MAX_EXPONENTIAL_DELAY, 0.0, MAX_EXPONENTIAL_DELAY),
    ):
        value = document.get(name, default)
        if not _is_number(value, low, high):
            unit = "" if name == "multiplier" else " seconds"
            yield Problem(name, f"{_shown(value)} is out of range.", f"Use {low:g} to {high:,.0f}{unit}.")


def _schedule_problems(schedule: Any) -> Iterator[Problem]:
    if not isinstance(schedule, list | tuple):
        yield Problem("schedule", "is not a list of delays in seconds.", "Write it like [5, 300, 1800].")
        return
    delays = cast("Sequence[object]", schedule)
    if len(delays) > MAX_RETRIES:
        yield Problem("schedule", f"has {len(delays)} delays.", f"Use at most {MAX_RETRIES}.")
    for index, value in enumerate(delays[:MAX_RETRIES]):
        if not _is_number(value, 0.0, MAX_DELAY):
            yield Problem(
                f"schedule[{index}]",
                f"{_shown(value)} is out of range.",
                f"Use 0 to {MAX_DELAY:,.0f} seconds (7 days).",
            )


def _is_number(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and low <= value <= high


def _shown(value: object) -> str:
    return repr(value)[:40]


def _lane_block(status_code: int | None, header: str | None, now: datetime) -> tuple[datetime | None, str | None]:
    if status_code not in _RETRY_AFTER_STATUSES:
        return None, None
    seconds = retry_after(header, now)
    if seconds is not None:
        return now + timedelta(seconds=seconds), "retry_after"
    return (now + timedelta(seconds=THROTTLED_PAUSE), "throttle") if status_code == 429 else (None, None)


def _exhausted(policy: RetryPolicy, status_code: int | None, error_class: str | None) -> str:
    last = f"status {status_code}" if status_code is not None else (error_class or "a network error")
    if policy.max_attempts == 1:
        return f"The only attempt failed; the last outcome was {last}."
    return f"All {policy.max_attempts} attempts failed; the last outcome was {last}."
