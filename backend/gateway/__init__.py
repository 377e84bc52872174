"""The ASGI door of the public API: recognises callers, refuses, limits, logs."""
