"""API keys: the list, creation, the detail."""
