"""Encryption keys: what is sealed under which, and the re-encryption of everything under a new one."""
