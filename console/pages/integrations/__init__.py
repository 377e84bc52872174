"""Integrations: the catalogue, connections to providers, the sandbox's switches."""
