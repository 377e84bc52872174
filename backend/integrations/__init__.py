"""A workspace's connections to providers: catalogue, consent, tokens kept alive, tests, syncs and actions."""
