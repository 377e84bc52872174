"""Publishing: an event and its deliveries, durable in one transaction."""
