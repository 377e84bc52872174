"""Webhooks: the list, creation, the detail with its tabs."""
