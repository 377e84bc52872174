"""People and workspaces: set-up, sign-in, sessions, roles, tokens."""
