"""Members of the workspace, and invitations to it."""
