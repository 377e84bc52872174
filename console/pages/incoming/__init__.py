"""Incoming webhooks: what others post, and the records that it becomes."""
