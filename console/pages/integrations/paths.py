"""Owns the addresses of the pages of integrations."""

from __future__ import annotations

from typing import Final

PATH: Final = "/settings/integrations"
CATALOGUE: Final = f"{PATH}/catalogue"
SANDBOX: Final = f"{PATH}/sandbox"
