"""Replays: what was sent, or missed, before goes out again, counted first, at a chosen rate, item by item."""
