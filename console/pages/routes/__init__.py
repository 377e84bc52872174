"""The pages of routes and templates."""
