"""The state of the installation and of a workspace: health, metrics, overview."""
