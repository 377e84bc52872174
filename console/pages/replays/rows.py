"""What the browser is told of replays: what each sends, how far it is, and what became of every item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from backend.models import Delivery, Replay
from backend.replays.values import ItemDetail, Progress
from console import words
from console.pages.deliveries.rows import ERROR_WORDS

# What becomes of an item, in the order of the bar, and the statuses of its delivery that mean it.
OUTCOMES: Final = {
    "delivered": "delivered",
    "failed": "dead",
    "waiting": "waiting,sending,retrying",
    "skipped": "skipped",
    "cancelled": "cancelled",
}
_STATUS_WORDS: Final = {
    "delivered": "Delivered",
    "dead": "Failed",
    "failed": "Failed",
    "retrying": "Retrying",
    "waiting": "Waiting",
    "pending": "Waiting",
    "sending": "Sending",
    "cancelled": "Cancelled",
}


@dataclass
class ReplayRow:
    """A replay in the list."""

    id: str
    status: str
    what: str
    done: str
    percent: str
    rate: str
    by: str
    at: str


@dataclass
class Part:
    """One part of the progress bar: which outcome, how many, how wide."""

    outcome: str
    number: str
    width: str


@dataclass
class ReplayDetail:
    """A replay on its own page."""

    id: str = ""
    status: str = ""
    sentence: str = ""
    what: str = ""
    reason: str = ""
    rate: str = ""
    by: str = ""
    created: str = ""
    finished: str = ""
    total: str = ""
    done: str = ""
    share: str = ""
    parts: list[Part] = field(default_factory=list)
    numbers: dict[str, str] = field(default_factory=dict)
    unsent: str = ""
    waiting: str = ""


@dataclass
class ItemRow:
    """One item of a replay: which delivery was replayed, and what became of it."""

    id: str
    outcome: str
    sentence: str
    event: str
    webhook: str
    path: str
    at: str


@dataclass
class SampleRow:
    """A delivery that a replay would send again."""

    id: str
    status: str
    event: str
    webhook: str
    at: str


def in_words(kind: str, wanted: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """What a replay sends: `Failed order.created to Acme ERP since 22 November, 09:51 UTC`. `names` are those of webhooks by id."""
    webhook = names.get(str(wanted.get("webhook_id") or ""), str(wanted.get("webhook_id") or ""))
    to = f" to {webhook}" if webhook else ""
    if kind == "missed":
        return f"What {webhook or 'the webhook'} missed while it was disabled"
    if kind == "event":
        return f"One event{to or ' to every webhook that takes it'}"
    chosen = wanted.get("ids") or ()
    if chosen:
        return f"{words.number(len(chosen))} chosen {'delivery' if len(chosen) == 1 else 'deliveries'}{to}"
    states = [_STATUS_WORDS.get(part.strip().lower(), part.strip()) for part in str(wanted.get("status") or "").split(",") if part.strip()]
    parts = [" or ".join(dict.fromkeys(states)), str(wanted.get("event") or ""), "deliveries"]
    sentence = " ".join(part for part in parts if part) + to
    for word, name in (("since", "since"), ("before", "until")):
        if wanted.get(name):
            sentence += f" {word} {_day(wanted[name])}"
    if wanted.get("status_code"):
        sentence += f" answered with {wanted['status_code']}"
    if wanted.get("error_class"):
        sentence += f" that failed by “{ERROR_WORDS.get(wanted['error_class'], wanted['error_class'])}”"
    if wanted.get("q"):
        sentence += f" with “{wanted['q']}”"
    sentence = sentence if states or wanted.get("event") else f"All {sentence}"
    return sentence[:1].upper() + sentence[1:]


def how_long(number: int, rate: float) -> str:
    """`10,000 at 50 a second: about 3 min 20 s`; empty where there is nothing to send."""
    if number < 1 or rate <= 0:
        return ""
    seconds = number / rate
    return f"{words.number(number)} at {rate:g} a second: {'about ' if seconds >= 1 else ''}{words.lasting(seconds)}"


def replay_row(replay: Replay, progress: Progress, names: Mapping[str, str]) -> ReplayRow:
    """A row of the list."""
    made = sum(_numbers(progress).values())
    return ReplayRow(
        id=replay.id,
        status=replay.status,
        what=in_words(replay.kind, replay.filter or {}, names),
        done=f"{words.number(made)} of {words.number(progress.total)}",
        percent=f"{_part(made, progress.total):.1f}",
        rate=_rate(replay),
        by=replay.created_by_name or "",
        at=words.moment(replay.created_at),
    )


def replay_detail(replay: Replay, progress: Progress, names: Mapping[str, str]) -> ReplayDetail:
    """All of a replay but its items."""
    numbers = _numbers(progress)
    made = sum(numbers.values())
    unsent = 0 if replay.status == "done" else max(progress.total - made, 0)  # what a cancelled one leaves is no part of `remaining`
    return ReplayDetail(
        id=replay.id,
        status=replay.status,
        sentence=_sentence(replay.status, progress, unsent),
        what=in_words(replay.kind, replay.filter or {}, names),
        reason=replay.reason or "",
        rate=_rate(replay),
        by=replay.created_by_name or "",
        created=words.moment(replay.created_at),
        finished=words.moment(replay.finished_at),
        total=words.number(progress.total),
        done=f"{words.number(made)} of {words.number(progress.total)}",
        share=f"{_part(made, progress.total):.0f}",
        parts=[Part(name, words.number(number), f"{_part(number, progress.total):.2f}%") for name, number in numbers.items() if number],
        numbers={name: words.number(number) for name, number in {**numbers, "all": made}.items()},
        unsent=words.number(unsent),
        waiting=words.number(progress.waiting),
    )


def item_row(detail: ItemDetail, names: Mapping[str, str], base: str) -> ItemRow:
    """An item; `base` is the path below which deliveries are."""
    item = detail.item
    opened = item.delivery_id or item.source_id
    return ItemRow(
        id=item.id,
        outcome=detail.status,
        sentence=detail.sentence,
        event=detail.event_type or item.event_id,
        webhook=names.get(item.webhook_id, item.webhook_id),
        path=f"{base}/{opened}" if opened else "",
        at=words.moment(item.created_at),
    )


def sample_row(delivery: Delivery, names: Mapping[str, str]) -> SampleRow:
    """A delivery of a preview."""
    return SampleRow(
        id=delivery.id,
        status=delivery.status,
        event=delivery.event_type,
        webhook=names.get(delivery.webhook_id, "Deleted webhook"),
        at=words.moment(delivery.created_at),
    )


def _numbers(progress: Progress) -> dict[str, int]:
    return {name: getattr(progress, name) for name in OUTCOMES}


def _sentence(status: str, progress: Progress, unsent: int) -> str:
    left = words.number(unsent)
    if status == "running":
        ends = f", about {words.lasting(progress.eta_seconds)}" if progress.eta_seconds is not None else ""
        return f"Running: {left} of {words.number(progress.total)} are still to be sent{ends}."
    if status == "paused":
        held = f" {words.number(progress.waiting)} that it queued before still go out." if progress.waiting else ""
        return f"Paused: {left} of {words.number(progress.total)} are still to be sent.{held}"
    parts = ", ".join(f"{words.number(number)} {name}" for name, number in _numbers(progress).items() if number)
    if status == "cancelled":
        return f"Cancelled: {parts or 'none sent'}; {left} of {words.number(progress.total)} were never sent."
    return f"Done: {parts or 'there was nothing to send'}."


def _rate(replay: Replay) -> str:
    return f"{replay.rate:g} a second" if replay.rate else "All at once"


def _part(some: int, whole: int) -> float:
    return 100 * some / whole if whole else 0.0


def _day(moment: Any) -> str:
    text = words.moment(moment) if not isinstance(moment, str) else moment
    return f"{text[:10]} {text[11:16]} UTC" if len(text) >= 16 else text
