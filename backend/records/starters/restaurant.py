"""The restaurant platform: branches and products; orders have a place of their own."""

from __future__ import annotations

from typing import Final

from backend.records.definitions import ModuleInput
from backend.records.starters.kit import StarterSet, field, reference, select, text

RESTAURANT: Final = StarterSet(
    "restaurant",
    "Restaurant",
    "Branches and products, beside the orders.",
    (
        ModuleInput(
            name="branches",
            label="Branches",
            description="Places that take orders.",
            fields=(
                text("branch_id", required=True, unique=True, max_length=120, description="As orders name it."),
                text("name", required=True, max_length=240),
                text("address", max_length=1000),
                field("phone", "phone"),
                text("time_zone", max_length=60),
                field("opening_hours", "json"),
                field("is_open", "boolean", default=True),
            ),
        ),
        ModuleInput(
            name="products",
            label="Products",
            description="What can be ordered.",
            fields=(
                text("product_id", required=True, unique=True, max_length=120, description="As orders name it."),
                text("name", required=True, max_length=240),
                text("description"),
                text("category", max_length=120),
                field("price", "number"),
                text("currency", max_length=3),
                select("status", "available", "sold_out", "hidden", default="available"),
                field("modifiers", "json"),
                field("image_url", "url"),
                reference("branch", "branches"),
            ),
        ),
    ),
)
