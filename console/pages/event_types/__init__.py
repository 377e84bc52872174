"""Event types: the catalogue, and a workspace's own."""
