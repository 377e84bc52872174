"""The built-in receiver."""
