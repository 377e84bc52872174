"""Incoming webhooks: secret addresses that turn what others post into records and orders."""
