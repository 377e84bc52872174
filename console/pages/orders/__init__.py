"""Orders of partners: where each stands, what it holds, what was done to it."""
