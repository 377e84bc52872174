"""Templates: common cases whose webhook, mapping and routes are made at once."""
