"""Settings of the workspace, and those of the installation."""
