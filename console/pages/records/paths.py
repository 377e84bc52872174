"""Owns the addresses of records: below a module's name its records, `new`, and `fields`; no module is named with a hyphen."""

from __future__ import annotations

from typing import Final

import reflex as rx

from console.urls import parts

PATH: Final = "/records"
NEW_MODULE: Final = f"{PATH}/new-module"
NEW: Final = "new"
FIELDS: Final = "fields"


def module_of(state: rx.State) -> str:
    """The module that the tab's address names; empty on the page that makes one."""
    here = parts(state)
    return here[1] if len(here) > 1 and here[1] != NEW_MODULE.rpartition("/")[2] else ""
