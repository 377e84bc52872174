"""Modules and records: types of rows that a workspace defines, and the rows."""
