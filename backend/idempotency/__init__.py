"""Answers kept for 24 hours, so that a repeated request changes nothing twice."""
