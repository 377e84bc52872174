"""The runs of worker processes: each has a row, and a heartbeat that says it is alive."""
