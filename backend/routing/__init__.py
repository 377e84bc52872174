"""Routes: events that lead to an action of an integration."""
