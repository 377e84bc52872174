"""Outgoing subscriptions: their settings, secrets, retry policy, matching and state. Deliveries are made elsewhere."""
