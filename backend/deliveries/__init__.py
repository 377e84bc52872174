"""Deliveries: one event for one webhook each; the shift that sends them, their outcomes, their log and their repair."""
