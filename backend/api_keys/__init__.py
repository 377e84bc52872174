"""API keys: what they may do, how they are made, changed, replaced, recognised and ended."""
