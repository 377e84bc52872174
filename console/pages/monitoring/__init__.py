"""How the installation and the workspace's queue are doing."""
