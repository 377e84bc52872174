"""Logs of what happened at the door and behind it."""
