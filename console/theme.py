"""Owns the look: fonts served by us, the style sheet, and the words and colours of each state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import reflex as rx

STYLESHEETS: Final = ["/console.css"]


class Fonts(rx.Fragment):
    """Inter and JetBrains Mono, bundled with the pages."""

    def add_imports(self) -> dict[str, list[str]]:
        """Side-effect imports: the packages' style sheets."""
        return {"": ["@fontsource-variable/inter/index.css", "@fontsource-variable/jetbrains-mono/index.css"]}


@dataclass(frozen=True, slots=True)
class Look:
    """How a state is shown: its word, its icon and its colour of meaning (`good`, `wait`, `bad`, `info` or empty for grey)."""

    word: str
    icon: str
    tone: str


LOOKS: Final[dict[str, Look]] = {
    "active": Look("Active", "circle-check", "good"),
    "delivered": Look("Delivered", "circle-check", "good"),
    "failing": Look("Failing", "triangle-alert", "wait"),
    "waiting": Look("Waiting", "clock", "wait"),
    "sending": Look("Sending", "arrow-up-right", "info"),
    "retrying": Look("Retrying", "rotate-cw", "wait"),
    "expiring": Look("Expiring", "clock", "wait"),
    "rotation": Look("Rotate", "refresh-cw", "wait"),
    "old_secret": Look("Old secret in use", "key-round", "wait"),
    "unused": Look("Unused", "clock-alert", ""),
    "paused": Look("Paused", "circle-pause", "wait"),
    "dead": Look("Failed", "circle-x", "bad"),
    "failed": Look("Failed", "circle-x", "bad"),
    "revoked": Look("Revoked", "ban", "bad"),
    "disabled": Look("Disabled", "circle-off", "bad"),
    "expired": Look("Expired", "clock-alert", ""),
    "cancelled": Look("Cancelled", "circle-slash", ""),
    "skipped": Look("Skipped", "skip-forward", ""),
    "running": Look("Running", "circle-play", "info"),
    "done": Look("Done", "circle-check", "good"),
    "own": Look("By Crossdock", "cpu", ""),
    "replay": Look("Replay", "repeat", "info"),
    "interrupted": Look("Interrupted", "circle-slash", ""),
    "filtered": Look("Filtered out", "funnel", ""),
    "not_subscribed": Look("Not subscribed", "minus", ""),
    "created_later": Look("Created later", "calendar-plus", ""),
    "deleted": Look("Deleted", "trash-2", ""),
    "warning": Look("Warning", "triangle-alert", "wait"),
    "error": Look("Error", "circle-alert", "bad"),
    "critical": Look("Critical", "octagon-alert", "bad"),
    "pending": Look("Pending", "clock", "wait"),
    "confirmed": Look("Confirmed", "check", "info"),
    "preparing": Look("Preparing", "chef-hat", "info"),
    "ready": Look("Ready", "package-check", "info"),
    "out_for_delivery": Look("Out for delivery", "bike", "info"),
    "completed": Look("Completed", "circle-check-big", "good"),
    "built_in": Look("Built in", "cpu", ""),
    "custom": Look("Your own", "pencil", "info"),
    "deprecated": Look("Deprecated", "triangle-alert", "wait"),
    "archived": Look("Archived", "archive", ""),
    "alive": Look("Alive", "circle-check", "good"),
    "silent": Look("Silent", "triangle-alert", "wait"),
    "lost": Look("Lost", "circle-x", "bad"),
    "ended": Look("Ended", "circle-slash", ""),
    "ok": Look("Up", "circle-check", "good"),
    "degraded": Look("Degraded", "triangle-alert", "wait"),
    "down": Look("Down", "circle-x", "bad"),
    "test": Look("Test", "flask-conical", "info"),
    "accepted": Look("Accepted", "circle-check", "good"),
    "rejected": Look("Rejected", "circle-x", "bad"),
    "captured": Look("Captured", "inbox", "info"),
    "duplicate": Look("Duplicate", "copy", ""),
    "received": Look("Received", "clock", "wait"),
    "created": Look("Would create", "plus", "good"),
    "updated": Look("Would change", "pencil", "info"),
    "unchanged": Look("Unchanged", "minus", ""),
    "needs_reconnect": Look("Needs reconnect", "unplug", "bad"),
    "verifying": Look("Verifying", "shield-check", "info"),
    "queued": Look("Queued", "clock", "wait"),
    "granted": Look("Granted", "circle-check", "good"),
    "refused": Look("Not granted", "circle-x", "bad"),
    "requested": Look("Requested", "clock", ""),
    "untold": Look("Provider does not say", "circle-help", ""),
    "beyond": Look("Granted, not asked for", "circle-plus", "info"),
}
