"""Orders that partners place: what was ordered, what it comes to, where it stands, and everything that was done to it."""
