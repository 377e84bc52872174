"""Starter sets: modules with their fields, events and rules, ready to be installed. Data only."""

from __future__ import annotations

from typing import Final

from backend.records.starters.crm import CRM
from backend.records.starters.erp import ERP
from backend.records.starters.kit import StarterSet
from backend.records.starters.restaurant import RESTAURANT
from backend.records.starters.social import SOCIAL

__all__ = ["SETS", "StarterSet"]

SETS: Final[dict[str, StarterSet]] = {one.name: one for one in (CRM, ERP, SOCIAL, RESTAURANT)}
