"""Logs: requests, errors, audit, callers that nobody knows."""
