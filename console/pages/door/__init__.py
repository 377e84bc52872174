"""The two pages before sign-in: set-up and sign-in."""
