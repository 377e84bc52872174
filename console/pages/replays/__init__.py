"""Replays: the dialog that counts before it sends, the list, and each with its progress and outcomes."""
