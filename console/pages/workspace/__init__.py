"""Workspaces beside the present one."""
