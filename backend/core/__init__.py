"""What every feature stands on: database, ids, clock, errors, crypto, egress. Knows no feature."""
