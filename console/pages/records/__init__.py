"""Records: modules with their fields, starter sets, the records of each module."""
