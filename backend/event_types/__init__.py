"""What can happen: the built-in event types with their samples, and those that a workspace adds."""
