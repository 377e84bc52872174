"""Owns the addresses of the pages of routes."""

from __future__ import annotations

from typing import Final

PATH: Final = "/settings/routes"
NEW: Final = f"{PATH}/new"
TEMPLATES: Final = f"{PATH}/templates"
